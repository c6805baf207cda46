"""What the rules look at: one request, and what is known around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import NamedTuple

from replay.cassette.redact import Redactor
from replay.conversation import Message, Object, Tool, ToolResult
from replay.documents import Keys
from replay.errors import Fault
from replay.lint._models import Shutdowns
from replay.lint._schemas import Schema, of_format, of_tools
from replay.turn import ApiError, Reply, Request

SYSTEM = ("system", "developer")
RESULTS = ("tool", "function")
CHARACTERS = 4  # of English text, to a token: https://help.openai.com/en/articles/4936856


class Text(NamedTuple):
    """One text of a conversation: where it stands, whose it is, and itself."""

    keys: Keys
    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is kept of an exchange that stands before another in a log.

    `system` is its system text as a hash.
    """

    path: str
    place: str
    system: bytes
    messages: int
    finish_reason: str | None
    prompt_tokens: int | None
    error: ApiError | None


@dataclass(frozen=True)
class Around:
    """What is the same for all subjects of a run."""

    today: date
    redactor: Redactor
    shutdowns: Shutdowns


@dataclass(frozen=True)
class Subject:
    """One request, from a fixture, a log or a paste.

    `provider` is the one that is asked, empty where nobody says; the model likewise. `addressed` tells that
    it is so by the address, not only by the form of the request, which other servers share. `body` is what
    was sent, None in a fixture.

    In a log `reply` and `error` are what came back, `before` is the turn before it of the same conversation,
    and `failed` the same request where it failed before. `recorded` tells that the log kept bodies as they
    were, `partial` that the request is the end of a history only. `system` is its system text as a hash.
    `answered` tells of a fixture that it was recorded with its answer, at a provider that it does not name.
    `faults` are what the reader of a fixture, or of a request, complained of.
    """

    request: Request
    around: Around
    faults: tuple[Fault, ...] = ()
    provider: str = ""
    settings: Object = field(default_factory=dict)
    addressed: bool = False
    body: Object | None = None
    tool_results: tuple[ToolResult, ...] = ()
    answered: bool = False
    recorded: bool = False
    partial: bool = False
    reply: Reply | None = None
    error: ApiError | None = None
    system: bytes = b""
    before: Earlier | None = None
    failed: Earlier | None = None

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages of the request."""
        return self.request.messages

    @property
    def params(self) -> Object:
        """The parameters of the request."""
        return self.request.params

    @property
    def taken(self) -> bool:
        """Whether the provider took the request: what it answers to, it understands."""
        return self.answered or (self.reply is not None and self.error is None)

    @cached_property
    def texts(self) -> list[Text]:
        """All texts of the messages, and what tools answered when a fixture was recorded."""
        said = [text for index, message in enumerate(self.messages) for text in _texts(index, message)]
        results = enumerate(self.tool_results)
        return said + [Text(("tool_results", n, "content"), "tool", one.text) for n, one in results]

    @cached_property
    def tool_schemas(self) -> list[Schema]:
        """The parameters of the tools."""
        return list(of_tools(self.request))

    @cached_property
    def schemas(self) -> list[Schema]:
        """The parameters of the tools, and the schema that the answer is to follow."""
        return [*self.tool_schemas, *of_format(self.request)]

    @property
    def functions(self) -> Iterator[tuple[Keys, Tool]]:
        """The tools that are functions, with their keys."""
        tools = enumerate(self.request.tools)
        return ((("tools", index), tool) for index, tool in tools if tool.type == "function")

    def of(self, *roles: str) -> list[Text]:
        """Return the texts of these roles."""
        return [text for text in self.texts if text.role in roles]

    @cached_property
    def tokens(self) -> int:
        """About how many tokens the request has: what the provider counted, else by its characters."""
        counted = self.reply.usage.prompt_tokens if self.reply and self.reply.usage else None
        if counted:
            return counted
        calls = sum(len(call.arguments) for message in self.messages for call in message.tool_calls)
        said = sum(len(text.text) for text in self.texts if text.keys[0] == "messages")
        return (said + calls + len(str([tool.to_wire() for tool in self.request.tools]))) // CHARACTERS


def _texts(index: int, message: Message) -> Iterator[Text]:
    keys = ("messages", index, "content")
    if isinstance(message.content, str):
        yield Text(keys, message.role, message.content)
        return
    for number, part in enumerate(message.content or ()):
        if isinstance(part.get("text"), str):
            yield Text((*keys, number, "text"), message.role, part["text"])
