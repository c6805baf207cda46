"""A run: cases and what came of them. `run.jsonl` is a header line and then one result a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from replay.conversation import Object
from replay.turn import Transcript
from replay.verdict import Verdict

Outcome = Literal["passed", "failed", "error", "skipped"]


@dataclass(frozen=True, slots=True)
class Case:
    """One conversation played against one target, for the `attempt`-th time (from 1)."""

    conversation: str
    target: str
    attempt: int = 1
    suite: str = ""
    tags: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The one name this case has everywhere: `support/refund[gpt-4o-mini]#1`."""
        return f"{self.conversation}[{self.target}]#{self.attempt}"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one case. `files` names the files it came from: fixture, suite, cassette, baseline.

    `files["terms"]` is a hash of how the suite plays and judges it.

    `cost` is in US dollars, None where no price is known. `warnings` say what is odd and no failure.
    """

    case: Case
    transcript: Transcript
    verdicts: tuple[Verdict, ...] = ()
    cost: float | None = None
    files: Object = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The worst status of the verdicts (failed is worse than error); `skipped` when there is none."""
        statuses = {verdict.status for verdict in self.verdicts}
        ranked: tuple[Outcome, ...] = ("failed", "error", "passed")
        return next((status for status in ranked if status in statuses), "skipped")

    def to_json(self) -> Object:
        """Return one line of `run.jsonl`."""
        case = {
            "id": self.case.id,
            "suite": self.case.suite,
            "attempt": self.case.attempt,
            "tags": list(self.case.tags),
        }
        return {
            "case": case,
            "outcome": self.outcome,
            "cost": self.cost,
            "files": self.files,
            "verdicts": [verdict.to_json() for verdict in self.verdicts],
            "transcript": self.transcript.to_json(),
        } | ({"warnings": list(self.warnings)} if self.warnings else {})

    @classmethod
    def from_json(cls, data: Object) -> Result:
        """Read what `to_json` wrote."""
        transcript = Transcript.from_json(data["transcript"])
        case = Case(
            transcript.conversation.name,
            transcript.target.name,
            data["case"]["attempt"],
            data["case"]["suite"],
            tuple(data["case"]["tags"]),
        )
        verdicts = tuple(Verdict.from_json(verdict) for verdict in data["verdicts"])
        warnings = tuple(data.get("warnings") or ())
        return cls(case, transcript, verdicts, data["cost"], data["files"], warnings)


@dataclass(frozen=True, slots=True)
class Run:
    """A header (what ran, when, with which versions) and its results, which may be a stream."""

    header: Object
    results: Iterable[Result]

    def lines(self) -> Iterator[str]:
        """Yield the lines of `run.jsonl`, each with its newline; a lone surrogate is written as an escape."""
        yield json.dumps({"replay": 1} | self.header) + "\n"
        for result in self.results:
            yield json.dumps(result.to_json()) + "\n"
