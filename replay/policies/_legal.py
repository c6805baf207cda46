"""The parts of a history, and what makes one that a provider takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from replay.conversation import Message

Messages = tuple[Message, ...]

_PROMPT = ("system", "developer")


def parts(messages: Messages) -> tuple[Messages, list[Messages]]:
    """Return the system messages, wherever they stand, and the turns: each begins with a user's message.

    What comes before the first of those is a turn too.
    """
    turns: list[list[Message]] = []
    for message in messages:
        if message.role in _PROMPT:
            continue
        if message.role == "user" or not turns:
            turns.append([])
        turns[-1].append(message)
    return tuple(one for one in messages if one.role in _PROMPT), [tuple(turn) for turn in turns]


def joined(turns: Iterable[Messages]) -> Messages:
    """Return the messages of turns."""
    return tuple(message for turn in turns for message in turn)


def legal(messages: Iterable[Message]) -> Messages:
    """Return a history without answers whose call is gone, and without calls that are not answered.

    The calls of the last message are still to be answered.
    """
    messages = list(messages)
    answered = {one.tool_call_id for one in messages if one.role == "tool"}
    kept = [
        one if number == len(messages) - 1 else _only_answered(one, answered)
        for number, one in enumerate(messages)
    ]
    return tuple(_with_calls(message for message in kept if message is not None))


def _only_answered(message: Message, answered: set[str | None]) -> Message | None:
    calls = tuple(call for call in message.tool_calls if call.type == "function_call" or call.id in answered)
    if len(calls) == len(message.tool_calls):
        return message
    return replace(message, tool_calls=calls) if calls or message.content else None


def _with_calls(messages: Iterable[Message]) -> Iterator[Message]:
    called: set[str] = set()
    for message in messages:
        called |= {call.id for call in message.tool_calls}
        if message.role != "tool" or message.tool_call_id in called:
            yield message
