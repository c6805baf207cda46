"""What an attempt came to, and which failure is looked for in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from replay import assertions
from replay.conversation import Json
from replay.errors import BadInput, nearest
from replay.oracle._probe import Probe
from replay.verdict import Verdict

OTHERS = ("play", "seam", "python")  # say what is wrong with a case, and are no assertion of a suite
ANY = "failing-assertion"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was wrong with one attempt: assertion, kind and message of each; nothing where it passed."""

    wrong: tuple[tuple[str, str, str], ...] = ()

    @property
    def identities(self) -> frozenset[tuple[str, str]]:
        """The identities of the failures."""
        return frozenset((assertion, kind) for assertion, kind, _ in self.wrong)

    @classmethod
    def of(cls, verdicts: Sequence[Verdict]) -> Answer:
        """Read the verdicts on a case, each failure once; of a play that stopped, nothing else is one."""
        wrong = [one for one in verdicts if one.bad]
        wrong = [one for one in wrong if one.assertion == "play"] or wrong
        bad = {one.identity: one.message for one in reversed(wrong)}
        return cls(tuple((*identity, bad[identity]) for identity in reversed(bad)))

    def to_json(self) -> Json:
        """Return what `from_json` reads back."""
        return [list(one) for one in self.wrong]

    @classmethod
    def from_json(cls, data: Json) -> Answer:
        """Read what `to_json` wrote."""
        return cls(tuple((str(name), str(kind), str(message)) for name, kind, message in data))


@dataclass(frozen=True, slots=True)
class Failure:
    """The failure that counts: of an assertion, and of a kind; empty is any."""

    assertion: str = ""
    kind: str = ""

    def __str__(self) -> str:
        return f"{self.assertion}: {self.kind}" if self.kind else self.assertion or ANY

    @classmethod
    def parse(cls, text: str) -> Failure:
        """Read `tool_calls: missing`, `tool_calls` or `failing-assertion`. Raises BadInput."""
        assertion, _, kind = (part.strip() for part in text.partition(":"))
        if assertion == ANY:
            return cls("", kind)
        known = [*assertions.registry.names(), *OTHERS]
        if assertion not in known:
            raise BadInput(f'"{text}" names no assertion; {nearest(assertion, known)} (or {ANY})')
        return cls(assertion, kind)

    def of(self, answer: Answer) -> tuple[str, str] | None:
        """Return the identity of this failure in an answer, None where it is not there."""
        return next(((name, kind) for name, kind, _ in answer.wrong if self.fits(name, kind)), None)

    def fits(self, assertion: str, kind: str) -> bool:
        """Tell whether a failure is this one."""
        return self.assertion in ("", assertion) and self.kind in ("", kind)


class Oracle(Protocol):
    """The contract of what is asked. `once`: it says the same each time, so that one attempt is enough."""

    once: bool

    def key(self, probe: Probe) -> str:
        """Return what two probes share that have the same answers."""

    def ask(self, probe: Probe, attempts: Sequence[int]) -> list[Answer]:
        """Answer some attempts, counted from 1. Raises Ended where that may not be, or brought no answer."""
