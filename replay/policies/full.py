"""`full`: the whole history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from replay.conversation import Message
from replay.policies import Summarise


@dataclass(frozen=True)
class Full:
    """Sends everything: what the others are compared with."""

    def __call__(self, messages: tuple[Message, ...], summarise: Summarise) -> Sequence[Message]:  # noqa: ARG002
        """Return the messages as they are."""
        return messages
