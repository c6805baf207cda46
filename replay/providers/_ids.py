"""Ids of tool calls where a wire is particular about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import count

from replay.conversation import Message, ToolCall


def legal(messages: Iterable[Message], fits: Callable[[str], bool], name: str = "call_{}") -> list[Message]:
    """Return the messages with every call's id one that `fits`, and the answers under the same ids.

    An id that does not fit, or is missing, is replaced by `name` with a number that no other call has; the
    same conversation always gets the same ids. An answer that names no call is that of the first call of
    its name that is not answered yet.
    """
    messages = list(messages)
    used = {call.id for message in messages for call in message.tool_calls}
    ids = _Ids(fits, (new for number in count(1) if (new := name.format(number)) not in used))
    return [ids.of(message) for message in messages]


class _Ids:
    def __init__(self, fits: Callable[[str], bool], fresh: Iterator[str]) -> None:
        self._fits, self._fresh = fits, fresh
        self._renamed: dict[str, str] = {}
        self._open: list[ToolCall] = []

    def of(self, message: Message) -> Message:
        if message.tool_calls:
            calls = tuple(map(self._call, message.tool_calls))
            self._open += calls
            return message if calls == message.tool_calls else replace(message, tool_calls=calls)
        if message.role in ("tool", "function"):
            return self._answer(message)
        return message

    def _call(self, call: ToolCall) -> ToolCall:
        if call.id and self._fits(call.id):
            return call
        new = next(self._fresh)
        if call.id:
            self._renamed[call.id] = new
        return replace(call, id=new)

    def _answer(self, message: Message) -> Message:
        key = message.tool_call_id
        key = self._renamed.get(key, key) if key else self._first(message.extra.get("name"))
        self._open = [call for call in self._open if call.id != key]
        return message if key == message.tool_call_id else replace(message, tool_call_id=key)

    def _first(self, name: object) -> str | None:
        return next((call.id for call in self._open if name in (None, call.name)), None)
