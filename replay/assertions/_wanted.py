"""One wanted tool call, and one that came."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from replay.assertions import _pattern
from replay.assertions._arguments import check_choice, texts
from replay.assertions._calls import arguments_of, malformed
from replay.assertions._found import Found
from replay.conversation import Json, ToolCall
from replay.diff import Difference, readable, short
from replay.errors import nearest
from replay.turn import Turn


@dataclass(frozen=True, slots=True)
class Called:
    """A call that came in turn `number`; `problem` says why its arguments cannot be read."""

    number: int
    call: ToolCall
    arguments: Json = None
    problem: ValueError | None = None

    @property
    def name(self) -> str:
        """The tool's name."""
        return self.call.name

    def __str__(self) -> str:
        return self.name

    def to_json(self) -> Json:
        """Return what is shown of it."""
        return {"name": self.name, "arguments": self.call.arguments if self.problem else self.arguments}


def called_in(number: int, turn: Turn, choice: int) -> list[Called]:
    """Return the calls of one choice of a turn; of the first one where there are not so many."""
    if turn.reply is None:
        return []
    choices = turn.reply.choices()
    reply = choices[choice] if choice < len(choices) else choices[0]
    return [_read(number, call) for call in reply.message.tool_calls]


def all_json(calls: Iterable[Called]) -> Json:
    """Return what is shown of several calls."""
    return [call.to_json() for call in calls]


def _read(number: int, call: ToolCall) -> Called:
    try:
        return Called(number, call, arguments_of(call))
    except ValueError as problem:
        return Called(number, call, problem=problem)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call as YAML writes it: a name, or `{name, arguments, match: exact | partial | ignore}`."""

    name: str
    arguments: Json = None
    match: str = "ignore"

    @classmethod
    def all_of(cls, field: str, items: Any, match: str) -> list[Wanted]:
        """Read a list of calls. Raises ValueError."""
        if not isinstance(items, list | tuple):
            raise ValueError(f"{field} must be a list of calls, not {short(items)}")
        return [cls._of(field, item, match) for item in items]

    @classmethod
    def _of(cls, field: str, item: Json, match: str) -> Wanted:
        if isinstance(item, str):
            return cls(*texts(field, item))
        keys = ("name", "arguments", "match")
        if not isinstance(item, dict) or not isinstance(item.get("name"), str):
            raise ValueError(f"{field}: a call is a name or {{name, arguments}}, not {short(item)}")
        for key in item:
            if key not in keys:
                raise ValueError(f'{field}: a call has no "{key}"; {nearest(str(key), keys)}')
        match = item.get("match", match if "arguments" in item else "ignore")
        check_choice("match", match, ("exact", "partial", "ignore"))
        if "arguments" not in item and match != "ignore":
            raise ValueError(f"{field}: match {match} of {item['name']} needs arguments")
        _pattern.check(item.get("arguments"))
        return cls(item["name"], item.get("arguments"), match)

    @property
    def any_arguments(self) -> bool:
        """Whether the name alone decides."""
        return self.match == "ignore"

    def __str__(self) -> str:
        return self.name if self.any_arguments else f"{self.name} with {short(self.arguments)}"

    def to_json(self) -> Json:
        """Return what is shown of it."""
        return {"name": self.name} | ({} if self.any_arguments else {"arguments": self.arguments})

    def fits(self, call: Called) -> bool:
        """Tell whether a call is this one. Raises TimeLimit."""
        return self.name == call.name and not self.differences(call)

    def differences(self, call: Called) -> list[Difference]:
        """List where a call's arguments are not what is wanted."""
        if self.any_arguments:
            return []
        if call.problem:
            return [Difference("arguments", "changed", self.arguments, call.call.arguments)]
        return list(_pattern.mismatches(self.arguments, call.arguments, partial=self.match == "partial"))

    def wrong(self, call: Called) -> Found:
        """Say what is wrong with the arguments of a call of this name."""
        if call.problem:
            return malformed(call.call, call.problem)
        found = self.differences(call)
        message = f"{self.name}: {'; '.join(_said(item) for item in found[:3])}"
        return Found("arguments", message, self.to_json(), call.to_json(), readable(found))


def _said(item: Difference) -> str:
    if item.kind == "removed":
        return f"{item.path} is missing, expected {short(item.before)}"
    if item.kind == "added":
        return f"{item.path} is not expected, it is {short(item.after)}"
    return f"{item.path} is {short(item.after)}, expected {short(item.before)}"
