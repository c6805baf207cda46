"""Chat completions that OpenAI keeps (`store: true`), as its API lists them.

`GET /v1/chat/completions` gives completions with the parameters they were made with, `GET
/v1/chat/completions/{id}/messages` what was asked; each is a page `{object: "list", data: [...]}`, in one
document, one a line, or without the page around it. The messages (their id is the completion's and a number)
are given together with the completions, in one folder, or stand in the completion as `messages`.
https://platform.openai.com/docs/api-reference/chat/list
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from replay.conversation import Json, Object
from replay.importers import Logged
from replay.importers._derived import chat, origin
from replay.importers._items import beginnings
from replay.importers._join import Halves, Join, beside
from replay.importers._records import as_bytes, given, mapping, mappings, text

_DERIVED = "a stored completion keeps its parameters as the server filled them in, not the request"
_LIST = "data"
_NUMBERED = re.compile(r"(.+)-(\d+)")
_PARAMS = (
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "tools",
    "tool_choice",
    "response_format",
    "metadata",
)
_KEPT = {"request_id", "input_user", "messages"}  # what only a stored completion has


def sniff(head: bytes) -> bool:
    """Tell whether records are stored completions, or messages of some."""
    found = beginnings(head, _LIST) if b'"chatcmpl' in head else []
    return any(_asked(record) or (_completion(record) and bool(record.keys() & _KEPT)) for record in found)


def read(path: Path) -> Iterator[Logged]:
    """Yield the completions of a file, with the messages that stand there or in the files beside it."""
    return together(beside(path, sniff))(path)


def together(paths: Sequence[Path]) -> Callable[[Path], Iterator[Logged]]:
    """Return what reads files that belong together."""
    missing = "its messages are missing: give what /v1/chat/completions/{id}/messages lists together with it"
    return Join(paths, Halves(_asked, _answered, _logged, missing, (_LIST,))).read


def _completion(record: Object) -> bool:
    return record.get("object") == "chat.completion"


def _asked(record: Object) -> str:
    """Return the completion that a message belongs to."""
    numbered = _NUMBERED.fullmatch(text(record.get("id"))) if "role" in record else None
    return numbered[1] if numbered and numbered[1].startswith("chatcmpl") else ""


def _answered(record: Object) -> str:
    return text(record.get("id")) if _completion(record) and not record.get("messages") else ""


def _logged(path: str, place: str, found: list[Object], answer: Object | None) -> Logged:
    if answer is None:
        return Logged(path, place, refused="a message of a completion that is not here")
    if not _completion(answer):
        return Logged(path, place, refused="no stored completion")
    messages = _messages(answer["messages"]) if answer.get("messages") else sorted(found, key=_number)
    if not messages:
        return Logged(path, place, status=200, response=as_bytes(answer), refused="no messages")
    tags = tuple(f"{key}:{value}" for key, value in mapping(answer.get("metadata")).items())
    when = origin(text(answer.get("id")), answer.get("created"))
    own = given(answer, "messages", "request_id", "input_user", *_PARAMS)
    return chat(path, place, _request(answer, messages), own, _DERIVED, tags=tags, **when)


def _messages(value: Json) -> list[Object]:
    """Return messages from a list, or a page with one."""
    return mappings(value) or mappings(mapping(value).get(_LIST))


def _number(message: Object) -> int:
    numbered = _NUMBERED.fullmatch(text(message.get("id")))
    return int(numbered[2]) if numbered else 0


def _request(answer: Object, messages: list[Object]) -> Object:
    params = {key: answer[key] for key in _PARAMS if answer.get(key) not in (None, {}, [])}
    user = {"user": answer["input_user"]} if answer.get("input_user") else {}
    asked = [_message(message) for message in messages]
    return given({"model": answer.get("model"), "messages": asked, **params, **user, "store": True})


def _message(message: Object) -> Object:
    """Return a message as it was sent: its parts, where it had any, are kept beside its text."""
    parts = {"content": message["content_parts"]} if message.get("content_parts") else {}
    return given(message, "id", "content_parts") | parts
