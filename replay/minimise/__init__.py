"""The smallest conversation that still fails the same way."""

from __future__ import annotations

from collections.abc import Callable

from replay.config import Project
from replay.minimise._found import Minimised
from replay.minimise._kept import kept
from replay.minimise._legal import Legal
from replay.minimise._search import Search
from replay.oracle import Decider, Ended, Failure, NotFailing, Probe, Remembered, measured

__all__ = ["Minimised", "NotFailing", "kept", "minimise"]

ERROR = 0.05
AGAIN = 10  # attempts that tell how often the smallest fails


def minimise(
    probe: Probe,
    oracle: Remembered,
    failure: Failure,
    project: Project,
    *,
    error: float = ERROR,
    told: Callable[[str], None] = lambda _: None,
) -> Minimised:
    """Leave out of a conversation what it does not take to fail, and return what is left.

    Raises NotFailing, and Ended where the oracle gave no answer before anything was found. An oracle that
    says the same each time is asked once for each candidate. Any other is asked as often as a sequential
    test takes: a fifth of `error` is spent on the original's rate, the rest on the search (see `Decider`).
    """
    before = None if oracle.once else measured(oracle, probe, failure, error / 5)
    if before is None and failure.of(oracle.ask(probe, [1])[0]) is None:
        raise NotFailing(_not_failing(probe, failure, 1))
    if before is not None and not before.failed:
        raise NotFailing(_not_failing(probe, failure, before.times))
    decider = Decider(oracle, failure, before and before.wald, error * 4 / 5)
    search = Search(probe, Legal(probe, project), decider, told)
    search.run()
    after, ended = None, search.ended
    if before is not None and not ended:
        try:
            after = decider.again(search.probe, AGAIN)
        except Ended as why:
            ended = str(why)
    counts = (decider.tests, oracle.asked, oracle.known)
    attempt = decider.failing(search.probe)
    return Minimised(
        probe, search.probe, failure, before, after, search.minimal, ended, error, *counts, attempt
    )


def _not_failing(probe: Probe, failure: Failure, times: int) -> str:
    name = probe.conversation.name
    often = "" if times == 1 else f" in {times} attempts"
    return f"{name} does not fail with {failure}{often}\nlook how it fails: replay reproduce {name}"
