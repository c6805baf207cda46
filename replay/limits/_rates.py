"""Requests and tokens a minute, by the moving windows of the library `limits`."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from replay.conversation import Object

if TYPE_CHECKING:
    from limits import RateLimitItem

MINUTE = 61  # seconds: what is sent within a minute may arrive a little closer together
_FINEST = 10_000  # steps that a window of tokens is counted in: the library keeps one entry for each
_SOON = 0.001  # seconds


class Rates:
    """The rates of one model at one account. Not safe to use from threads by itself.

    Requests count when they are sent, in a window of a minute and in a short one that spreads them over it.
    Tokens count from the moment a request is sent, as estimated, until `minute` seconds after it is answered,
    as used: so in no window of that length is more sent than allowed.
    """

    def __init__(self, limits: Object, minute: int = MINUTE) -> None:
        from limits.storage import MemoryStorage
        from limits.strategies import MovingWindowRateLimiter

        self._windows = MovingWindowRateLimiter(MemoryStorage())
        requests, tokens = limits.get("requests_per_minute"), limits.get("tokens_per_minute")
        self._requests = _requests(requests, minute) if requests else []
        self._step = math.ceil(tokens / _FINEST) if tokens else 1
        self._tokens = _tokens(tokens // self._step, minute) if tokens else None
        self._in_flight = 0  # steps

    def take(self, tokens: int) -> float:
        """Let a request through that needs so many tokens: 0.0, or the seconds after which to ask again."""
        wait = max(self._wait_for_requests(), self._wait_for_tokens(tokens))
        if wait:
            return wait
        if not all(self._windows.hit(item) for item in self._requests):
            return _SOON  # at the very end of a window the library's `test` says yes, its `hit` no
        self._in_flight += self._steps(tokens)
        return 0.0

    def answered(self, tokens: int, used: int) -> None:
        """A request that was let through for so many tokens has used these."""
        self._in_flight -= self._steps(tokens)
        if self._tokens is None:
            return
        left = self._windows.get_window_stats(self._tokens).remaining
        if steps := min(self._steps(used), left):
            self._windows.hit(self._tokens, cost=steps)

    def _wait_for_requests(self) -> float:
        full = (item for item in self._requests if not self._windows.test(item))
        return max((self._until_one_leaves(item) for item in full), default=0.0)

    def _wait_for_tokens(self, tokens: int) -> float:
        if self._tokens is None:
            return 0.0
        left = self._windows.get_window_stats(self._tokens).remaining - self._in_flight
        if self._steps(tokens) <= left:
            return 0.0
        return self._until_one_leaves(self._tokens)

    def _until_one_leaves(self, item: RateLimitItem) -> float:
        return max(self._windows.get_window_stats(item).reset_time - time.time(), 0) + _SOON

    def _steps(self, tokens: int) -> int:
        """Tokens in steps, rounded up; a request that needs more than a minute's worth goes alone."""
        most = self._tokens.amount if self._tokens else 0
        return min(math.ceil(tokens / self._step), most)


def _requests(rate: int, minute: int) -> list[RateLimitItem]:
    """A minute's worth a minute, and of that no more in a moment than its share."""
    from limits import RateLimitItemPerSecond

    moment = max(minute // rate, 1)
    share = math.ceil(rate * moment / minute)
    return [RateLimitItemPerSecond(rate, minute), RateLimitItemPerSecond(share, moment, "SHARE")]


def _tokens(steps: int, minute: int) -> RateLimitItem:
    from limits import RateLimitItemPerSecond

    return RateLimitItemPerSecond(max(steps, 1), minute, "TOKENS")
