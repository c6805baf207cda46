"""What is remembered of a log, so that an exchange finds the one before it. Memory stays constant."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable
from hashlib import blake2b
from typing import Generic, TypeVar

from replay.conversation import Json, Message, ToolCall
from replay.jsontext import canonical
from replay.lint.subject import SYSTEM, Earlier

REMEMBERED = 10_000  # of each kind; what is older is forgotten
T = TypeVar("T")


class Recent(Generic[T]):
    """The last things by their key."""

    def __init__(self) -> None:
        self._held: OrderedDict[bytes, T] = OrderedDict()

    def get(self, key: bytes) -> T | None:
        """Return what is held under a key."""
        return self._held.get(key)

    def put(self, key: bytes, thing: T) -> None:
        """Hold one more; the oldest of too many is forgotten."""
        self._held[key] = thing
        self._held.move_to_end(key)
        if len(self._held) > REMEMBERED:
            self._held.popitem(last=False)


class Threads:
    """Finds the turn before: the one whose messages, and whose reply, a request begins with.

    System texts do not count, for whether they changed is the question; nor do ids of calls, which may be
    minted anew.
    """

    def __init__(self) -> None:
        self._answered: Recent[Earlier] = Recent()
        self._failed: Recent[Earlier] = Recent()

    def before(self, messages: tuple[Message, ...], history: list[bytes]) -> Earlier | None:
        """Return the latest turn that a request goes on from."""
        ends = (at for at in range(len(messages) - 1, -1, -1) if messages[at].role == "assistant")
        return next((found for at in ends if (found := self._answered.get(history[at]))), None)

    def failed(self, request: bytes) -> Earlier | None:
        """Return the same request where it failed, if that was its last try."""
        return self._failed.get(request)

    def add(self, earlier: Earlier, request: bytes, history: list[bytes], reply: Message | None) -> None:
        """Remember an exchange."""
        if earlier.error is not None:
            self._failed.put(request, earlier)
        elif reply is not None:
            self._answered.put(said(history[-1] if history else b"", reply), earlier)


def histories(messages: Iterable[Message]) -> list[bytes]:
    """Return a hash for each message, of it and all before it."""
    found, last = list[bytes](), b""
    for message in messages:
        last = said(last, message)
        found.append(last)
    return found


def said(before: bytes, message: Message) -> bytes:
    """Return the hash of a history with one more message; a system message adds nothing."""
    if message.role in SYSTEM:
        return before
    calls = [[call.name, _arguments(call)] for call in message.tool_calls]
    role = "tool" if message.role == "function" else message.role
    return digest(before, [role, message.text.strip(), calls, _media(message)])


def digest(before: bytes, value: Json) -> bytes:
    """Return a hash of a JSON value, and of what came before it."""
    text = json.dumps(value, ensure_ascii=True, sort_keys=True)
    return blake2b(text.encode(), key=before, digest_size=16).digest()


def system_of(messages: Iterable[Message]) -> bytes:
    """Return the hash of the system text."""
    return digest(b"", [message.text for message in messages if message.role in SYSTEM])


def _arguments(call: ToolCall) -> str:
    try:
        return canonical(call.parsed())
    except ValueError:
        return call.arguments


def _media(message: Message) -> Json:
    """The parts that are no text; what the assistant thought, others leave out of the history."""
    if not isinstance(message.content, list) or message.role == "assistant":
        return []
    return [part for part in message.content if part.get("type") != "text"]
