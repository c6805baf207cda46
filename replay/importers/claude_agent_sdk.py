"""Messages of the Claude Agent SDK and transcripts of Claude Code.

A JSON file `{messages: [{direction, message}]}`, or JSON Lines of the messages themselves (`type` user,
assistant, system, result). One answer of the model comes as one line for each content block, with one id.
System prompt, tools and params are not in the log, nor is the usage of a single call.
https://docs.claude.com/en/api/agent-sdk/python
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from replay.conversation import Object
from replay.importers import Logged, _derived
from replay.importers._items import items
from replay.importers._records import as_bytes

DERIVED = "the Agent SDK keeps messages, not bodies: no system prompt, tools, params or usage of a call"


def sniff(head: bytes) -> bool:
    """Tell by the ids that each message carries."""
    session = b'"session_id"' in head or b'"sessionId"' in head
    wrapped = b'"direction"' in head and b'"messages"' in head
    return (session and b'"uuid"' in head and b'"message"' in head) or (
        wrapped and b'"control_request"' in head
    )


def read(path: Path) -> Iterator[Logged]:
    """Yield every answer of the model with all that came before it in its session."""
    sessions: dict[str, _Session] = {}
    for item in items(path, "messages"):
        record: Any = item.value
        if not isinstance(record, dict):
            yield Logged(str(path), item.place, refused=item.wrong or "not a JSON object")
            continue
        wrapped = "direction" in record  # one file then holds one session, whose name comes late
        said = record.get("message") if wrapped else record
        if isinstance(said, dict):
            key = "" if wrapped else str(said.get("sessionId") or said.get("session_id") or "")
            session = sessions.setdefault(key, _Session(str(path), key))
            yield from session.take(item.place, said)
    for session in sessions.values():
        yield from session.end()


class _Session:
    """What has been said so far in one session, and the answer that is still coming."""

    def __init__(self, path: str, key: str) -> None:
        self._path, self._key = path, key
        self._messages: list[Object] = []
        self._answer: Object = {}
        self._place, self._when = "", None

    def take(self, place: str, said: Object) -> Iterator[Logged]:
        """Take the next message; yield the answer that it ends."""
        kind, message = said.get("type"), said.get("message")
        if kind == "assistant" and isinstance(message, dict):
            if message.get("id") != self._answer.get("id"):
                yield from self.end()
                self._answer, self._place = {**message, "content": []}, place
                self._when = said.get("timestamp")
            self._answer["content"] += message.get("content") or []
            self._answer["stop_reason"] = message.get("stop_reason") or self._answer.get("stop_reason")
        elif kind == "user" and isinstance(message, dict):
            yield from self.end()
            self._messages.append({"role": "user", "content": message.get("content")})
        elif kind == "result" and self._answer:
            self._answer["stop_reason"] = said.get("stop_reason") or self._answer.get("stop_reason")
            yield from self.end()

    def end(self) -> Iterator[Logged]:
        """Yield the answer that was coming, and make it part of what has been said."""
        answer, self._answer = self._answer, {}
        if not answer:
            return
        if self._messages:
            asked = {"model": answer.get("model"), "messages": list(self._messages)}
            said = {name: value for name, value in answer.items() if name != "usage" and value is not None}
            yield Logged(
                self._path,
                self._place,
                request=as_bytes(asked),
                status=200,
                response=as_bytes(said),
                wire="anthropic",
                derived=DERIVED,
                thread=self._key,
                **_derived.origin(answer.get("id"), self._when),
            )
        else:
            yield Logged(self._path, self._place, refused="an answer to nothing that the log holds")
        self._messages.append({"role": "assistant", "content": answer["content"]})
