"""What a play has taken so far, against the most that it may."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from replay.assertions.token_budget import tokens
from replay.cost import cost_of
from replay.limits import roughly
from replay.loop import Caps
from replay.player._request import Halt
from replay.turn import Target, Turn


class Meter:
    """Counts what turns take; a cap is looked at before the next request, so the last turn may go over it.

    Tokens are the provider's count, where it gave none four characters each. A turn's seconds are the
    recorded ones: a replay stops where the live play did.
    """

    def __init__(self, caps: Caps, target: Target) -> None:
        self._caps, self._price = caps, target.settings.get("price")
        self._rounds, self._tokens, self._cost, self._seconds = 0, 0, 0.0, 0.0
        if caps.cost is not None and self._price is None:
            raise Halt("no_price", f"cost cannot be capped: target {target.name} has no price; give it one")

    def add(self, turn: Turn) -> None:
        """Count a turn."""
        self._rounds += 1
        self._tokens += _tokens(turn)
        self._cost += cost_of(turn, self._price) or 0.0
        self._seconds += (turn.timing.total_ms or 0.0) / 1000 + sum(each.wait or 0.0 for each in turn.tries)

    @contextmanager
    def tools(self) -> Iterator[None]:
        """Count the time that tools take."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._seconds += time.monotonic() - began

    @property
    def deadline(self) -> float | None:
        """When the seconds are over if tools begin now, a time of `time.monotonic`; None without a cap."""
        cap = self._caps.seconds
        return None if cap is None else time.monotonic() + cap - self._seconds

    def next_user_turn(self) -> None:
        """Count rounds anew: the user has said something."""
        self._rounds = 0

    def check(self) -> None:
        """Raise Halt where a cap is reached."""
        caps = self._caps
        if self._rounds >= caps.rounds:
            raise Halt("rounds", f"the model still calls tools after {caps.rounds} rounds")
        if caps.tokens is not None and self._tokens >= caps.tokens:
            raise Halt("tokens", f"stopped after {self._tokens} tokens, the cap is {caps.tokens}")
        if caps.cost is not None and self._cost >= caps.cost:
            raise Halt("cost", f"stopped after ${self._cost:.6g}, the cap is ${caps.cost:g}")
        if caps.seconds is not None and self._seconds >= caps.seconds:
            raise Halt("seconds", f"stopped after {self._seconds:.3g} s, the cap is {caps.seconds:g} s")


def _tokens(turn: Turn) -> int:
    summaries: int = turn.context.get("usage", {}).get("total_tokens", 0)
    counted = tokens(turn, "total")
    if counted is not None:
        return counted + summaries
    said = turn.reply.message.text if turn.reply else ""
    return roughly(turn.request).prompt_tokens + len(said) // 4 + summaries
