"""A conversation begins or ends with a message that the provider does not take there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from replay.lint._models import plain
from replay.lint.finding import Found
from replay.lint.subject import SYSTEM, Subject

SEVERITY = "error"
# "A conversation must start with a user message": the error of the Converse API,
# https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-call.html
_USER_FIRST = ("bedrock", "bedrock_nova")
# https://platform.claude.com/docs/en/about-claude/models/whats-new-claude-4-6
_NO_PREFILL = re.compile(r"(?:[\w.]*anthropic\.)?claude-(?:(?:opus|sonnet)-4-[6-9]|\w+-[5-9])\b.*")


def check(subject: Subject) -> Iterator[Found]:
    """Find a first message that is not a user's, and a reply begun for a model that refuses that.

    A request that was answered is in order, and so is the end of a history that the provider keeps.
    """
    said = [index for index, one in enumerate(subject.messages) if one.role not in SYSTEM]
    if not said or subject.taken or subject.partial:
        return
    if subject.provider in _USER_FIRST and subject.messages[said[0]].role == "assistant":
        reason = (
            f"the conversation begins with the assistant: {subject.provider} wants a user's message first"
        )
        yield Found(("messages", said[0]), reason, "begin with what the user said")
    model = subject.request.model
    if _NO_PREFILL.fullmatch(plain(model)) and subject.messages[said[-1]].role == "assistant":
        reason = (
            f"the last message is the assistant's: {model} refuses to go on from the beginning of a reply"
        )
        yield Found(
            ("messages", said[-1]), reason, "end with a user's message, or ask for the form of the answer"
        )
