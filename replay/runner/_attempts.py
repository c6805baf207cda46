"""One play of one case through the seam, tried again where that may help."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
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

LONGEST_WAIT = 120.0  # seconds; a provider that asks for more is not waited for


class Attempts:
    """One play of one case: sends through the seam, tries again by error class, keeps refusals."""

    def __init__(
        self, target: Target, cassette: Cassette, transport: Callable[[int], Any], *, live: bool
    ) -> None:
        self.target, self.cassette, self.transport, self.live = target, cassette, transport, live
        self.refused: list[SeamError] = []
        self.tried: list[str] = []
        self.turns, self.name = 0, ""
        self._provider = providers.registry.get(target.provider)

    def __call__(self, conversation: Conversation, entry: Entry) -> tuple[Transcript, tuple[Verdict, ...]]:
        self.name = conversation.name
        with nullcontext() if self.live else blocked() as guard:
            try:
                return player.play(conversation, self.target, self._send, entry.play, entry.turns), ()
            except player.Stopped as stop:
                return stop.transcript, (Verdict("play", "failed", stop.kind, str(stop)),)
            finally:
                self.tried = list(guard.tried) if guard else []

    def _send(self, request: Request) -> Turn:
        self.turns += 1
        self.cassette.label = f"turn {self.turns} of {self.name}"
        attempts = 1
        turn = self._once(request, attempts)
        while self._again(turn, attempts):
            attempts += 1
            turn = self._once(request, attempts)
        return replace(turn, attempts=attempts)

    def _once(self, request: Request, attempt: int) -> Turn:
        try:
            return self._provider.send(request, self.target, self.transport(attempt))
        except SeamError as problem:
            self.refused.append(problem)
            error = ApiError("seam", message=str(problem), exception=type(problem).__name__)
            return Turn(request, error=error)

    def _again(self, turn: Turn, attempts: int) -> bool:
        """Try again by error class; a recorded further attempt is played at once, without its wait."""
        if turn.error is None or turn.error.kind not in RETRYABLE:
            return False
        if self.cassette.has_retry():
            return True
        if not self.live or attempts > (self.target.settings.get("retries") or 0):
            return False
        wait = turn.error.retry_after if turn.error.retry_after is not None else min(0.5 * 2**attempts, 8.0)
        if wait <= LONGEST_WAIT:
            time.sleep(wait)
        return wait <= LONGEST_WAIT
