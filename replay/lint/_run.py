"""Rules over subjects, and what is made of what they find."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import chain
from pathlib import Path

from replay.cassette.redact import Redactor
from replay.config import Project
from replay.lint._choice import severities
from replay.lint._exchanges import Exchanges
from replay.lint._fixtures import Conversations, targets
from replay.lint._models import Shutdowns
from replay.lint._places import Place
from replay.lint._recent import Recent, digest
from replay.lint._sources import PASTED, Sources
from replay.lint.finding import SEVERITIES, Finding, Found
from replay.lint.rules import find
from replay.lint.subject import Around, Subject
from replay.turn import Target

_READER = "odd-fixture"  # says what rules may say better


def lint(paths: Iterable[Path], project: Project, **options: object) -> list[Finding]:
    """Return all findings in files and folders; the options are those of Linter. Raises BadInput."""
    return list(Linter(project, **options).findings(paths))  # type: ignore[arg-type]


@dataclass
class Linter:
    """Looks for what the chosen rules find; `rules` maps their ids to severities other than their own.

    `select` and `ignore` are ids, or globs over them. `target` names what fixtures are asked of, `model` the
    model of requests that name none. In a log the same thing is told once for each file: `repeats` counts how
    often it was there again. `skipped` counts, by the reason, what could not be looked at. Raises BadInput.
    """

    project: Project
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    rules: Mapping[str, str] = field(default_factory=dict)
    log_format: str = "auto"
    target: str | None = None
    model: str | None = None
    today: date | None = None
    counts: Counter[str] = field(default_factory=Counter)
    repeats: int = 0
    subjects: int = 0

    def __post_init__(self) -> None:
        self.severities = severities(self.project, self.select, self.ignore, self.rules)
        self._redactor = Redactor.for_project(self.project, {})
        secrets = Redactor.for_project(self.project, {}, personal=False)
        self._around = Around(self.today or datetime.now(UTC).date(), secrets, Shutdowns())
        target = self.project.target(self.target) if self.target else Target("", "", self.model or "")
        asked = Conversations(self.project, self._around, target)
        self._sources = Sources(self.project, asked, Exchanges(self._around, self.model), self.log_format)
        self.skipped = self._sources.exchanges.skipped

    def findings(self, paths: Iterable[Path] = ()) -> Iterator[Finding]:
        """Yield findings as files are read; `-` is a request on standard input. Raises BadInput.

        Without paths, the conversations and the targets of the project are looked at.
        """
        named = [Path(path) for path in paths]
        pasted = sys.stdin.buffer.read() if PASTED in named else b""
        seen: Recent[bool] = Recent()
        own = () if named else targets(self.project, self._around)
        for subject, place in chain(own, self._sources.read(named or [self.project.conversations], pasted)):
            self.subjects += 1
            for finding in self._of(subject, place, seen):
                self.counts[finding.severity] += 1
                yield finding

    def failed(self, worst: str) -> bool:
        """Tell whether something as bad as `worst`, a severity, was found; nothing is as bad as `never`."""
        if worst not in SEVERITIES:
            return False
        return any(self.counts[severity] for severity in SEVERITIES[: SEVERITIES.index(worst) + 1])

    def _of(self, subject: Subject, place: Place, seen: Recent[bool]) -> list[Finding]:
        """The findings of one subject, by their place, each told once for a file."""
        found = list[Finding]()
        for rule in self.severities:
            for one in find(rule).check(subject):
                key = digest(place.fingerprint(one.keys, one.reason), [place.path, rule])
                if seen.get(key):
                    self.repeats += 1
                    continue
                seen.put(key, True)
                found.append(self._finding(rule, one, place))
        lines = {one.line for one in found if one.rule != _READER}
        kept = (one for one in found if one.rule != _READER or one.line not in lines)
        return sorted(kept, key=lambda one: (one.line, one.column, one.at, one.rule))

    def _finding(self, rule: str, one: Found, place: Place) -> Finding:
        line, column, at = (one.line, one.column, "") if one.line else place.of(one.keys)
        reason = self._redactor.text(one.reason)
        return Finding(
            rule, self.severities[rule], place.path, line, column, place.record, at, reason, one.mend
        )
