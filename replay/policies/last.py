"""`last:6`: the system prompt and the last six turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from replay.conversation import Message
from replay.policies import Summarise
from replay.policies._legal import joined, parts


@dataclass(frozen=True)
class Last:
    """Keeps the last turns whole, each from the user's message on, the one that is going on among them."""

    turns: int = 6

    def __call__(self, messages: tuple[Message, ...], summarise: Summarise) -> Sequence[Message]:  # noqa: ARG002
        """Return the system messages and those turns."""
        system, turns = parts(messages)
        return (*system, *joined(turns[-self.turns :])) if len(turns) > self.turns else messages
