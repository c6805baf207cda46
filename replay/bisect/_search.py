"""The search: which step was the first to fail, given that those after it do as well."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from replay.bisect._steps import Step
from replay.errors import BadInput
from replay.oracle import Decider, Failure, Measured, NotFailing, Probe, Remembered, measured
from replay.oracle._decide import GONE
from replay.stats import Wald, at_most_chance

APART = 0.8  # a good end that may fail as often as that, of the bad one's rate, cannot be told from it


@dataclass
class Search:
    """Between a good step and a bad one. `error` bounds the chance that the answer is wrong."""

    steps: Sequence[Step]
    oracle: Remembered
    failure: Failure
    error: float
    told: Callable[[str], None] = lambda _: None
    skipped: list[Step] = field(default_factory=list)
    tested: dict[int, bool] = field(default_factory=dict)

    def run(self) -> tuple[int, int]:
        """Return the places of the last good step and the first bad one; what lies between was skipped.

        Every step halves what is left. Of a flaky failure each is decided by a sequential test, with its part
        of the error. Raises NotFailing, BadInput and Ended.
        """
        decider = self._decider()
        good, bad = 0, len(self.steps) - 1
        beta = self.error * 2 / 5 / max((len(self.steps) - 1).bit_length(), 1)
        while (middle := self._between(good, bad)) is not None:
            self.tested[middle] = decider.fails(_probe(self.steps[middle]), beta)
            self.told(f"{self.steps[middle].name}: {'bad' if self.tested[middle] else 'good'}")
            good, bad = (good, middle) if self.tested[middle] else (middle, bad)
        return good, bad

    def _between(self, good: int, bad: int) -> int | None:
        """Return the place nearest to the middle at which something can be asked, None for none."""
        middle = (good + bad) // 2
        for place in sorted(range(good + 1, bad), key=lambda place: (abs(place - middle), place)):
            if self.steps[place].probe is not None:
                return place
            if self.steps[place] not in self.skipped:
                self.skipped.append(self.steps[place])
        return None

    def _decider(self) -> Decider:
        """Ask both ends; a fifth of the error is spent on how often they fail."""
        good, bad = _probe(self.steps[0]), _probe(self.steps[-1])
        if self.oracle.once:
            self._check_once(good, bad)
            return Decider(self.oracle, self.failure, None, self.error)
        fails = measured(self.oracle, bad, self.failure, self.error / 10)
        before = measured(self.oracle, good, self.failure, self.error / 10)
        if not fails.failed:
            raise NotFailing(
                f"{self.steps[-1].name} does not fail with {self.failure} in {fails.times} attempts"
            )
        return Decider(self.oracle, self.failure, self._wald(before, fails), self.error * 4 / 5)

    def _wald(self, before: Measured, fails: Measured) -> Wald:
        least = fails.least * GONE
        if before.failed:
            least = max(least, at_most_chance(before.failed, before.times, self.error / 10))
        if least >= fails.least * APART:
            often = f"{before.failed} of {before.times} times, the bad one {fails.failed} of {fails.times}"
            raise NotFailing(f"{self.steps[0].name} fails with {self.failure} as well: {often}")
        return Wald(least, fails.least)

    def _check_once(self, good: Probe, bad: Probe) -> None:
        if self.failure.of(self.oracle.ask(bad, [1])[0]) is None:
            raise NotFailing(f"{self.steps[-1].name} does not fail with {self.failure}")
        if self.failure.of(self.oracle.ask(good, [1])[0]) is not None:
            raise NotFailing(f"{self.steps[0].name} fails with {self.failure} as well; name an older --good")


def _probe(step: Step) -> Probe:
    if step.probe is None:
        raise BadInput(f"nothing can be asked at {step.name}: {step.reason}")
    return step.probe


def doubtful(steps: Sequence[Step], good: int, bad: int) -> Iterator[Step]:
    """Yield the steps that may be the first bad one as well, because nothing could be asked there."""
    return iter(steps[good + 1 : bad])
