"""What of a request a wire cannot say: derived from what comes back of it, not from a list of what wires can.

A request is encoded and decoded again; what is missing or other then is lost. Where one message ends and the
next begins is not compared, nor whether the answer is streamed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator
from difflib import SequenceMatcher
from itertools import groupby
from typing import Protocol

from replay.conversation import Json, Message, Object, Tool
from replay.diff import Difference, differences
from replay.jsontext import canonical, same
from replay.providers import _native
from replay.providers._said import Said, all_said, natives
from replay.turn import Request

_Run = tuple[str, list[int]]  # what makes it the same, and the numbers of what it is made of

_DELIVERY = ("stream", "stream_options")
_SAME_WORD = {"max_tokens": "max_completion_tokens"}


class Codec(Protocol):
    """The half of a provider that writes and reads requests."""

    def encode(self, request: Request) -> Object:
        """See `replay.providers.Provider`."""

    def decode_request(self, body: Object) -> Request:
        """See `replay.providers.Provider`."""


def losses(request: Request, codec: Codec, drop: Container[str] = ()) -> list[Difference]:
    """Return what a wire loses of a request: `removed`, `changed` or `moved`, with its path in the fixture.

    `drop` names fields of the body that are not sent. Raises Unreadable where nothing is left to be read.
    """
    body = {key: value for key, value in codec.encode(request).items() if key not in drop}
    back = codec.decode_request(body)
    return [
        *_of_messages(request.messages, back.messages),
        *_of_tools(request.tools, back.tools),
        *_of_params(request.params, back.params),
    ]


def _lost(before: Json, after: Json, at: str) -> Iterator[Difference]:
    return (found for found in differences(before, after, at=at) if found.kind != "added")


def _of_messages(before: Iterable[Message], after: Iterable[Message]) -> Iterator[Difference]:
    said, back = all_said(before), all_said(after)
    kept = _kept(said, back)
    left = Counter(item.key for item in back) - Counter(said[number].key for number in kept)
    others = {canonical(item.what): item.role for item in back if left[item.key]}
    changed: set[str] = set()
    for item in (item for number, item in enumerate(said) if number not in kept):
        whose = f"{item.path.partition('.')[0]}.role"
        if left[item.key]:
            left[item.key] -= 1
            yield Difference(item.path, "moved", item.shown, item.shown)
        elif canonical(item.what) not in others:
            yield Difference(item.path, "removed", item.shown)
        elif whose not in changed:
            changed.add(whose)
            yield Difference(whose, "changed", item.role, others[canonical(item.what)])


def _kept(said: list[Said], back: list[Said]) -> set[int]:
    """The numbers of what came back in its order: as it was, or joined with the texts beside it."""
    numbered = [[(item.key, [number]) for number, item in enumerate(side)] for side in (said, back)]
    return _matched(*numbered) | _matched(_runs(said), _runs(back))


def _matched(ours: list[_Run], theirs: list[_Run]) -> set[int]:
    before, after = ([key for key, _ in side] for side in (ours, theirs))
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    runs = (run for block in blocks for _, run in ours[block.a : block.a + block.size])
    return {number for run in runs for number in run}


def _runs(said: list[Said]) -> list[_Run]:
    """The texts that one role says in a row as one, and all else as it is, with their numbers."""
    found: list[_Run] = []
    for (role, text), run in groupby(enumerate(said), key=lambda pair: (pair[1].role, pair[1].is_text)):
        numbers = [number for number, _ in run]
        if text:
            found.append((canonical([role, "".join(said[number].what for number in numbers)]), numbers))
        else:
            found += [(said[number].key, [number]) for number in numbers]
    return found


def _of_tools(before: Iterable[Tool], after: Iterable[Tool]) -> Iterator[Difference]:
    left = list(after)
    for number, tool in enumerate(before):
        at = f"tools[{number}]"
        twin = next((other for other in left if (other.type, other.name) == (tool.type, tool.name)), None)
        if twin is None:
            yield Difference(at, "removed", tool.to_wire())
        else:
            left.remove(twin)
            yield from _lost(_tool(tool), _tool(twin), at)
            yield from _natives(tool.outer, twin.outer, at)


def _tool(tool: Tool) -> Object:
    """A tool as it is compared; without `strict`, Chat Completions is not strict."""
    said = {"description": tool.description, "parameters": tool.parameters}
    said |= tool.extra | _native.plain(tool.outer)
    return {name: value for name, value in said.items() if value not in (None, False, "")}


def _of_params(before: Object, after: Object) -> Iterator[Difference]:
    yield from _lost(_params(before), _params(after), "params")
    yield from _natives(before, after, "params")


def _params(params: Object) -> Object:
    return {
        _SAME_WORD.get(name, name): [value] if name == "stop" and isinstance(value, str) else value
        for name, value in _native.plain(params).items()
        if value is not None and name not in _DELIVERY
    }


def _natives(before: Object, after: Object, at: str) -> Iterator[Difference]:
    back = {(wire, name): value for wire, name, value in natives(after)}
    for wire, name, value in natives(before):
        if not same(back.get((wire, name)), value):
            yield Difference(f"{at}.native.{wire}.{name}", "removed", value)
