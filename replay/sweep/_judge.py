"""What must hold of an app whatever goes wrong: its invariants, and what is found of each run."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from replay.diff import short
from replay.errors import BadInput, nearest
from replay.verdict import Verdict

# What is checked, by the word that chooses it, and the kinds of the verdicts on it.
INVARIANTS = {
    "typed_error": "untyped_error",  # it answers whole or raises an error of its own or of its SDK
    "whole": "partial",  # what it takes for an answer is the answer that it gives without the fault
    "writes": "duplicate_write",  # it writes nothing twice
    "attempts": "attempts",  # it asks no more often than allowed
    "time": "time",  # it comes to an end
}


@dataclass(frozen=True)
class Limits:
    """What is allowed: attempts at one call, seconds for a run; and which invariants are checked."""

    attempts: int = 3
    seconds: float = 30.0
    invariants: Sequence[str] = tuple(INVARIANTS)

    def __post_init__(self) -> None:
        """Refuse an invariant that there is not. Raises BadInput."""
        for name in self.invariants:
            if name not in INVARIANTS:
                raise BadInput(f'no invariant is called "{name}"; {nearest(name, INVARIANTS)}')


@dataclass(frozen=True)
class Outcome:
    """What a run of the app came to: a result, or an error, which is `typed` or not.

    `writes` and `asked` count what it wrote and how often it asked each call. `misses` are what it asked
    that is not recorded, `idle` whether the fault was never played, `problem` why it could not be;
    `endless` is whether it waits for ever, as its client has no timeout.
    """

    result: object = None
    error: str = ""
    typed: bool = True
    writes: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    misses: tuple[str, ...] = ()
    problem: str = ""
    idle: bool = False
    endless: bool = False


def is_typed(error: BaseException) -> bool:
    """Tell whether an exception says what went wrong: not what Python itself raises where code stumbles.

    Errors of the system (a reset, a timeout) do say it.
    """
    room = type(error).__module__.partition(".")[0]
    return isinstance(error, OSError) or room not in sys.stdlib_module_names | {"builtins"}


def judge(limits: Limits, usual: Outcome, outcome: Outcome, *, noticeable: bool = True) -> list[Verdict]:
    """Judge a run by what the app did without the fault; a verdict that passed where nothing is wrong."""
    if outcome.misses or outcome.problem or outcome.idle:
        return [_not_judged(outcome)]
    wanted = {INVARIANTS[name] for name in limits.invariants}
    found = [verdict for verdict in _found(limits, usual, outcome, noticeable) if verdict.kind in wanted]
    told = f"raised {outcome.error}" if outcome.error else "answered whole"
    return found or [Verdict("sweep", "passed", message=told)]


def _not_judged(outcome: Outcome) -> Verdict:
    if outcome.misses:
        return Verdict("sweep", "error", "no_recording", outcome.misses[0])
    never = "the app did not come to the call that the fault is played on"
    return Verdict("sweep", "error", "not_played", outcome.problem or never)


def _found(limits: Limits, usual: Outcome, outcome: Outcome, noticeable: bool) -> Iterator[Verdict]:
    if outcome.error and not outcome.typed:
        yield _failed("untyped_error", f"the app stumbled: {short(outcome.error, 300)}")
    if noticeable and not outcome.error and outcome.result != usual.result:
        yield _failed("partial", _difference(usual.result, outcome.result), usual.result, outcome.result)
    for write, times in outcome.writes.items():
        allowed = max(usual.writes[write], 1)
        if times > allowed:
            yield _failed("duplicate_write", f"{short(write, 200)} was written {times} times", allowed, times)
    most = max(outcome.asked.values(), default=0)
    if most > limits.attempts:
        message = f"one call was asked {most} times, allowed are {limits.attempts}"
        yield _failed("attempts", message, limits.attempts, most)
    if outcome.endless:
        yield _failed("time", "the app waits for ever: its HTTP client has no read timeout")
    elif outcome.seconds > limits.seconds:
        message = f"the app took {outcome.seconds:.1f} s, allowed are {limits.seconds:g}"
        yield _failed("time", message, limits.seconds, round(outcome.seconds, 1))


def _difference(usual: object, came: object) -> str:
    if isinstance(usual, str) and isinstance(came, str) and usual.startswith(came):
        return f"a part was taken for the whole: {len(came)} of {len(usual)} characters"
    return f"expected {short(usual)}, the app took {short(came)} for the answer"


def _failed(kind: str, message: str, expected: object = None, actual: object = None) -> Verdict:
    return Verdict("sweep", "failed", kind, message, _plain(expected), _plain(actual))


def _plain(value: object) -> str | int | float | None:
    return value if isinstance(value, str | int | float | None) else repr(value)
