"""One play of one case through the seam, tried again where that may help."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from replay import player, providers
from replay.cassette.cassette import Cassette
from replay.cassette.network import blocked
from replay.conversation import Conversation
from replay.errors import SeamError
from replay.suites import Entry
from replay.turn import RETRYABLE, ApiError, Request, Target, Transcript, Turn
from replay.verdict import Verdict

Send = Callable[[Target, Any], Turn]
Transport = Callable[[int], Any]

LONGEST_WAIT = 120.0  # seconds; a provider that asks for more is not waited for


class Attempts:
    """One play of one case: sends through the seam, tries again by error class, keeps refusals.

    `transport` gives the transport of an attempt, `quiet` the same without the faults of the case. `wait`
    sleeps so many seconds before a further attempt.
    """

    def __init__(
        self,
        target: Target,
        cassette: Cassette,
        transport: Transport,
        quiet: Transport,
        *,
        live: bool,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self.target, self.cassette, self.live, self.wait = target, cassette, live, wait
        self.transport, self.quiet = transport, quiet
        self.refused: list[SeamError] = []
        self.tried: list[str] = []
        self.turns, self.name = 0, ""
        self._provider = providers.registry.get(target.provider)

    def __call__(self, conversation: Conversation, entry: Entry) -> tuple[Transcript, tuple[Verdict, ...]]:
        self.name = conversation.name
        with self._guarded():
            try:
                return player.play(conversation, self.target, self._send, entry.play, entry.turns), ()
            except player.Stopped as stop:
                return stop.transcript, (Verdict("play", "failed", stop.kind, str(stop)),)

    def ask(self, target: Target, send: Send) -> Turn:
        """Let an assertion ask a model at the same seam, where no fault is played. Raises SeamError."""
        self.cassette.label = f"what an assertion asks {target.name} about {self.name}"
        with self._guarded():
            return self._tried(target, lambda attempt: send(target, self.quiet(attempt)))

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Let nothing reach the network unless this is live."""
        if self.live:
            yield
            return
        with blocked() as guard:
            try:
                yield
            finally:
                self.tried += guard.tried

    def _send(self, request: Request) -> Turn:
        self.turns += 1
        self.cassette.label = f"turn {self.turns} of {self.name}"
        try:
            return self._tried(
                self.target,
                lambda attempt: self._provider.send(request, self.target, self.transport(attempt)),
            )
        except SeamError as problem:
            self.refused.append(problem)
            error = ApiError("seam", message=str(problem), exception=type(problem).__name__)
            return Turn(request, error=error)

    def _tried(self, target: Target, once: Callable[[int], Turn]) -> Turn:
        attempts = 1
        turn = once(attempts)
        while self._again(turn, attempts, target):
            attempts += 1
            turn = once(attempts)
        return replace(turn, attempts=attempts)

    def _again(self, turn: Turn, attempts: int, target: Target) -> bool:
        """Try again by error class; a recorded further attempt is played at once, without its wait."""
        if turn.error is None or turn.error.kind not in RETRYABLE:
            return False
        if self.cassette.has_retry():
            return True
        if not self.live or attempts > (target.settings.get("retries") or 0):
            return False
        wait = turn.error.retry_after if turn.error.retry_after is not None else min(0.5 * 2**attempts, 8.0)
        if wait <= LONGEST_WAIT:
            self.wait(wait)
        return wait <= LONGEST_WAIT
