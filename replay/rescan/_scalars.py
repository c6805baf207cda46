"""The values of a YAML file, each with the name it stands under, its line and where it is written."""

from __future__ import annotations

import re
from base64 import b64decode, encodebytes
from binascii import Error
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from replay.cassette import emit
from replay.cassette.tree import MAX_DEPTH

_BINARY = "tag:yaml.org,2002:binary"
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")  # anchors and tags before a value


class NotYaml(ValueError):
    """The text is no YAML, or nested too deeply to be one of ours."""


class Scalar(NamedTuple):
    """A value: written from `start` to `end` (characters), beginning on `line`, under the name `key`.

    An item of a list stands under the list's name. `value` is bytes where it is `!!binary`.
    """

    start: int
    end: int
    line: int
    key: str
    value: str | bytes
    style: str | None


@dataclass(slots=True)
class _Open:
    """A collection that is being read: in a mapping, `key` is the name whose value comes next."""

    is_mapping: bool
    key: str
    awaits_key: bool = field(init=False)

    def __post_init__(self) -> None:
        self.awaits_key = self.is_mapping


def scalars(text: str) -> Iterator[Scalar]:
    """Yield every value of a YAML text. Raises NotYaml."""
    from yaml import YAMLError

    try:
        yield from _values(text)
    except YAMLError as problem:
        raise NotYaml(str(problem).splitlines()[0]) from None


def rewritten(source: str, old: Scalar, new: str | bytes) -> str:
    """Write a new value in place of the `source` of an old one; only a literal block stays one."""
    properties = _PROPERTIES.match(source)
    before = properties[0] if properties else ""
    if isinstance(new, bytes):
        encoded = encodebytes(new).decode("ascii")
        new = encoded if old.style in ("|", ">") else encoded.replace("\n", "")
    if old.style != "|":
        ends = source[len(source.rstrip(" \n")) :] if old.style == ">" else ""
        return f"{before}{emit.flow(new)}{ends}"
    head, _, block = source.partition("\n")
    indent = " " * (_spaces(block) - (_spaces(old.value) if isinstance(old.value, str) else 0))
    lines = (indent + line if line else "" for line in new.rstrip("\n").split("\n"))
    ends = block[len(block.rstrip("\n")) :]
    return f"{head}\n" + "\n".join(lines) + ends


def _spaces(text: str) -> int:
    """Count the spaces that the first line begins with that is not empty."""
    text = text.lstrip("\n")
    return len(text) - len(text.lstrip(" "))


def _values(text: str) -> Iterator[Scalar]:
    from yaml import events

    stack = [_Open(False, "")]
    for event in _events(text):
        top = stack[-1]
        if isinstance(event, events.ScalarEvent) and top.awaits_key:
            top.key, top.awaits_key = event.value, False
            continue
        if isinstance(event, events.ScalarEvent):
            yield _scalar(event, top.key)
        elif isinstance(event, events.CollectionStartEvent):
            stack.append(_Open(isinstance(event, events.MappingStartEvent), top.key))
            if len(stack) > MAX_DEPTH:
                raise NotYaml(f"nested more than {MAX_DEPTH} deep")
            continue
        elif isinstance(event, events.CollectionEndEvent):
            stack.pop()
            top = stack[-1]
        elif not isinstance(event, events.AliasEvent):
            continue
        top.awaits_key = top.is_mapping and not top.awaits_key


def _events(text: str) -> Iterator[Any]:
    from replay.cassette.tree import parser

    reader = parser(text)
    while reader.check_event():
        yield reader.get_event()


def _scalar(event: Any, key: str) -> Scalar:
    start, end = event.start_mark, event.end_mark
    value: str | bytes = event.value
    if event.tag == _BINARY:
        try:
            value = b64decode("".join(event.value.split()), validate=True)
        except (Error, ValueError):
            value = event.value
    line = start.line + (2 if event.style in ("|", ">") else 1)
    return Scalar(start.index, end.index, line, key, value, event.style)
