"""A parameter is none that the provider documents."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from replay.errors import nearest
from replay.fixtures import PARAMS
from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "warning"
_MEND = "leave it out, or send it to who takes it"
_OPENAI_S = re.compile(r"(?:ft:)?(?:gpt-\d|chatgpt-|o\d\b).*")  # models that others serve by longer names


def check(subject: Subject) -> Iterator[Found]:
    """Find parameters that are not known, at the top of a body or among those of a fixture.

    Providers refuse what they do not know. Other servers of the chat wire take more, and only what is almost
    a known name is found there. A request that was answered has no unknown ones.
    """
    if subject.taken:
        return
    wire = _wire(subject)
    who, known = _documented().get(wire) or ("the chat wire", PARAMS | {"tools"})
    for name in _given(subject, wire):
        if _snake(name) not in known and (wire or get_close_matches(name, known, n=1, cutoff=0.85)):
            near = get_close_matches(_snake(name), known, n=1)
            yield Found(
                ("params", name), f"{who} has no parameter {name}", nearest(name, near) if near else _MEND
            )


def _wire(subject: Subject) -> str:
    """Return the provider whose own list counts, or nothing for the servers of the chat wire."""
    if subject.provider in ("", "openai"):
        elsewhere = {"base_url", "base_url_env"} & subject.settings.keys()
        theirs = subject.addressed or _OPENAI_S.fullmatch(subject.request.model)
        return "openai" if theirs and not elsewhere else ""
    return subject.provider if subject.provider in _documented() and subject.body else ""


def _given(subject: Subject, wire: str) -> Iterable[str]:
    return subject.body if subject.body and wire else (name for name in subject.params if name != "native")


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


@cache
def _documented() -> dict[str, tuple[str, frozenset[str]]]:
    """By the provider: whose list it is, and the names on it."""
    text = files("replay.lint").joinpath("parameters.toml").read_text("utf-8")
    pages = tomllib.loads(text).items()
    return {wire: (page["who"], frozenset(page["names"])) for wire, page in pages}
