"""A capsule's project played by pytest, in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from replay import runs
from replay.choice import Failures, failures
from replay.conversation import Object
from replay.errors import BadInput

Key = tuple[str, str]  # the suite's file and the case's id
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL|^PYTEST_|^REPLAY_", re.IGNORECASE)
_ALONE = ("-q", "-p", "no:cacheprovider", "-p", "replay.pytest_plugin", "-c", os.devnull)


def unpack(members: Mapping[str, bytes], folder: Path) -> None:
    """Write members below a folder; their names have been checked."""
    for name, data in members.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def play(folder: Path, cases: Sequence[Key], report: Path) -> list[Object]:
    """Play cases offline and return the lines of their run, which is written to `report`.

    No plugin but Replay's is loaded and no configuration of pytest read; the process sees no variable of the
    environment whose name says that it is a secret. Raises BadInput where nothing could be played.
    """
    asked = folder / ".cases"
    asked.write_text("".join(f"{suite}::{case}\n" for suite, case in cases), "utf-8")
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-m", "pytest", *_ALONE, *_within(folder), f"--replay-report={report}", "@.cases"],
        cwd=folder,
        env=_environment(),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    asked.unlink()
    if not (report / "run.jsonl").is_file():
        said = f"{done.stdout}\n{done.stderr}".replace(f"{folder}{os.sep}", "").strip()
        raise BadInput(f"this cannot be played:\n{said}")
    return list(runs.read(report).results)


def _within(folder: Path) -> tuple[str, ...]:
    """Let pytest look at nothing outside the folder, a `conftest.py` above it least of all."""
    return f"--rootdir={folder}", f"--confcutdir={folder}"


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not _SECRET.search(name)}
    return kept | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def key_of(result: Object) -> Key:
    """Return suite and case of a line of a run."""
    return str((result.get("files") or {}).get("suite", "")), str(result["case"]["id"])


def outcomes(results: Sequence[Object]) -> dict[Key, tuple[str, Failures]]:
    """Return what came of each case: its outcome, and the identities of what failed it."""
    return {key_of(one): (str(one.get("outcome", "")), failures(one)) for one in results}
