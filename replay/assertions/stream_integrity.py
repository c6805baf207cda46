"""`stream_integrity`: the answer came as a whole stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from replay.assertions._arguments import check_number
from replay.assertions._found import Found, TurnAssertion
from replay.assertions.latency import largest_gap
from replay.turn import Turn


@dataclass(frozen=True)
class StreamIntegrity(TurnAssertion):
    """The answer came as a stream that ends with `[DONE]` and nothing after it, and says why it ended.

    `gap_ms` is the longest pause allowed between two chunks.
    """

    gap_ms: float | None = None
    every: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse a gap that is no time."""
        super().__post_init__()
        if self.gap_ms is not None:
            check_number("gap_ms", self.gap_ms)

    def of_turn(self, turn: Turn) -> Iterator[Found]:
        """Check the stream from its beginning to its end."""
        if turn.error:
            yield Found(
                turn.error.kind, f"the stream broke off: {turn.error.message}", None, turn.error.to_json()
            )
        elif not turn.stream:
            yield Found("not_streamed", "expected a stream, the answer came in one piece")
        else:
            yield from unended(turn)
            if turn.reply is None or not (turn.reply.finish_reason or turn.reply.native_finish_reason):
                yield Found("no_finish_reason", "the stream does not say why it ended")
        gap = largest_gap(turn.timing)
        if self.gap_ms is not None and gap is None:
            yield Found("not_recorded", "the times of the chunks are not recorded", self.gap_ms)
        elif self.gap_ms is not None and gap is not None and gap > self.gap_ms:
            yield Found(
                "gap", f"expected no pause over {self.gap_ms:g} ms, one is {gap:g} ms", self.gap_ms, gap
            )


def unended(turn: Turn) -> Iterator[Found]:
    """Yield what is wrong with a stream's end: no `[DONE]`, or more after it."""
    if turn.stream and not turn.stream.get("done"):
        yield Found("no_done", "the stream ends without [DONE]", True, False)
    if turn.stream.get("after_done"):
        yield Found("after_done", f"the stream goes on after [DONE]: {turn.stream['after_done']} more", 0)
