"""The plugin's options and what they mean together."""

from __future__ import annotations

import argparse
import os
from importlib.util import find_spec

import pytest

MODES = ("none", "once", "new_episodes", "all", "verify")


def add_options(parser: pytest.Parser) -> None:
    """Add the options; where pytest-recording is installed, its `--record-mode` serves both."""
    add = parser.getgroup("replay", "conversation replay").addoption
    if find_spec("pytest_recording") is None:
        add("--record-mode", choices=MODES, default=None, help="how cassettes are used; default: none")
    add("--replay-mode", choices=MODES, default=None, help="the same as --record-mode, for Replay alone")
    add("--replay-target", action="append", metavar="NAME", help="play against this target, not the suite's")
    add("--replay-strict", action="store_true", help="a recording that was not played fails its case")
    add("--replay-pace", action="store_true", help="play streams with their recorded times")
    add("--replay-shard", type=_shard, metavar="N/COUNT", help="run only this part of all tests, as in 2/8")
    add("--replay-report", metavar="DIR", help="write the run here; default: reports/<date and time>")
    add("--no-replay-report", action="store_true", help="write no run and no report")


def mode_of(config: pytest.Config) -> str:
    """Return the record mode asked for; `rewrite`, a word of pytest-recording, is vcrpy's `all`."""
    asked = config.getoption("--replay-mode") or config.getoption("--record-mode", None) or "none"
    return "all" if asked == "rewrite" else str(asked)


def in_ci() -> bool:
    """Whether this runs in continuous integration, as the CI services' own variable says."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false", "no", "off")


def _shard(text: str) -> str:
    """Check the shard, and leave it text: xdist hands options on to its workers."""
    from replay.errors import BadInput
    from replay.runs import Shard

    try:
        return str(Shard.parse(text))
    except BadInput as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None
