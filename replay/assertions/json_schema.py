"""`json_schema`, `json_schema: schemas/refund.json` or `json_schema: {tool: lookup_order}`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from replay.assertions import _schema
from replay.assertions._answer import Answer
from replay.assertions._arguments import check_choice, check_flag, texts
from replay.assertions._calls import arguments_of, declared, malformed
from replay.assertions._found import Found, Place, ReplyAssertion, no_reply, verdicts
from replay.conversation import Conversation, Json, Object, ToolCall
from replay.errors import Fault, nearest
from replay.registry import given
from replay.turn import Transcript, Turn
from replay.verdict import Verdict


@dataclass(frozen=True)
class JsonSchema(ReplyAssertion):
    """The reply is JSON that fits a schema; with `tool`, the arguments of each call of that tool are.

    `schema` is a file, looked for from the project's root, then in `fixtures/`, then in `suites/`, or
    the schema itself. Without it, it is the one of the request's `response_format`, or the tool's declared
    parameters. `fenced: true` takes JSON out of a Markdown fence, `duplicate_keys: allow` lets the last of
    equal keys win. `format` is not checked, as JSON Schema has it.
    """

    schema: str | Object | bool | None = None
    tool: str | None = None
    fenced: bool = field(default=False, kw_only=True)
    duplicate_keys: str = field(default="refuse", kw_only=True)
    base: Path | None = field(default=None, init=False, repr=False, compare=False)
    root: Path | None = field(default=None, init=False, repr=False, compare=False)
    speaking: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse a schema that is none; one in a file is read by `bind`."""
        super().__post_init__()
        check_flag("fenced", self.fenced)
        check_choice("duplicate_keys", self.duplicate_keys, ("refuse", "allow"))
        if self.tool is not None:
            texts("tool", self.tool)
        if self.schema is not None and not isinstance(self.schema, str):
            with suppress(_schema.NeedsFiles):  # those are known in `bind`
                _schema.validator(self.schema)

    def bind(self, project: Any) -> JsonSchema:
        """Read the schema's file, and what it refers to. Raises ValueError."""
        if self.schema is None:
            return self
        root: Path = project.root
        base = _file(self.schema, root) if isinstance(self.schema, str) else root / "schema"
        schema = _schema.read_json(base, root) if isinstance(self.schema, str) else self.schema
        try:
            _schema.validator(schema, base=base, root=root)
        except _schema.BadSchema as problem:
            raise ValueError(
                f"{self.schema}: {problem}" if isinstance(self.schema, str) else str(problem)
            ) from None
        bound = replace(self, schema=schema)
        object.__setattr__(bound, "base", base)
        object.__setattr__(bound, "root", root)
        return bound

    def to_yaml(self) -> Object:
        """Name the file again: what the schema refers to is looked for from there."""
        if self.base is None or self.root is None or not self.base.is_file():
            return given(self)
        return given(self) | {"schema": self.base.relative_to(self.root).as_posix()}

    @property
    def files(self) -> tuple[Path, ...]:
        """The schema's file, and those that it refers to."""
        if self.base is None or self.root is None:
            return ()
        own = (self.base,) if self.base.is_file() else ()
        return (*own, *_schema.referred(self.schema, base=self.base, root=self.root))

    def review(self, conversation: Conversation) -> Iterator[Fault]:
        """Refuse a tool that is not declared, and a conversation that has no schema to judge by."""
        tools = declared(conversation.tools, conversation.params)
        if self.tool is not None and self.tool not in tools:
            yield Fault(
                "", 0, 0, f"json_schema: no tool {self.tool} is declared; {nearest(self.tool, tools)}"
            )
        elif self.schema is None and self.tool is None and asked_for(conversation.params) is None:
            yield Fault("", 0, 0, "json_schema: there is no response_format to judge by; write schema: FILE")

    def judged(self, transcript: Transcript, turns: list[tuple[int, Turn]]) -> Iterable[Verdict]:
        """Judge these turns; calls of a tool in all turns, where no turn is asked for."""
        if self.tool is None:
            return super().judged(transcript, turns)
        return self._called(list(enumerate(transcript.turns, 1)) if self.turn is None else turns)

    def of_place(self, place: Place) -> Iterable[Found]:
        """Judge one choice by the schema given, or by that of its request."""
        if place.reply is None:
            return [no_reply(place.turn)]
        schema = self.schema if self.schema is not None else asked_for(place.turn.request.params)
        if schema is None:
            message = "no schema to judge by: the request has no response_format; write schema: FILE"
            return [Found("no_schema", message)]
        answer = Answer.of(place.reply, fenced=self.fenced, repeated=self.duplicate_keys == "allow")
        return [answer.wrong] if answer.wrong else self._fits(schema, answer.value)

    def _called(self, turns: list[tuple[int, Turn]]) -> Iterator[Verdict]:
        called = False
        for number, turn in turns:
            tools = declared(turn.request.tools, turn.request.params)
            for reply in turn.reply.choices() if turn.reply else ():
                for call in reply.message.tool_calls:
                    if call.name == self.tool:
                        called = True
                        yield from verdicts(self, self._arguments(call, tools), number, f"turn {number}: ")
        if not called:
            yield from verdicts(self, [Found("not_called", f"expected a call of {self.tool}, there is none")])

    def _arguments(self, call: ToolCall, tools: dict[str, Json]) -> Iterable[Found]:
        schema = self.schema if self.schema is not None else tools.get(call.name)
        try:
            value = arguments_of(call)
        except ValueError as problem:
            return [malformed(call, problem)]
        if schema is None:
            return [Found("no_schema", f"tool {call.name} declares no parameters to judge by")]
        return self._fits(schema, value)

    def _fits(self, schema: Json, value: Json) -> Iterator[Found]:
        yield from _schema.check(schema, value, base=self.base, root=self.root)


def asked_for(params: Object) -> Json:
    """Return the schema of a request's `response_format`, None where it has none."""
    wanted = params.get("response_format")
    if not isinstance(wanted, dict):
        return None
    if wanted.get("type") == "json_object":
        return {"type": "object"}
    inner = wanted.get("json_schema")
    return inner.get("schema") if isinstance(inner, dict) else None


def _file(name: str, root: Path) -> Path:
    folders = (root, root / "fixtures", root / "suites")
    found = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if found is None:
        known = {
            path.relative_to(folder).as_posix()
            for folder in folders
            for path in folder.glob("schemas/**/*.*")
        }
        near = nearest(name, sorted(known)) if known else "write a path from the project's root"
        raise ValueError(f"schema {name} is not there; {near}")
    return found
