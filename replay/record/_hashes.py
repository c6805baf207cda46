"""Requests and replies as numbers of 64 bits: enough to tell which belong together, and nothing to read.

The hashes are keyed with the project's salt. Among a million exchanges the odds that any two different ones
share a number are one in thirty million.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator

from replay.conversation import Json, Message, ToolCall
from replay.record._facts import Facts

_ENCODE = json.JSONEncoder(sort_keys=True).encode
_MOVES = "cache_control"  # apps put this mark on the newest message, and take it from the one before


class Hashes:
    """Hashes under one key."""

    def __init__(self, salt: str) -> None:
        self._key = hashlib.sha256(salt.encode("utf-8", "surrogatepass")).digest()

    def number(self, *parts: Json, blobs: Iterable[bytes] = ()) -> int:
        """Return the hash of JSON values and of bytes."""
        return int.from_bytes(self._digest(parts, blobs, 8), "big", signed=True)

    def name(self, *parts: Json) -> str:
        """Return a hash as the end of a name, 12 hexadecimal digits."""
        return self._digest(parts, (), 6).hex()

    def _digest(self, parts: Json, blobs: Iterable[bytes], size: int) -> bytes:
        text = _ENCODE(parts)
        if _MOVES in text:
            text = _ENCODE(_settled(parts))
        digest = hashlib.blake2b(text.encode(), digest_size=size, key=self._key)
        for blob in blobs:
            digest.update(b"%d:" % len(blob) + blob)
        return digest.digest()

    def exchange(self, facts: Facts) -> int:
        """Return the hash of all that was asked and answered, as it was logged, of its id and its time."""
        logged, call = facts.logged, facts.call
        asked = (call.wire, call.provider, call.model, call.params, call.settings)
        known = (logged.status, logged.error, logged.source.get("id"), facts.moment)
        return self.number(*asked, *known, blobs=(logged.request, logged.response or b""))

    def settings(self, facts: Facts, scope: Json) -> int:
        """Return the hash of all that the requests of one conversation have in common."""
        call, request = facts.call, facts.request
        tools = [tool.to_json() for tool in request.tools]
        return self.number(scope, call.wire, call.provider, call.model, call.settings, tools, request.params)

    def histories(self, settings: int, messages: tuple[Message, ...]) -> Iterator[int]:
        """Yield the hash of the settings and the first 1, 2, ... messages."""
        so_far = settings
        for message in messages:
            so_far = self.number(so_far, message.to_json())
            yield so_far

    def said(self, message: Message) -> int:
        """Return the hash of what a reader sees of a reply: apps trim it before they send it back."""
        return self.number(message.text.strip(), [_called(call) for call in message.tool_calls])


def _called(call: ToolCall) -> Json:
    try:
        return [call.name, call.parsed()]
    except ValueError:
        return [call.name, call.arguments]


def _settled(value: Json) -> Json:
    """Leave out, wherever it stands, what moves from message to message while a conversation grows."""
    if isinstance(value, dict):
        return {key: _settled(item) for key, item in value.items() if key != _MOVES}
    return [_settled(item) for item in value] if isinstance(value, list | tuple) else value
