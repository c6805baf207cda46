"""One call, tried again where that may help: what is recorded without its waits, what is live with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from replay.turn import RETRYABLE, Target, Try, Turn

if TYPE_CHECKING:
    from tenacity import RetryCallState

Once = Callable[[int], Turn]  # sends the n-th attempt

FIRST, MOST, JITTER = 0.5, 30.0, 0.5  # seconds: the first wait, the longest, and what chance adds at most
_LATER = 1.1  # times what the provider asks for, so that not all come back in the same moment


class Recording(Protocol):
    """What is played from, as a cassette is."""

    def has_retry(self) -> bool:
        """Whether the next recorded answer to the last request is a further attempt."""


class Tries:
    """Tries calls again by the class of their error, at most `retries` times if the target says nothing else.

    Of one that is tried again, the turns until the last are kept as its `tries`. What is not recorded is
    tried only where `again` says so. `wait` sleeps so many seconds, None does not. The waits between live
    attempts are what the provider asks for (`retry-after`), else they double
    (https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/).
    """

    def __init__(
        self, recording: Recording, wait: Callable[[float], None] | None, retries: int, *, again: bool
    ) -> None:
        self._recording, self._wait, self._retries, self._try_again = recording, wait, retries, again

    def __call__(self, target: Target, once: Once) -> Turn:
        turn, tries = once(1), list[Try]()
        if turn.error is None:
            return turn
        while _may_mend(turn) and self._recording.has_retry():
            tries.append(_kept(turn))
            turn = once(len(tries) + 1)
        left = int(target.settings.get("retries", self._retries)) - len(tries)
        if self._try_again and left > 0 and _is_worth(turn):
            turn = self._again(turn, tries, once, left)
        return replace(turn, attempts=len(tries) + 1, tries=tuple(tries)) if tries else turn

    def _again(self, turn: Turn, tries: list[Try], once: Once, left: int) -> Turn:
        import tenacity

        first = [turn]  # the attempt that was made already

        def note(state: RetryCallState) -> None:
            waited = state.next_action.sleep if state.next_action else 0.0
            tries.append(_kept(_turn(state), round(float(waited), 3) if self._wait else None))

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_result(_is_worth),
            stop=tenacity.stop_after_attempt(left + 1),
            wait=_seconds,
            sleep=self._wait or _at_once,
            before_sleep=note,
            retry_error_callback=_turn,
        )
        return retrying(lambda: first.pop() if first else once(len(tries) + 1))


def _at_once(_: float) -> None:
    """Wait for nothing."""


def _may_mend(turn: Turn) -> bool:
    return turn.error is not None and turn.error.kind in RETRYABLE


def _is_worth(turn: Turn) -> bool:
    """Whether to try again; what asks for a very long wait is not waited for."""
    from replay.limits import LONGEST_WAIT

    return _may_mend(turn) and turn.error is not None and (turn.error.retry_after or 0.0) <= LONGEST_WAIT


def _seconds(state: RetryCallState) -> float:
    from tenacity import wait_exponential_jitter, wait_random

    error = _turn(state).error
    asked = error.retry_after if error else None
    if asked is None:
        return wait_exponential_jitter(FIRST, MOST, jitter=JITTER)(state)
    return wait_random(asked, asked * _LATER)(state)


def _turn(state: RetryCallState) -> Turn:
    assert state.outcome is not None  # noqa: S101 - it is asked for after an attempt only
    turn: Turn = state.outcome.result()
    return turn


def _kept(turn: Turn, wait: float | None = None) -> Try:
    kind, status = (turn.error.kind, turn.error.status) if turn.error else ("", None)
    return Try(kind, status, turn.request_id, wait)
