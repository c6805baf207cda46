"""The cases of a comparison, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from replay import fixtures
from replay.assertions._found import names_of
from replay.compare._question import Question
from replay.compare._watch import place
from replay.comparison import OVERALL
from replay.config import Project
from replay.fixtures.variants import as_asked
from replay.jsontext import canonical
from replay.runner import Planned, cases
from replay.runs import Shard
from replay.suites import Suite


@dataclass(frozen=True, slots=True)
class Cases:
    """Every conversation of the suites against every target, `repeats` times.

    They can be gone through more than once. The first attempt of all comes before the second of any, so that
    a run that is stopped early is a whole one with fewer repeats.
    """

    project: Project
    suites: Sequence[Suite]
    question: Question
    shard: Shard | None = None

    def __iter__(self) -> Iterator[Planned]:
        for attempt in range(1, self.question.repeats + 1):
            yield from self.attempt(attempt)

    def attempt(self, number: int) -> Iterator[Planned]:
        """Yield the cases of one attempt: of each conversation, target after target."""
        for suite in self.suites:
            yield from cases(suite, self.project, self.question.targets, [number], shard=self.shard)

    def by_conversation(self) -> list[list[Planned]]:
        """Return the first attempts of each conversation, in the order in which they are looked at."""
        found: dict[tuple[str, str], list[Planned]] = {}
        for planned in self.attempt(1):
            found.setdefault((planned.case.suite, planned.case.conversation), []).append(planned)
        return [found[key] for key in sorted(found, key=lambda key: place(self.question.seed, *key))]

    def content(self) -> tuple[str, int]:
        """Return the hash of all that is asked, of every shard, and how many conversations that is."""
        said, count = sha256(), 0
        for planned in replace(self, shard=None).attempt(1):
            conversation = fixtures.load(planned.fixture, self.project)
            asked = as_asked(conversation, self.project.target(planned.case.target), self.project)
            said.update(canonical(asked.to_json()).encode("utf-8", "surrogatepass"))
            count += planned.case.target == self.question.baseline
        return said.hexdigest(), count

    def family(self) -> tuple[str, ...]:
        """Return the names of all assertions, OVERALL first."""
        judges = (one for suite in self.suites for entry in suite.members for one in entry.assertions)
        return tuple(dict.fromkeys((OVERALL, *(name for one in judges for name in names_of(one)))))


def repeated(planned: Iterable[Planned], attempts: Iterable[int]) -> Iterator[Planned]:
    """Yield the same cases with each of the attempts."""
    firsts = list(planned)
    for attempt in attempts:
        for one in firsts:
            yield replace(one, case=replace(one.case, attempt=attempt))
