"""One play of one case through the seam."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from replay import player, providers
from replay.cassette.cassette import Cassette
from replay.cassette.network import blocked
from replay.conversation import Conversation
from replay.errors import SeamError
from replay.runner._passage import Door
from replay.runner._tries import Tries
from replay.suites import Entry
from replay.turn import ApiError, Request, Target, Transcript, Turn
from replay.verdict import Verdict

Send = Callable[[Target, Any], Turn]
Seam = Callable[[Cassette, int, Any], Any]


class Attempts:
    """One play of one case: sends through the seam, tries again by error class, keeps refusals.

    `seam` gives the transport of an attempt over the network it is given, `quiet` the same without the faults
    of the case. Live calls go through the `door`; without one nothing reaches the network.
    """

    def __init__(
        self, target: Target, cassette: Cassette, seam: Seam, quiet: Seam, tries: Tries, door: Door | None
    ) -> None:
        self.target, self.cassette = target, cassette
        self.seam, self.quiet = seam, quiet
        self.tries, self.door = tries, door
        self.refused: list[SeamError] = []
        self.tried: list[str] = []
        self.turns, self.name, self.halted = 0, "", False
        self._provider = providers.registry.get(target.provider)

    def __call__(self, conversation: Conversation, entry: Entry) -> tuple[Transcript, tuple[Verdict, ...]]:
        self.name = conversation.name
        with self._guarded():
            try:
                how = entry.play, entry.turns, entry.loop
                return player.play(conversation, self.target, self._send, *how), ()
            except player.Stopped as stop:
                self.halted, turns = True, len(stop.transcript.turns)
                verdict = Verdict("play", "failed", stop.kind, str(stop), turn=turns or None)
                return stop.transcript, (verdict,)

    def ask(self, target: Target, send: Send) -> Turn:
        """Let an assertion ask a model at the same seam, where no fault is played. Raises SeamError."""
        self.cassette.label = f"what an assertion asks {target.name} about {self.name}"
        unknown = Request(target.model, ())
        with self._guarded():
            return self._asked(target, unknown, send, self.quiet)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Let nothing reach the network unless this is live."""
        if self.door:
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
            return self._asked(self.target, request, partial(self._provider.send, request), self.seam)
        except SeamError as problem:
            self.refused.append(problem)
            error = ApiError("seam", message=str(problem), exception=type(problem).__name__)
            return Turn(request, error=error)

    def _asked(self, target: Target, request: Request, send: Send, seam: Seam) -> Turn:
        turn = self.tries(target, partial(self._once, target, request, send, seam))
        if self.door:
            self.door.learn(target, turn)
        return turn

    def _once(self, target: Target, request: Request, send: Send, seam: Seam, attempt: int) -> Turn:
        if self.door is None:
            return send(target, seam(self.cassette, attempt, None))
        with self.door.attempt(target, request) as passage:
            turn = send(target, seam(self.cassette, attempt, passage))
            passage.settle(turn)
            return turn
