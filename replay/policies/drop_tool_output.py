"""`drop_tool_output`, `drop_tool_output:2`: what tools returned in older turns is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from replay.conversation import Message
from replay.policies import Summarise
from replay.policies._legal import joined, parts

NOTE = "(left out: this was read before)"


@dataclass(frozen=True)
class DropToolOutput:
    """Keeps the last turns whole; in those before them each result of a tool is a short note."""

    turns: int = 1

    def __call__(self, messages: tuple[Message, ...], summarise: Summarise) -> Sequence[Message]:  # noqa: ARG002
        """Return the same messages, with notes for results that are longer."""
        _, turns = parts(messages)
        kept = len(joined(turns[-self.turns :]))
        spoken = [number for number, one in enumerate(messages) if one.role not in ("system", "developer")]
        older = set(spoken[: len(spoken) - kept])
        return [_noted(one) if number in older else one for number, one in enumerate(messages)]


def _noted(message: Message) -> Message:
    if message.role in ("tool", "function") and len(message.text) > len(NOTE):
        return replace(message, content=NOTE)
    return message
