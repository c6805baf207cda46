"""What can be left out of a conversation, the large things first: a level is a function that lists its units.

Units of a level never lie in each other, so that any of them can be left out together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from replay.conversation import Json, Object
from replay.jsontext import parse
from replay.minimise._cuts import INSIDE, Cut
from replay.minimise._texts import paragraphs, sentences, words

RESULTS = ("tool", "function")
SYSTEM = ("system", "developer")
PLAYED = "(played)"  # marks, in a message, a turn that is played
_SAID = ("role", "content", "tool_calls", "tool_call_id", "function_call", PLAYED)  # fields that are no units
_SCHEMA = ("response_format", "json_schema", "schema")


class Unit(NamedTuple):
    """Something that can be left out: the places it takes."""

    cuts: tuple[Cut, ...]


Level = Callable[[Object], list[Unit]]


def turns(document: Object) -> list[Unit]:
    """List the turns: a user's message and all that follows until the next one."""
    messages = document["messages"]
    starts = [place for place, one in enumerate(messages) if one["role"] == "user"]
    ends = [*starts[1:], len(messages)]
    return [_messages(range(start, end)) for start, end in zip(starts, ends, strict=True)]


def messages(document: Object) -> list[Unit]:
    """List the messages; one that calls tools goes together with the results."""
    found: list[list[int]] = []
    for place, one in enumerate(document["messages"]):
        if one["role"] in RESULTS and found:
            found[-1].append(place)
        else:
            found.append([place])
    return [_messages(group) for group in found]


def neighbours(document: Object) -> list[Unit]:
    """List pairs of neighbouring messages: where roles take turns, only two can go."""
    single = messages(document)
    return [Unit((*one.cuts, *two.cuts)) for one, two in pairwise(single)]


def calls(document: Object) -> list[Unit]:
    """List the tool calls of messages with several, each with its result."""
    return [
        Unit((("messages", place, "tool_calls", number), *_answers(document["messages"], place, call)))
        for place, one in enumerate(document["messages"])
        for number, call in enumerate(one.get("tool_calls") or ())
        if len(one["tool_calls"]) > 1
    ]


def tools(document: Object) -> list[Unit]:
    """List the tools."""
    return _items(document, "tools")


def results(document: Object) -> list[Unit]:
    """List the recorded results of tools."""
    return _items(document, "tool_results")


def said_later(document: Object) -> list[Unit]:
    """List what the user says when the model has stopped."""
    return _items(document, "user_turns")


def params(document: Object) -> list[Unit]:
    """List the parameters; what they hold is of another level."""
    return [Unit((("params", name),)) for name in document.get("params") or {}]


def parts(document: Object) -> list[Unit]:
    """List the parts of contents, and the fields of messages beside what they say."""
    found = []
    for path, one in _spoken(document):
        if isinstance(one.get("content"), list) and len(one["content"]) > 1:
            found += [Unit(((*path, "content", part),)) for part in range(len(one["content"]))]
        found += [Unit(((*path, name),)) for name in one if name not in _SAID]
    return found


def depth(document: Object) -> int:
    """Return how deep branches of JSON lie at most."""
    return max((len(path) for _, path in _branches(document)), default=0)


def at_depth(number: int) -> Level:
    """Return the level of the branches of that depth: of schemas, params, and JSON in calls and results."""

    def level(document: Object) -> list[Unit]:
        return [unit for unit, path in _branches(document) if len(path) == number]

    return level


def all_branches(document: Object) -> list[Unit]:
    """List the branches of all depths; these lie in each other, and are for being left out one by one."""
    return [unit for unit, _ in _branches(document)]


def spans(cut: Callable[[str], list[tuple[int, int]]]) -> Level:
    """Return the level of such spans of all texts."""

    def level(document: Object) -> list[Unit]:
        return [
            Unit(((*path, span),))
            for path, text in texts(document)
            for spans in [cut(text)]
            if len(spans) > 1
            for span in spans
        ]

    return level


LARGE: tuple[tuple[str, Level], ...] = (
    ("turns", turns),
    ("messages", messages),
    ("tool calls", calls),
    ("later user turns", said_later),
    ("tools", tools),
    ("tool results", results),
    ("params", params),
    ("parts", parts),
)
TEXTS: tuple[tuple[str, Level], ...] = (
    ("paragraphs", spans(paragraphs)),
    ("sentences", spans(sentences)),
    ("words", spans(words)),
)
SINGLE: tuple[Level, ...] = (
    turns,
    messages,
    neighbours,
    calls,
    said_later,
    tools,
    results,
    params,
    parts,
    all_branches,
    spans(words),
)
"""What is left out one by one at the end: nothing that is smaller can be."""


def texts(document: Object) -> Iterator[tuple[Cut, str]]:
    """Yield the texts that people, models and tools wrote, with their paths."""
    for path, one in _spoken(document):
        content = one.get("content")
        yield from _text((*path, "content"), content, as_json=one.get("role") in RESULTS)
        for number, part in enumerate(content if isinstance(content, list) else ()):
            yield from _text((*path, "content", number, "text"), part.get("text"))
    for way, arguments in _arguments(document):
        yield from _text(way, arguments, as_json=True)
    for number, said in enumerate(document.get("user_turns") or ()):
        yield from _text(("user_turns", number), said)
    for path, content in _recorded(document):
        yield from _text(path, content, as_json=True) if isinstance(content, str) else _leaves(path, content)
    for number, tool in enumerate(document.get("tools") or ()):
        holder, way = _function(tool, number)
        yield from _text((*way, "description"), holder.get("description"))
    for path, schema in _schemas(document):
        yield from _described(path, schema)


def _spoken(document: Object) -> Iterator[tuple[Cut, Object]]:
    """Yield the messages, and those that the user says later, with their paths."""
    for place, one in enumerate(document["messages"]):
        yield ("messages", place), one
    for place, said in enumerate(document.get("user_turns") or ()):
        if isinstance(said, dict):
            yield ("user_turns", place), said


def _recorded(document: Object) -> Iterator[tuple[Cut, Json]]:
    """Yield what tools are recorded to have said."""
    for place, one in enumerate(document.get("tool_results") or ()):
        yield ("tool_results", place, "content"), one.get("content")


def _text(path: Cut, text: Json, *, as_json: bool = False) -> Iterator[tuple[Cut, str]]:
    inside = _json(text) if as_json else None
    if inside is not None:
        yield from _leaves((*path, INSIDE), inside)
    elif isinstance(text, str) and text:
        yield path, text


def _leaves(path: Cut, value: Json) -> Iterator[tuple[Cut, str]]:
    if isinstance(value, str) and value:
        yield path, value
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves((*path, key), item)


def _described(path: Cut, schema: Json) -> Iterator[tuple[Cut, str]]:
    found = _leaves(path, schema)
    return ((way, text) for way, text in found if way[-1] == "description")


def _branches(document: Object) -> Iterator[tuple[Unit, Cut]]:
    """Yield each branch of JSON with its path in that."""
    for path, schema in _schemas(document):
        yield from _of_schema(path, schema, ())
    for number, tool in enumerate(document.get("tools") or ()):
        holder, way = _function(tool, number)
        named = (name for name in holder if name not in ("name", "type", "parameters"))
        yield from ((Unit(((*way, name),)), (name,)) for name in named)
    for name, value in (document.get("params") or {}).items():
        skipped = ("params", *_SCHEMA) if name == _SCHEMA[0] else ()
        inside = _of_json(("params", name), value, (), skipped)
        yield from ((unit, path) for unit, path in inside if path[-1] != "type")  # which says what it is
    for path, text in (*_arguments(document), *_answered(document)):
        yield from _of_json((*path, INSIDE), _json(text), ())
    for path, content in _recorded(document):
        yield from _of_json(path, content, ())
        yield from _of_json((*path, INSIDE), _json(content), ())


def _of_schema(base: Cut, schema: Json, path: Cut) -> Iterator[tuple[Unit, Cut]]:
    """Yield the branches of a schema: a property goes together with its being required."""
    if isinstance(schema, list):
        for place, item in enumerate(schema):
            yield Unit(((*base, place),)), (*path, place)
            yield from _of_schema((*base, place), item, (*path, place))
        return
    for name, item in schema.items() if isinstance(schema, dict) else ():
        if name == "properties" and isinstance(item, dict):
            for key, inner in item.items():
                yield Unit(((*base, name, key), *_required(base, schema, key))), (*path, key)
                yield from _of_schema((*base, name, key), inner, (*path, key))
        elif name != "type":  # without it a schema takes anything, or is refused
            yield Unit(((*base, name),)), (*path, name)
            yield from _of_schema((*base, name), item, (*path, name))


def _required(base: Cut, schema: Object, name: str) -> Iterator[Cut]:
    required = schema.get("required")
    for place, other in enumerate(required if isinstance(required, list) else ()):
        if other == name:
            yield (*base, "required", place)


def _of_json(base: Cut, value: Json, path: Cut, skipped: Cut = ()) -> Iterator[tuple[Unit, Cut]]:
    items: Iterable[tuple[str | int, Json]] = ()
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        way = (*base, key)
        if way != skipped[: len(way)]:
            yield Unit((way,)), (*path, key)
        if way != skipped:
            yield from _of_json(way, item, (*path, key), skipped)


def _schemas(document: Object) -> Iterator[tuple[Cut, Object]]:
    for number, tool in enumerate(document.get("tools") or ()):
        holder, way = _function(tool, number)
        if isinstance(holder.get("parameters"), dict):
            yield (*way, "parameters"), holder["parameters"]
    schema: Json = document.get("params") or {}
    for name in _SCHEMA:
        schema = schema.get(name) if isinstance(schema, dict) else None
    if isinstance(schema, dict):
        yield ("params", *_SCHEMA), schema


def _function(tool: Object, number: int) -> tuple[Object, Cut]:
    inner = tool.get("function")
    return (inner, ("tools", number, "function")) if isinstance(inner, dict) else (tool, ("tools", number))


def _arguments(document: Object) -> Iterator[tuple[Cut, Json]]:
    for place, message in enumerate(document["messages"]):
        for number, call in enumerate(message.get("tool_calls") or ()):
            if isinstance(call.get("function"), dict):
                path: Cut = ("messages", place, "tool_calls", number, "function", "arguments")
                yield path, call["function"].get("arguments")


def _answered(document: Object) -> Iterator[tuple[Cut, Json]]:
    for place, message in enumerate(document["messages"]):
        if message["role"] in RESULTS:
            yield ("messages", place, "content"), message.get("content")


def _answers(messages: Sequence[Object], place: int, call: Object) -> Iterator[Cut]:
    """The results of one call: those behind its message."""
    for number in range(place + 1, len(messages)):
        if messages[number]["role"] not in RESULTS:
            return
        if messages[number].get("tool_call_id") == call.get("id"):
            yield ("messages", number)


def _json(text: Json) -> Json:
    """Return what a text says as JSON, None where it is no object or list."""
    if not isinstance(text, str) or text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return parse(text)
    except ValueError:
        return None


def _items(document: Object, name: str) -> list[Unit]:
    return [Unit(((name, place),)) for place in range(len(document.get(name) or ()))]


def _messages(places: Iterable[int]) -> Unit:
    return Unit(tuple(("messages", place) for place in places))
