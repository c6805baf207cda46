"""`summary`, `summary:4`: a model's summary of the older turns, then the last turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from replay.conversation import Message
from replay.policies import Summarise
from replay.policies._legal import joined, parts


@dataclass(frozen=True)
class Summary:
    """Keeps the last turns whole, and what a model says of all before them, after the system prompt."""

    turns: int = 2

    def __call__(self, messages: tuple[Message, ...], summarise: Summarise) -> Sequence[Message]:
        """Return the system messages, the summary and those turns."""
        system, turns = parts(messages)
        if len(turns) <= self.turns:
            return messages
        older, kept = joined(turns[: -self.turns]), joined(turns[-self.turns :])
        role = system[-1].role if system else "system"
        said = Message(role, f"What was said so far, in short:\n{summarise(older)}")
        return (*system, said, *kept)
