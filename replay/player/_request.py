"""What is asked of a target, and why nothing more is."""

from __future__ import annotations

from replay.conversation import Conversation, Message
from replay.turn import Request, Target


class Halt(Exception):
    """The play cannot go on; `kind` is that of the verdict."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def request_for(conversation: Conversation, target: Target, messages: tuple[Message, ...]) -> Request:
    """Return what is asked of the target after these messages."""
    return Request(target.model, messages, conversation.tools, conversation.params)
