"""One call to a model as a trace keeps it, put into the form of Chat Completions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from replay.conversation import Json, Message, Object
from replay.importers import Logged
from replay.importers._asked import asked
from replay.importers._exchange import iso
from replay.importers._failures import Failure
from replay.importers._parts import NotCaptured
from replay.importers._records import ODD
from replay.providers._ids import legal

_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
_NO_REASON = {"", "error", "unknown", "other", "null", "none", "unspecified"}
_SAME_WIRE = ("openai_compatible", "azure")
_NOTHING = "no content was captured"
_HIDDEN = (b"@@@langfuseMedia:", b"__REDACTED__", b"<redacted by ", b"[Scrubbed due to")


@dataclass(frozen=True, slots=True)
class Generation:
    """A call to a model. `choices` are `{message, finish_reason}`, empty where no answer is kept.

    `asked` and `answered` are the bodies of `wire`, a provider's own, where the log has them whole; the rest
    says then only what they do not. `provider` and `address` are the log's own words for who was asked.
    """

    messages: list[Object] = field(default_factory=list)
    tools: list[Object] = field(default_factory=list)
    params: Object = field(default_factory=dict)
    choices: list[Object] = field(default_factory=list)
    usage: Object = field(default_factory=dict)
    model: str = ""
    served: str = ""
    id: str = ""
    provider: str = ""
    address: str = ""
    failure: Failure | None = None
    wire: str = ""
    asked: Object | None = None
    answered: Json = None
    thread: str = ""
    at: float | None = None
    tags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    source: Object = field(default_factory=dict)


def usage(
    prompt: Json = None,
    completion: Json = None,
    total: Json = None,
    cached: Json = None,
    reasoning: Json = None,
) -> Object:
    """Return counts of tokens as Chat Completions says them; what is no count is left out."""
    found: Object = dict(zip(_COUNTS, map(_count, (prompt, completion, total)), strict=True))
    for name, word, count in (("prompt", "cached", cached), ("completion", "reasoning", reasoning)):
        if _count(count) is not None:
            found[f"{name}_tokens_details"] = {f"{word}_tokens": _count(count)}
    return {name: count for name, count in found.items() if count is not None}


def _count(value: Json) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def choices(messages: list[Object], reasons: list[Json], *, many: bool = False) -> list[Object]:
    """Return the choices of an answer: a message each with `many`, else one message that says all of it."""
    if not many and len(messages) > 1:
        messages, reasons = [_whole(messages)], [reason for reason in reasons if reason][-1:]
    reasons = [*reasons, *[None] * len(messages)]
    return [
        {"index": number, "message": _spoken(message), "finish_reason": reason(reasons[number])}
        for number, message in enumerate(messages)
    ]


def _whole(messages: list[Object]) -> Object:
    """Join what was said in one answer in several messages."""
    words = [message["content"] for message in messages if isinstance(message.get("content"), str)]
    parts = [
        part
        for message in messages
        if isinstance(message.get("content"), list)
        for part in message["content"]
    ]
    calls = [call for message in messages for call in message.get("tool_calls") or ()]
    if parts:
        parts = [{"type": "text", "text": word} for word in words] + parts
    joined: Object = {}
    for message in messages:
        joined |= message
    return (
        joined
        | {"content": parts or ("".join(words) if words else None)}
        | ({"tool_calls": calls} if calls else {})
    )


def _spoken(message: Object) -> Object:
    """Answers say text as text: parts are joined where they are nothing else."""
    parts = message.get("content")
    if isinstance(parts, list) and all(part.keys() == {"type", "text"} for part in parts):
        return message | {"role": "assistant", "content": "".join(part["text"] for part in parts)}
    return message | {"role": "assistant"}


def reason(word: Json) -> str | None:
    """Return why an answer ended in the provider's word, None where the log has only a stand-in for it."""
    if not isinstance(word, str) or word.lower().removeprefix("finish_reason_") in _NO_REASON:
        return None
    return word.replace("-", "_")


def built(path: str, place: str, derived: str, make: Callable[[], Generation]) -> Logged:
    """Return the call that `make` finds as an exchange, or why it finds none.

    `derived` says what the log is not.
    """
    try:
        return _logged(path, place, make(), derived)
    except NotCaptured:
        return Logged(path, place, refused=_NOTHING)
    except ODD as problem:
        return Logged(path, place, refused=f"it cannot be read: {problem}")


def _logged(path: str, place: str, call: Generation, derived: str) -> Logged:
    facts: Any = {"thread": call.thread, "at": call.at, "tags": call.tags, "source": _source(call)}
    provider, settings = asked(call.provider, call.address, call.model)
    if call.asked is not None:
        facts |= {"request": _json(call.asked), **_answer(call, call.answered)}
        facts |= {"wire": call.wire}
        if provider == call.wire or (call.wire == "openai" and provider in _SAME_WIRE):
            facts |= {"provider": provider, "settings": settings}
    else:
        call = _with_ids(call)
        if not call.messages:
            return Logged(path, place, **facts, refused=_NOTHING)
        facts |= {"request": _json(_request(call, provider)), **_answer(call, _reply(call))}
        facts |= {"wire": "openai", "provider": provider, "settings": settings}
    notes = (*call.notes, *_odd(call, facts["request"], facts.get("response")))
    return Logged(path, place, **facts, model=call.model, derived=derived, notes=notes)


def _source(call: Generation) -> Object:
    if call.at is None:
        return call.source
    return call.source | {"recorded_at": iso(datetime.fromtimestamp(call.at, UTC))}


def _with_ids(call: Generation) -> Generation:
    """Number the tool calls of wires and logs that have no ids, which Chat Completions needs."""
    if all(one.get("id") for message in _messages(call) for one in message.get("tool_calls") or ()):
        return call
    named = legal([Message.from_json(message) for message in _messages(call)], bool)
    messages = [message.to_json() for message in named]
    asked_for, said = messages[: len(call.messages)], messages[len(call.messages) :]
    answers = [choice | {"message": message} for choice, message in zip(call.choices, said, strict=True)]
    notes = (*call.notes, "its tool calls have no ids in the log and are numbered")
    return replace(call, messages=asked_for, choices=answers, notes=notes)


def _messages(call: Generation) -> list[Object]:
    return [*call.messages, *(choice["message"] for choice in call.choices)]


def _request(call: Generation, provider: str) -> Object:
    params = dict(call.params)
    if "max_tokens" in params and provider != "openai_compatible" and "max_completion_tokens" not in params:
        params["max_completion_tokens"] = params.pop("max_tokens")
    body: Object = {"model": call.model} if call.model else {}
    body |= {"messages": call.messages}
    return body | ({"tools": call.tools} if call.tools else {}) | params


def _reply(call: Generation) -> Object | None:
    if not call.choices:
        return None
    said = {"id": call.id, "object": "chat.completion", "model": call.served or call.model}
    body: Object = {key: value for key, value in said.items() if value} | {"choices": call.choices}
    return body | ({"usage": call.usage} if call.usage else {})


def _answer(call: Generation, reply: Json) -> Object:
    """Return the response as fields of `Logged`: the answer, else how the call failed, if that is said."""
    if reply is not None:
        return {"status": 200, "response": _json(reply)}
    failed = call.failure
    if failed is None or (failed.status is None and failed.exception is None):
        return {}
    if failed.status is None:
        return {"error": failed.exception}
    return {"status": failed.status, "response": _json(failed.body)}


def _odd(call: Generation, request: bytes, response: bytes | None) -> Iterator[str]:
    failed = call.failure
    if failed and failed.status is None and failed.exception is None and response is None:
        yield f"its call failed and the log does not say with which HTTP status ({failed.told[:200]})"
    both = request + (response or b"")
    if any(mark in both for mark in _HIDDEN):
        yield "the log holds stand-ins for some of its content: it is not what was sent"
    first = next((one["role"] for one in call.messages if one["role"] not in ("system", "developer")), "")
    if first == "tool":
        yield "it begins with the answer of a tool: what came before it is not in the log"
    reasons = [choice.get("finish_reason") for choice in call.choices]
    if reasons and None in reasons:
        yield "the log does not say why the answer ended (finish_reason)"


def _json(value: Json) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
