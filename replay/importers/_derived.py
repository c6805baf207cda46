"""A log that keeps messages, not bodies: its call in the form of Chat Completions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from replay.conversation import Json, Object
from replay.importers import Logged


def call(
    path: str,
    place: str,
    asked: Object,
    said: Object | None,
    *,
    finish_reason: str | None = None,
    answer: Object | None = None,
    **known: Any,
) -> Logged:
    """Return a call that asked `asked` (messages, tools, params, model) and was answered with a message.

    What the log does not hold is left out. `answer` has the other fields of the response (id, model, usage);
    `known` those of `Logged`. Without `said` the answer is not recorded.
    """
    response = None
    if said is not None:
        choice: Object = {"index": 0, "message": {"role": "assistant", "content": None} | said}
        choice |= {"finish_reason": finish_reason} if finish_reason else {}
        response = _bytes({"object": "chat.completion"} | (answer or {}) | {"choices": [choice]})
    status = None if response is None else 200
    return Logged(
        path, place, request=_bytes(asked), status=status, response=response, wire="openai", **known
    )


def turns(path: str, place: str, messages: list[Object], asked: Object, **known: Any) -> Iterator[Logged]:
    """Yield one call for each assistant message of a whole conversation: what came before it, and it.

    Their place is `<place>, turn 1`, ...; they share `thread`, which is the place where `known` names none.
    """
    known = {"thread": place} | known
    answers = [number for number, message in enumerate(messages) if message.get("role") == "assistant"]
    for turn, number in enumerate(answers, 1):
        request = asked | {"messages": messages[:number]}
        yield call(path, f"{place}, turn {turn}", request, messages[number], **known)
    if not answers:
        yield Logged(path, place, refused="no assistant message is kept")


def tool_call(name: str, arguments: Json, key: str | None) -> Object:
    """Return a tool call; arguments that a log keeps as JSON, not as the model's own text, become text."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return {"id": key or "", "type": "function", "function": {"name": name, "arguments": text}}


def some(**fields: Json) -> Object:
    """Return the fields that hold something."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def _bytes(value: Json) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
