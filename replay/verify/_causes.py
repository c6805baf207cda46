"""Why a request is no longer the one that was recorded: which part of the prompt, which tool, which param."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

from replay import providers
from replay.cassette.interaction import RecordedRequest
from replay.cassette.match import levelled
from replay.conversation import Json, Message, Object, Tool
from replay.diff import Difference, differences, readable
from replay.jsontext import canonical, same
from replay.turn import Request

_SYSTEM = ("system", "developer")
_HEADING = re.compile(r"#{1,6}\s+(.+)|<([A-Za-z][\w-]*)>|\*\*(.+)\*\*:?")


@dataclass(frozen=True, slots=True)
class Cause:
    """One part of a request that differs; the same cause in many cassettes is equal by `key`.

    `kind` is system, message, example, tool, param, model, address, field or unrecorded; `where` is the place
    in it, `change` is changed, added or removed. `before` was recorded, `after` is sent now.
    """

    kind: str
    where: str
    change: str
    before: Json = None
    after: Json = None

    @property
    def key(self) -> str:
        """What is equal for the same edit, wherever it shows."""
        return canonical([self.kind, self.where, self.change, self.before, self.after])

    @property
    def diff(self) -> str:
        """The difference as lines, as `replay.diff.readable` writes them."""
        if self.kind == "unrecorded":
            return ""
        return readable([Difference(self.where, self.change, self.before, self.after)])

    def __str__(self) -> str:
        begins = {"message": "", "unrecorded": "", "model": "", "system": "system message, "}
        begins |= {"example": "few-shot example, ", "field": "body, "}
        return f"{begins.get(self.kind, f'{self.kind} ')}{self.where} {self.change}"


def causes(
    before: RecordedRequest, after: RecordedRequest, provider: str, ignore: Sequence[str] = ()
) -> list[Cause]:
    """Return what differs between a recorded request and the one sent now, in the conversation's words.

    What the provider cannot read is compared as the wire's own JSON paths.
    """
    old, new = levelled(before, ignore), levelled(after, ignore)
    found = [
        Cause("address", name, "changed", old[name], new[name])
        for name in ("method", "path", "query")
        if old[name] != new[name]
    ]
    if same(old["body"], new["body"]):
        return found
    one, other = (_request(provider, levels["body"]) for levels in (old, new))
    said = list(_parts(one, other)) if one and other else []
    return found + (said or [_plain("field", one) for one in differences(old["body"], new["body"])])


def _request(provider: str, body: Json) -> Request | None:
    try:
        return providers.registry.get(provider).decode_request(body) if isinstance(body, dict) else None
    except providers.Unreadable:
        return None


def _plain(kind: str, found: Difference, at: str = "") -> Cause:
    where = f"{at}{found.path}"
    return Cause(kind, where, found.kind, found.before, found.after)


def _parts(before: Request, after: Request) -> Iterator[Cause]:
    if before.model != after.model:
        yield Cause("model", "model", "changed", before.model, after.model)
    yield from _messages(before.messages, after.messages)
    yield from _tools(before.tools, after.tools)
    for found in differences(before.params, after.params):
        yield _plain("param", found)


def _tools(before: Sequence[Tool], after: Sequence[Tool]) -> Iterator[Cause]:
    old, new = ({tool.name: _definition(tool) for tool in tools} for tools in (before, after))
    for name in dict.fromkeys((*old, *new)):
        if name not in new:
            yield Cause("tool", name, "removed", old[name])
        elif name not in old:
            yield Cause("tool", name, "added", None, new[name])
        else:
            yield from (_plain("tool", found, f"{name}: ") for found in differences(old[name], new[name]))
    names = [tool.name for tool in before], [tool.name for tool in after]
    if names[0] != names[1] and sorted(names[0]) == sorted(names[1]):
        yield Cause("tool", "order", "changed", *names)


def _definition(tool: Tool) -> Object:
    wire = tool.to_wire()
    function: Object = wire.get("function", wire)
    return function | tool.outer


def _messages(before: Sequence[Message], after: Sequence[Message]) -> Iterator[Cause]:
    old, new = ([canonical(message.to_json()) for message in messages] for messages in (before, after))
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        pairs = zip_longest(before[i1:i2], after[j1:j2])
        for offset, (was, now) in enumerate(pairs):
            yield from _message(was, now, (i1 if was else j1) + offset + 1)


def _message(was: Message | None, now: Message | None, number: int) -> Iterator[Cause]:
    """Yield how a message changed; `number` counts from 1."""
    if was and now and was.role == now.role:
        if was.role in _SYSTEM and was.text != now.text:
            yield from _system(was.text, now.text, number)
            return
        place = f"message {number} ({was.role})"
        for found in differences(was.to_json(), now.to_json()):
            yield Cause("message", f"{place}: {found.path}", found.kind, found.before, found.after)
    else:
        for message, change in ((was, "removed"), (now, "added")):
            if message:
                data = message.to_json()
                sides = (data, None) if change == "removed" else (None, data)
                yield Cause("message", f"message {number} ({message.role})", change, *sides)


def _system(was: str, now: str, number: int) -> Iterator[Cause]:
    """Compare paragraph by paragraph: what is between empty lines."""
    old, new = _paragraphs(was), _paragraphs(now)
    at = "" if number == 1 else f"message {number}, "
    if old == new:
        yield Cause("system", f"{at}white space", "changed", was, now)
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        for offset, (before, after) in enumerate(zip_longest(old[i1:i2], new[j1:j2])):
            held, first = (old, i1) if before is not None else (new, j1)
            change = "removed" if after is None else "added" if before is None else "changed"
            yield Cause("system", f"{at}{_paragraph(held, first + offset)}", change, before, after)


def _paragraphs(text: str) -> list[str]:
    return [part for part in re.split(r"\n[ \t]*\n\s*", text.strip()) if part]


def _paragraph(held: Sequence[str], index: int) -> str:
    """Name a paragraph by its number, and by the heading it stands under."""
    name = f"paragraph {index + 1}"
    for above in reversed(held[: index + 1]):
        heading = _HEADING.match(above)
        if heading:
            title = next(filter(None, heading.groups())).strip()
            return f"{name} (under “{title[:60]}”)"
    return name
