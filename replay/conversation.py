"""What a conversation is made of, in the wire's own words (Chat Completions)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Json = Any  # whatever json.loads can return
Object = dict[str, Any]

OUR_TOOL_FIELDS = ("effect", "requires")  # of a tool in a fixture: they are never sent
TOOL_STATUSES = (
    "success",
    "empty",  # it did what was asked, and there is nothing to tell
    "partial",  # there is more than was returned
    "permission_denied",
    "error",
)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool. `arguments` is the exact text the model wrote, valid JSON or not.

    `type` is `function`, `custom` (arguments is free text), or `function_call` for the legacy message field.
    """

    id: str
    name: str
    arguments: str
    type: str = "function"
    extra: Object = field(default_factory=dict)

    def parsed(self) -> Json:
        """Return the arguments as JSON; no text at all counts as no arguments. Raises ValueError."""
        from replay.jsontext import parse

        return parse(self.arguments) if self.arguments.strip() else {}

    def to_json(self) -> Object:
        """Return the wire's shape, an item of a message's `tool_calls`."""
        if self.type == "custom":
            return {
                "id": self.id,
                "type": "custom",
                "custom": {"name": self.name, "input": self.arguments},
            } | self.extra
        call = {"name": self.name, "arguments": self.arguments}
        return {"id": self.id, "type": self.type, "function": call} | self.extra

    @classmethod
    def from_json(cls, data: Object) -> ToolCall:
        """Read the wire's shape; arguments given as a mapping are kept as JSON text."""
        kind = data.get("type") or "function"
        key, text = ("custom", "input") if kind == "custom" else ("function", "arguments")
        body = data.get(key) or {}
        extra = {name: value for name, value in data.items() if name not in ("id", "type", key)}
        return cls(data.get("id") or "", body.get("name") or "", _text(body.get(text)), kind, extra)


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `content` is text, a list of parts in the wire's shape, or None.

    `extra` holds every other field of the wire (`name`, `refusal`, `audio`, ...) unchanged.
    """

    role: str
    content: str | list[Object] | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    extra: Object = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The text of the content: the parts of type `text` joined, the empty string when there is none."""
        if isinstance(self.content, str):
            return self.content
        texts = (part.get("text") for part in self.content or () if part.get("type") == "text")
        return "".join(text for text in texts if isinstance(text, str))

    def to_json(self) -> Object:
        """Return the wire's shape; the legacy `function_call` is written where it was read."""
        data: Object = {"role": self.role}
        if self.content is not None or self.role == "assistant":
            data["content"] = self.content
        modern = [call.to_json() for call in self.tool_calls if call.type != "function_call"]
        if modern:
            data["tool_calls"] = modern
        for call in self.tool_calls:
            if call.type == "function_call":
                data["function_call"] = {"name": call.name, "arguments": call.arguments}
        if self.tool_call_id is not None:
            data["tool_call_id"] = self.tool_call_id
        return data | self.extra

    @classmethod
    def from_json(cls, data: Object) -> Message:
        """Read the wire's shape."""
        calls = [ToolCall.from_json(call) for call in data.get("tool_calls") or ()]
        legacy = data.get("function_call")
        if legacy:
            calls.append(
                ToolCall("", legacy.get("name") or "", _text(legacy.get("arguments")), "function_call")
            )
        known = ("role", "content", "tool_calls", "tool_call_id", "function_call")
        extra = {key: value for key, value in data.items() if key not in known}
        return cls(data.get("role") or "", data.get("content"), tuple(calls), data.get("tool_call_id"), extra)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool the model may call. `parameters` is a JSON Schema.

    `effect` (`read` or `write`) and `requires` (what has to be granted before it is executed) are ours and
    are never sent. `extra` holds other fields of the function (`strict`), `outer` fields beside it
    (`cache_control`). A tool of another type than `function` keeps its whole definition in `outer`.
    """

    name: str
    description: str | None = None
    parameters: Object | None = None
    effect: Literal["read", "write"] | None = None
    type: str = "function"
    extra: Object = field(default_factory=dict)
    outer: Object = field(default_factory=dict)
    requires: tuple[str, ...] = ()

    def to_wire(self) -> Object:
        """Return the wire's shape, an item of a request's `tools`."""
        if self.type != "function":
            return {"type": self.type} | self.outer
        function = {"name": self.name, "description": self.description, "parameters": self.parameters}
        function = {key: value for key, value in function.items() if value is not None}
        return {"type": "function", "function": function | self.extra} | self.outer

    def to_json(self) -> Object:
        """Return the fixture's shape: the short form where it says everything, else the wire's."""
        ours: Object = {"effect": self.effect, "requires": list(self.requires)}
        ours = {name: value for name, value in ours.items() if value}
        if self.type != "function" or self.outer:
            return self.to_wire() | ours
        wire: Object = self.to_wire()["function"]
        return wire | ours

    @classmethod
    def from_json(cls, data: Object) -> Tool:
        """Read the wire's shape (`{type: function, function: {...}}`) or the fixture's short form."""
        kind = data.get("type") or "function"
        effect, requires = data.get("effect"), tuple(data.get("requires") or ())
        if kind != "function":
            outer = {key: value for key, value in data.items() if key not in ("type", *OUR_TOOL_FIELDS)}
            name = _name(kind, outer)
            return cls(name, effect=effect, type=kind, outer=outer, requires=requires)
        function = data.get("function") or data
        known = ("name", "description", "parameters", "type", "function", *OUR_TOOL_FIELDS)
        extra = {key: value for key, value in function.items() if key not in known}
        outer = {} if function is data else {k: v for k, v in data.items() if k not in known}
        return cls(
            function.get("name") or "",
            function.get("description"),
            function.get("parameters"),
            effect,
            extra=extra,
            outer=outer,
            requires=requires,
        )


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered when it was recorded. `arguments` None matches any arguments.

    `status` is one of TOOL_STATUSES; not given, it is what the content shows: `empty` or `success`.
    """

    name: str
    arguments: Json = None
    content: Json = ""
    status: str = ""

    def __post_init__(self) -> None:
        """Tell the status by the content where it is not given."""
        if not self.status:
            nothing = self.content in ("", None, [], {})
            object.__setattr__(self, "status", "empty" if nothing else "success")

    def to_json(self) -> Object:
        """Return the fixture's shape; a status that the content shows is left out."""
        arguments = {} if self.arguments is None else {"arguments": self.arguments}
        plain = ToolResult(self.name, self.arguments, self.content).status == self.status
        status = {} if plain else {"status": self.status}
        return {"name": self.name, **arguments, "content": self.content, **status}

    @classmethod
    def from_json(cls, data: Object) -> ToolResult:
        """Read the fixture's shape."""
        return cls(data["name"], data.get("arguments"), data.get("content", ""), data.get("status") or "")

    @property
    def text(self) -> str:
        """The content as a tool message carries it: text as it is, anything else as JSON."""
        return _text(self.content)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A recorded conversation state: what is sent, and what it takes to go on from there.

    `user_turns` are what the user says, one by one, when the model has stopped in a play to completion.
    """

    name: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    params: Object = field(default_factory=dict)
    tool_results: tuple[ToolResult, ...] = ()
    tags: tuple[str, ...] = ()
    source: Object = field(default_factory=dict)
    user_turns: tuple[Message, ...] = ()

    def upto(self, count: int) -> Conversation:
        """Return the same conversation with only its first `count` messages."""
        return replace(self, messages=self.messages[:count])

    def to_json(self) -> Object:
        """Return the fixture's shape, without the name (which is the file's)."""
        data: Object = {"messages": [message.to_json() for message in self.messages]}
        optional: Mapping[str, Any] = {
            "params": self.params,
            "tools": [tool.to_json() for tool in self.tools],
            "tool_results": [result.to_json() for result in self.tool_results],
            "user_turns": [user_turn_json(message) for message in self.user_turns],
            "tags": list(self.tags),
            "source": self.source,
        }
        return data | {key: value for key, value in optional.items() if value}

    @classmethod
    def from_json(cls, name: str, data: Object) -> Conversation:
        """Read the fixture's shape; the data must have been checked (see `replay.fixtures`)."""
        return cls(
            name,
            _all(Message.from_json, data.get("messages")),
            _all(Tool.from_json, data.get("tools")),
            data.get("params") or {},
            _all(ToolResult.from_json, data.get("tool_results")),
            tuple(data.get("tags") or ()),
            data.get("source") or {},
            _all(user_turn, data.get("user_turns")),
        )


def user_turn(data: Json) -> Message:
    """Read what the user says: text, or a message without its role."""
    return Message("user", data) if isinstance(data, str) else Message.from_json(data | {"role": "user"})


def user_turn_json(message: Message) -> Json:
    """Write what `user_turn` reads."""
    data = {key: value for key, value in message.to_json().items() if key != "role"}
    return message.content if data.keys() == {"content"} and isinstance(message.content, str) else data


def _name(kind: str, outer: Object) -> str:
    """The name of a tool of another type: its own, or the one in its definition, else its type."""
    inside = outer.values() if kind == "native" else (outer.get(kind),)
    named = (held.get("name") for held in (outer, *inside) if isinstance(held, dict))
    return next((name for name in named if name and isinstance(name, str)), kind)


def _all(read: Any, items: Iterable[Object] | None) -> tuple[Any, ...]:
    return tuple(read(item) for item in items or ())


def _text(value: Json) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
