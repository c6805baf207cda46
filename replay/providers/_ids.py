"""Ids of tool calls where a wire is particular about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import count

from replay.conversation import Message, ToolCall


def legal(messages: Iterable[Message], fits: Callable[[str], bool], name: str = "call_{}") -> list[Message]:
    """Return the messages with every call's id one that `fits`, and the answers under the same ids.

    An id that does not fit, or is missing, is replaced by `name` with a number that no other call has; the
    same conversation always gets the same ids. Of several calls with one id an answer is that of the first
    that is not answered yet; one that names no call is that of the first such call of its name.
    """
    messages = list(messages)
    used = {call.id for message in messages for call in message.tool_calls}
    ids = _Ids(fits, (new for number in count(1) if (new := name.format(number)) not in used))
    return [ids.of(message) for message in messages]


class _Ids:
    def __init__(self, fits: Callable[[str], bool], fresh: Iterator[str]) -> None:
        self._fits, self._fresh = fits, fresh
        self._open: list[tuple[str, ToolCall]] = []  # the id that a call came with, and the call
        self._answered: dict[str | None, str] = {}

    def of(self, message: Message) -> Message:
        if message.tool_calls:
            calls = tuple(map(self._call, message.tool_calls))
            self._open += zip((call.id for call in message.tool_calls), calls, strict=True)
            return message if calls == message.tool_calls else replace(message, tool_calls=calls)
        if message.role in ("tool", "function"):
            return self._answer(message)
        return message

    def _call(self, call: ToolCall) -> ToolCall:
        return call if call.id and self._fits(call.id) else replace(call, id=next(self._fresh))

    def _answer(self, message: Message) -> Message:
        asked = message.tool_call_id
        place = self._first(asked, message.extra.get("name"))
        key = self._answered.get(asked, asked) if place is None else self._open.pop(place)[1].id
        if asked and key:
            self._answered[asked] = key
        return message if key == asked else replace(message, tool_call_id=key)

    def _first(self, asked: str | None, name: object) -> int | None:
        """Return the first open call that came with this id; without one, of this name."""
        for place, (came, call) in enumerate(self._open):
            if came == asked if asked else name in (None, call.name):
                return place
        return None
