"""Outcomes, counted: an import of any size is told in a few lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from replay.conversation import Object
from replay.record._choice import THERE
from replay.record._coverage import Coverage
from replay.record._outcome import Outcome

MOST = 20  # lines of one kind that a person is told
_MOST_REASONS = 1000


@dataclass(slots=True)
class Tally:
    """The outcomes so far, counted, and the first of those that a person is told."""

    read: int = 0
    imported: int = 0
    conversations: int = 0
    refused: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    _told: dict[str, list[str]] = field(default_factory=dict)
    _more: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> Tally:
        """Count outcomes."""
        tally = cls()
        for outcome in outcomes:
            tally.add(outcome)
        return tally

    def add(self, outcome: Outcome) -> None:
        """Count one more."""
        self.read += 1
        self.imported += outcome.imported
        self.conversations += outcome.imported and outcome.turn <= 1 and outcome.attempt == 1
        if outcome.refused:
            self.refused += 1
            kind = _kind(outcome.refused)
            self.reasons[kind if len(self.reasons) < _MOST_REASONS else "other reasons"] += 1
            self._tell("refused", str(outcome))
        if outcome.skipped:
            self.skipped[outcome.skipped.partition(":")[0]] += 1
        for note in outcome.notes:
            self._tell("note", f"{outcome}: {note}")

    def _tell(self, word: str, line: str) -> None:
        lines = self._told.setdefault(word, [])
        if len(lines) < MOST:
            lines.append(line)
        else:
            self._more[word] += 1

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to run, neither new nor from before."""
        return not self.imported and not self.skipped[THERE]

    def text(self, suite: str, files: int, targets: Iterable[str], sample: Coverage | None) -> str:
        """Return what a person is told."""
        counts = f"{self.imported} imported into suite {suite}, {self.refused} refused"
        counts += "".join(f", {count} {why}" for why, count in self.skipped.items())
        lines = [f"{files} files, {self.read} exchanges: {counts}"]
        if self.conversations < self.imported:
            lines.append(f"they are {self.conversations} conversations")
        lines += [f"{count:6}  {reason}" for reason, count in self.reasons.most_common()]
        lines += sample.lines if sample else []
        lines += [
            f"{word}: {line}" for word, found in self._told.items() for line in self._shown(word, found)
        ]
        named = ", ".join(targets)
        lines += [f"new targets: {named}"] if named else []
        played = f"play them: pytest suites/{suite}.yaml" if self.imported else ""
        lines += ["nothing was imported" if self.nothing else played]
        return "\n".join(filter(None, lines))

    def _shown(self, word: str, lines: list[str]) -> list[str]:
        more = self._more[word]
        return [*lines, f"and {more} more (--json lists them)"] if more else lines

    def to_json(self, suite: str, files: int, targets: Iterable[str], sample: Coverage | None) -> Object:
        """Return what a machine is told, but for the outcomes themselves."""
        counted: Object = {
            "suite": suite,
            "files": files,
            "read": self.read,
            "imported": self.imported,
            "conversations": self.conversations,
            "refused": self.refused,
            "reasons": dict(self.reasons.most_common()),
            "skipped": dict(self.skipped),
            "targets": list(targets),
        }
        return counted | ({"sample": sample.to_json()} if sample else {})


@dataclass(frozen=True, slots=True)
class Recorded:
    """What an import did: the outcome of everything that was read, in order, and the targets it added."""

    suite: str
    files: int
    outcomes: tuple[Outcome, ...]
    targets: tuple[str, ...] = ()
    sample: Coverage | None = None

    @property
    def tally(self) -> Tally:
        """The outcomes, counted."""
        return Tally.of(self.outcomes)

    @property
    def imported(self) -> int:
        """How many exchanges were imported."""
        return self.tally.imported

    @property
    def refused(self) -> int:
        """How many were refused."""
        return self.tally.refused

    @property
    def reasons(self) -> dict[str, int]:
        """Why exchanges were refused, and how many, the most frequent first; names are left out."""
        return dict(self.tally.reasons.most_common())

    @property
    def text(self) -> str:
        """What a person is told."""
        return self.tally.text(self.suite, self.files, self.targets, self.sample)

    def to_json(self) -> Object:
        """Return what a machine is told."""
        told = self.tally.to_json(self.suite, self.files, self.targets, self.sample)
        return told | {"outcomes": [outcome.to_json() for outcome in self.outcomes]}


def _kind(reason: str) -> str:
    """Return a reason without what differs from one exchange to the next."""
    reason = re.sub(r"^([A-Z]+) \S+ is not", r"\1 … is not", reason)
    reason = re.sub(r"(\d+ chunks) of the stream .*", "chunks of a stream", reason)
    return re.sub(r"\s*\([^()]*\)$", "", re.sub(r"\b\d+\b", "…", reason))
