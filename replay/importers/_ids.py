"""Ids for the tool calls of wires and logs that have none, which Chat Completions needs."""

from __future__ import annotations

from replay.conversation import Object


class Ids:
    """Numbers the calls of one conversation; an answer gets the id of the first call that it may answer.

    `count` is how many calls got an id.
    """

    def __init__(self) -> None:
        self.count = 0
        self._waiting: list[tuple[str, str]] = []  # id, name

    def message(self, message: Object) -> Object:
        """Return a message with ids where it had none."""
        if message.get("role") == "tool" and not message.get("tool_call_id"):
            return message | {"tool_call_id": self._answered(message.get("name"))}
        calls = message.get("tool_calls")
        return message | {"tool_calls": [self._call(call) for call in calls]} if calls else message

    def _call(self, call: Object) -> Object:
        if call.get("id"):
            return call
        self.count += 1
        name = f"call_{self.count}"
        self._waiting.append((name, (call.get("function") or {}).get("name") or ""))
        return call | {"id": name}

    def _answered(self, name: object) -> str:
        waiting = self._waiting
        found = next((one for one in waiting if one[1] == name), waiting[0] if waiting else None)
        if found is None:
            return ""
        waiting.remove(found)
        return found[0]
