"""From answers to a decision: a sequential test, its errors bounded over the whole search."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from replay.conversation import Object
from replay.oracle._answer import Answer, Failure, Oracle
from replay.oracle._probe import Probe
from replay.stats import Wald, at_least_chance, rate

LOOKS = (10, 20, 40, 80)  # attempts after which the rate may be known well enough
FIRST = 20  # attempts among which a failure is seen, or is taken for none
CLOSE = 0.6  # its lower bound, as a part of the rate that was seen
GONE = 0.1  # of the original's rate: what fails as rarely as that does not fail the same way any more
LOOSE = 0.1  # the chance to miss a removal in the search, where the last pass looks again


class Measured(NamedTuple):
    """How often a probe failed, of how many attempts, and how often it does at least (see `measured`)."""

    failed: int
    times: int
    least: float

    def to_json(self) -> Object:
        """Return the rate with its interval, for machines."""
        value, low, high = rate({(1, 1): self.failed, (0, 1): self.times - self.failed})
        return {"failed": self.failed, "of": self.times, "rate": value, "low": low, "high": high}

    @property
    def wald(self) -> Wald:
        """The test of "fails at least as often" against "a tenth as often"."""
        return Wald(self.least * GONE, self.least)


def measured(oracle: Oracle, probe: Probe, failure: Failure, error: float) -> Measured:
    """Ask until the rate of a failure is known about well enough; `least` is wrong with at most `error`.

    A probe that does not fail in the first FIRST attempts is asked no more.
    """
    answers: list[Answer] = []
    for look in LOOKS:
        answers += oracle.ask(probe, range(len(answers) + 1, look + 1))
        failed = _count(answers, failure)
        least = at_least_chance(failed, look, error / len(LOOKS))
        if least >= CLOSE * failed / look if failed else look >= FIRST:
            break
    return Measured(failed, look, least)


class Decider:
    """Says whether probes fail the same way as the original.

    `wald` is None for an oracle that says the same each time. Else the whole search is wrong with a chance of
    at most `error`: a part of it is spent on taking what no longer fails for what does, over the tests as
    they come (the i-th gets 1/(i(i+1)) of it); another on the last pass, where a removal must not be missed.
    """

    def __init__(self, oracle: Oracle, failure: Failure, wald: Wald | None, error: float) -> None:
        self._oracle, self._failure, self._wald = oracle, failure, wald
        self._lost, self._missed = error / 2, error / 2
        self._alphas: dict[str, float] = {}
        self._tally: dict[str, tuple[int, int]] = {}
        self._passes = 0

    @property
    def tests(self) -> int:
        """How many different probes were decided on."""
        return len(self._alphas)

    def fails(self, probe: Probe, beta: float = LOOSE) -> bool:
        """Tell whether a probe fails the same way; `beta` is the chance of missing that it does."""
        key = self._oracle.key(probe)
        alpha = self._alphas.setdefault(key, self._lost * _share(len(self._alphas) + 1))
        if self._wald is None:
            return self._tried(key, probe, 1)[0] > 0
        failed, missed = self._tally.get(key, (0, 0))
        while (said := self._wald.decide(failed, missed, alpha, beta)) is None:
            more = self._wald.needed(failed, missed, alpha, beta)
            failed, missed = self._tried(key, probe, failed + missed + more)
        return said

    def beta(self, tests: int) -> float:
        """Return the chance of missing a removal that each of the tests of one more last pass may have."""
        self._passes += 1
        return self._missed * _share(self._passes) / max(tests, 1)

    def again(self, probe: Probe, times: int) -> tuple[int, int]:
        """Return how often a probe fails in attempts of which nothing was decided before, and of how many."""
        if self._wald is None:
            return self._tried(self._oracle.key(probe), probe, 1)[0], 1
        done = sum(self._tally.get(self._oracle.key(probe), (0, 0)))
        answers = self._oracle.ask(probe, range(done + 1, done + times + 1))
        return _count(answers, self._failure), times

    def failing(self, probe: Probe) -> int | None:
        """Return the first of the attempts made that failed, None where none did."""
        made = sum(self._tally.get(self._oracle.key(probe), (0, 0)))
        for attempt in range(1, max(made, 1) + 1):
            if self._failure.of(self._oracle.ask(probe, [attempt])[0]):
                return attempt
        return None

    def _tried(self, key: str, probe: Probe, times: int) -> tuple[int, int]:
        failed, missed = self._tally.get(key, (0, 0))
        if (done := failed + missed) < times:
            answers = self._oracle.ask(probe, range(done + 1, times + 1))
            failed += _count(answers, self._failure)
            self._tally[key] = failed, times - failed
        return self._tally[key]


def _share(number: int) -> float:
    """Shares of one: 1/2, 1/6, 1/12, ..."""
    return 1 / (number * (number + 1))


def _count(answers: Iterable[Answer], failure: Failure) -> int:
    return sum(failure.of(answer) is not None for answer in answers)
