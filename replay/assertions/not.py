"""`not: {contains: sorry}`: the other way round."""  # noqa: N999 - the file's name is the YAML key

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from replay import assertions
from replay.assertions._found import UNJUDGED, name_of
from replay.conversation import Conversation, Json
from replay.diff import short
from replay.errors import Fault
from replay.turn import Transcript
from replay.verdict import Verdict


@dataclass(frozen=True)
class Not:
    """Another assertion does not hold, in any of the places where it is judged.

    Where it could not be judged (`error`, or a kind like `no_reply`), this does not hold either.
    """

    inner: assertions.Assertion
    negatable = False

    def __post_init__(self) -> None:
        """Refuse what makes no sense the other way round."""
        if not getattr(self.inner, "negatable", True):
            raise ValueError(f"{name_of(self.inner)} cannot be negated")

    @classmethod
    def from_yaml(cls, argument: Json) -> Not:
        """Read `{name: argument}` or a bare name."""
        if isinstance(argument, str):
            return cls(assertions.build(argument))
        if not isinstance(argument, dict) or len(argument) != 1:
            raise ValueError(f"not takes one assertion, such as {{contains: sorry}}, not {short(argument)}")
        ((name, inner),) = argument.items()
        return cls(assertions.build(name, inner))

    def to_yaml(self) -> Json:
        """Write what `from_yaml` reads."""
        return assertions.registry.written(self.inner)

    def __call__(self, transcript: Transcript) -> Iterator[Verdict]:
        """Turn each verdict round."""
        found = self.inner(transcript)
        for verdict in [found] if isinstance(found, Verdict) else found:
            yield self._turned(verdict)

    def _turned(self, verdict: Verdict) -> Verdict:
        name = name_of(self.inner)
        if verdict.status in ("error", "skipped") or (verdict.bad and verdict.kind in UNJUDGED):
            return replace(verdict, assertion="not", message=f"{name} was not judged: {verdict.message}")
        if verdict.bad:
            return Verdict("not", "passed", name, turn=verdict.turn)
        where = f"turn {verdict.turn}: " if verdict.turn else ""
        message = f"{where}expected this not to hold: {self.inner}"
        return Verdict("not", "failed", name, message, turn=verdict.turn)

    def bind(self, project: Any) -> Not:
        """Bind what is negated."""
        return replace(self, inner=assertions.bind(self.inner, project))

    def asking(self, ask: assertions.Ask) -> Not:
        """Let what is negated ask, if it does."""
        own = getattr(self.inner, "asking", None)
        return replace(self, inner=own(ask)) if own else self

    @property
    def asks(self) -> tuple[str, ...]:
        """The targets that what is negated asks."""
        return assertions.asked([self.inner])

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that what is negated reads."""
        return assertions.files_of([self.inner])

    def review(self, conversation: Conversation) -> Iterable[Fault]:
        """Review what is negated."""
        return assertions.review([self.inner], conversation)

    def contradicts(self, other: Any) -> bool:
        """Tell whether the same is asked for as it is."""
        return bool(self.inner == other)
