"""Items of the Responses wire, and the messages that they are.

What only this wire can say is kept by its name under `native` (see `replay.providers._native`):

    in a message     the fields of its message item beside role and content; `content` is what each part says
                     more, and `form: text` means that it was plain text
    in a tool call   the fields of its item beside name, arguments and call_id
    in content       {item: {...}}     an item of another kind, whole, where it stood
                     {part: {...}}     a content part of another kind, whole
                     {message: {...}}  here another message item begins; its fields as above
                     {call: 0}         here, and not after the content, stood a tool call

https://platform.openai.com/docs/api-reference/responses/create#responses-create-input
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby

from replay.conversation import Json, Message, Object, ToolCall
from replay.providers import _ids, _native, _responses_parts
from replay.providers._responses_parts import WIRE

_LONGEST_ID = 64
_CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
_OUTPUTS = ("function_call_output", "custom_tool_call_output")
# What the application says in items that Chat Completions has no word for; all others are the model's.
_GIVEN = (
    "apply_patch_call_output",
    "computer_call_output",
    "local_shell_call_output",
    "mcp_approval_response",
)


def messages(items: Iterable[Object]) -> list[Message]:
    """Read the items of an input. What the model says in one go, in however many items, is one message."""
    runs = [(own, list(run)) for own, run in groupby(items, _of_model)]
    said = [spoken(run) if own else None for own, run in runs]
    custom = _custom(filter(None, said))
    lists = (
        [message] if message else [_given(item, custom) for item in run]
        for message, (_, run) in zip(said, runs, strict=True)
    )
    return list(chain.from_iterable(lists))


def spoken(items: Iterable[Object]) -> Message:
    """Return the one message of the assistant that these items are, an input's or an output's."""
    said = _Said()
    for item in items:
        said.add(item)
    return said.message("assistant")


def items(messages: Sequence[Message]) -> list[Object]:
    """Return the items that say these messages: the inverse of `messages`."""
    messages = _ids.legal(messages, lambda name: len(name) <= _LONGEST_ID)
    custom = _custom(messages)
    return list(chain.from_iterable(_written(message, custom) for message in messages))


def _custom(messages: Iterable[Message]) -> set[str]:
    """Ids of the calls of custom tools: the items of their results have a type of their own."""
    return {call.id for message in messages for call in message.tool_calls if call.type == "custom"}


def _of_model(item: Object) -> bool:
    if _is_message(item):
        return bool(item["role"] == "assistant")
    kind, side = item.get("type"), item.get("execution")
    return kind not in (*_OUTPUTS, *_GIVEN) and (kind, side) != ("tool_search_output", "client")


def _is_message(item: Object) -> bool:
    content, role = item.get("content"), item.get("role")
    parts = isinstance(content, list) and all(isinstance(part, dict) for part in content)
    typed = item.get("type", "message") == "message" and isinstance(role, str) and role != ""
    return typed and (parts or isinstance(content, str))


def _given(item: Object, custom: Container[str]) -> Message:
    """A message of anyone but the model."""
    if item.get("type") in _OUTPUTS and (result := _result(item, custom)):
        return result
    said = _Said()
    said.add(item)
    return said.message(item["role"] if _is_message(item) else "user")


def _result(item: Object, custom: Container[str]) -> Message | None:
    """The message that answers a tool call; None for what has another shape."""
    key, output = item.get("call_id"), item.get("output")
    parts = isinstance(output, list) and output and all(isinstance(part, dict) for part in output)
    if not isinstance(key, str) or not (parts or isinstance(output, str)):
        return None
    usual = item["type"] == _OUTPUTS[key in custom]
    rest = _without(item, "call_id", "output", *(["type"] if usual else []))
    content, more = _responses_parts.read(output, "tool") if isinstance(output, list) else (output, [])
    if any(more):
        rest["output"] = more
    return Message("tool", content, tool_call_id=key, extra=_native.keep(WIRE, rest))


def _call(item: Object) -> ToolCall | None:
    match item:
        case {
            "type": "function_call",
            "call_id": str(key),
            "name": str(name),
            "arguments": str(text),
            **rest,
        }:
            return ToolCall(key, name, text, "function", _native.keep(WIRE, rest))
        case {"type": "custom_tool_call", "call_id": str(key), "name": str(name), "input": str(text), **rest}:
            return ToolCall(key, name, text, "custom", _native.keep(WIRE, rest))
    return None


class _Said:
    """The message that is made of items, one after another."""

    def __init__(self) -> None:
        self._parts: list[Object] = []
        self._calls: list[ToolCall] = []
        self._placed = 0  # so many of the calls stand before what comes next
        self._frame: Object | None = None

    def add(self, item: Object) -> None:
        """Add an item."""
        if _is_message(item):
            self._speak(item)
        elif call := _call(item):
            self._calls.append(call)
        else:
            self._put(_native.part(WIRE, {"item": item}))

    def message(self, role: str) -> Message:
        """Return the message: text as text where there is nothing else, a refusal beside it."""
        frame, parts, extra = self._frame or {}, self._parts, {}
        if self._refuses():
            parts, extra = parts[:-1], {"refusal": parts[-1]["refusal"]}
        content: str | list[Object] | None = parts or None
        if len(parts) == 1 and (role == "assistant" or frame.get("form") == "text"):
            content = parts[0].get("text") or parts
        frame = _framed(frame, plain=isinstance(content, str) and not extra)
        return Message(role, content, tuple(self._calls), extra=extra | _native.keep(WIRE, frame))

    def _speak(self, item: Object) -> None:
        said, frame = item["content"], _without(item, "role", "content")
        if isinstance(said, str):
            parts, frame = [{"type": "text", "text": said}], frame | {"form": "text"}
        else:
            parts, frame["content"] = _responses_parts.read(said, item["role"])
        if self._frame is None and parts:
            self._frame = frame
        else:
            self._frame = self._frame or {}
            self._put(_native.part(WIRE, {"message": _framed(frame)}))
        for part in parts:
            self._put(part)

    def _put(self, part: Object) -> None:
        for number in range(self._placed, len(self._calls)):
            self._parts.append(_native.part(WIRE, {"call": number}))
        self._placed = len(self._calls)
        self._parts.append(part)

    def _refuses(self) -> bool:
        """Whether the one message ends with its one refusal."""
        refusals = [part for part in self._parts if part["type"] == "refusal"]
        others = any("message" in (_native.said(part, WIRE) or {}) for part in self._parts)
        return len(refusals) == 1 and self._parts[-1] is refusals[0] and not others


def _framed(frame: Object, *, plain: bool = False) -> Object:
    """Leave out of a frame what goes without saying: text as text, or else parts that say nothing more."""
    if plain:
        return _without(frame, "form")
    more = frame.get("content")
    return _without(frame, "content") if more and not any(more) else frame


@dataclass
class _Open:
    """A message item that is being written."""

    role: str
    frame: Object
    parts: list[Object]
    plain: bool = False

    def item(self) -> Object | None:
        """Return the item, None where nothing of it can be said."""
        more = self.frame.get("content")
        content: Json = _responses_parts.written(self.parts, self.role, more)
        if not content and more != []:
            return None
        if self.frame.get("form") == "text" or (more is None and self.plain):
            content = "".join(part.get("text") or "" for part in self.parts)
        return {"role": self.role, "content": content} | _without(self.frame, "content", "form")


def _written(message: Message, custom: Container[str]) -> Iterator[Object]:
    if message.role in ("tool", "function"):
        yield _output(message, custom)
        return
    said = (item.item() if isinstance(item, _Open) else item for item in _sequence(message))
    yield from (item for item in said if item is not None)


def _output(message: Message, custom: Container[str]) -> Object:
    own, key = _native.own(message.extra, WIRE), message.tool_call_id or ""
    output: Json = message.text
    if isinstance(message.content, list):
        output = _responses_parts.written(message.content, "tool", own.get("output"))
    said = {"type": _OUTPUTS[key in custom], "call_id": key, "output": output}
    return said | _without(own, "output")


def _sequence(message: Message) -> list[Object | _Open]:
    """The items of a message, in the order in which they were said."""
    plain = isinstance(message.content, str) and not message.extra.get("refusal")
    open_, upcoming = None, _Open(message.role, _native.own(message.extra, WIRE), [], plain)
    calls = dict(enumerate(map(_called, message.tool_calls)))
    found: list[Object | _Open] = []
    for part in _content(message):
        own = _native.said(part, WIRE)
        if own is None or "part" in own:
            if open_ is None:
                open_, upcoming = upcoming, _Open(message.role, {}, [])
                found.append(open_)
            open_.parts.append(part)
        else:
            open_ = _Open(message.role, own["message"], []) if isinstance(own.get("message"), dict) else None
            told = open_ or _placed(own, calls)
            found += [] if told is None else [told]
    return [*found, *calls.values()]


def _placed(own: Object, calls: dict[int, Object]) -> Object | None:
    """The item that stands here: one of the calls, taken out of them, or one of another kind."""
    if isinstance(own.get("call"), int):
        return calls.pop(own["call"], None)
    return own["item"] if isinstance(own.get("item"), dict) else None


def _content(message: Message) -> Iterator[Object]:
    """The content and the refusal as parts, without what other wires have said."""
    said, refusal = message.content, message.extra.get("refusal")
    if isinstance(said, list):
        yield from (part for part in said if part.get("type") != _native.NATIVE or _native.said(part, WIRE))
    elif said or (said is not None and not (refusal or message.tool_calls)):
        yield {"type": "text", "text": said}
    if isinstance(refusal, str) and refusal:
        yield {"type": "refusal", "refusal": refusal}


def _called(call: ToolCall) -> Object:
    kind = "custom_tool_call" if call.type == "custom" else "function_call"
    said = {"type": kind, "call_id": call.id, "name": call.name, _CALLS[kind]: call.arguments}
    return said | _native.own(call.extra, WIRE)


def _without(data: Object, *names: str) -> Object:
    return {key: value for key, value in data.items() if key not in names}
