"""Which change began it: of the project's own history, or of an ordered list of targets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from replay.bisect._found import Bisected
from replay.bisect._search import Search, doubtful
from replay.bisect._steps import Step, over_commits, over_targets
from replay.oracle import Failure, Remembered

__all__ = ["Bisected", "Step", "bisect", "over_commits", "over_targets"]


def bisect(
    steps: Sequence[Step],
    oracle: Remembered,
    failure: Failure,
    *,
    error: float = 0.05,
    told: Callable[[str], None] = lambda _: None,
) -> Bisected:
    """Return the first of the steps that fails; the first of all is good, the last is bad.

    As with `git bisect`, what has begun to fail goes on failing. Raises NotFailing where the ends are not so,
    BadInput where nothing can be asked at one of them, and Ended.
    """
    search = Search(steps, oracle, failure, error, told)
    good, bad = search.run()
    tested = tuple((steps[place].name, fails) for place, fails in sorted(search.tested.items()))
    return Bisected(
        steps[bad],
        steps[good],
        tuple(doubtful(steps, good, bad)),
        failure,
        0.0 if oracle.once else error,
        tested,
        oracle.asked,
        oracle.known,
    )
