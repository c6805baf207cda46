"""YAML text in, plain data out, every complaint with its place.

Built straight from parser events, with limits on depth and size: nothing is composed or constructed, so no
tag is ever executed and no nesting can crash the interpreter.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from yaml.error import MarkedYAMLError, YAMLError
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from replay.conversation import Json
from replay.documents._document import Document
from replay.documents._parser import events
from replay.documents._scalars import resolve, shown, tagged
from replay.errors import BadInput, Fault, nearest

MAX_BYTES = 50_000_000
MAX_DEPTH = 100
MAX_NODES = 1_000_000  # that aliases may stand for; what is written out is limited by the bytes

_CONFLICT = re.compile(r"^(?:<{7}|={7}|>{7})(?: .*)?$", re.MULTILINE)
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]",
)
_TEXT_ONLY = frozenset([str])
_OPEN = object()  # stands for an anchored collection that has not ended
_COLLECTIONS = ("!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


def read(path: Path, name: str | None = None, *, max_bytes: int = MAX_BYTES) -> Document:
    """Read a file; `name` is what complaints call it. Raises BadInput."""
    name = name or str(path)
    return parse(source(path, name, max_bytes=max_bytes), name)


def source(path: Path, name: str, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the bytes of a file. Raises BadInput where there is none, or one that is too large."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise BadInput([Fault(name, 0, 0, "is not a file")])
        if status.st_size > max_bytes:
            size = f"{status.st_size:,} bytes, more than {max_bytes:,}"
            raise BadInput([Fault(name, 0, 0, f"is too large ({size}); split it")])
        with path.open("rb", buffering=0) as file:
            return file.read()
    except OSError as problem:
        raise BadInput([Fault(name, 0, 0, f"cannot be read ({problem.strerror})")]) from None


def parse(content: str | bytes, path: str = "") -> Document:
    """Read a text that holds one YAML document. Raises BadInput with `path` and the place."""
    text = content if isinstance(content, str) else decode(content, path)
    text = text.removeprefix("\ufeff")
    _refuse_remains(text, path)
    try:
        builder = _Builder(path)
        document = Document(path, builder.build(events(text)), text)
    except YAMLError as problem:
        raise BadInput([_explained(problem, text, path)]) from None
    if builder.doubtful_keys:
        _refuse_keys(document, certain=builder.bad_keys)
    return document


class _Builder:
    """Builds data from events. A mapping is gathered as a flat list of keys and values until it ends."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._anchors: dict[str, tuple[Any, int]] = {}
        self.bad_keys = False  # some key is given twice or is not text
        self.doubtful_keys = False  # or may be a merge key

    def build(self, stream: Iterator[Any]) -> Json:
        items: list[Any] = []
        stack: list[tuple[list[Any], Any, int]] = []
        nodes = repeated = 0  # the hot loop: local names, the commonest event first
        for event in stream:
            kind = type(event)
            if kind is ScalarEvent:
                nodes += 1
                value = resolve(event.value) if event.implicit[0] else event.value
                if event.tag is not None or event.anchor is not None:
                    value = self._decorated(event, value)
                items.append(value)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                nodes += 1
                if len(stack) >= MAX_DEPTH or event.anchor is not None or event.tag is not None:
                    self._begin(event, len(stack))
                stack.append((items, event.anchor, nodes))
                items = []
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                value = items if kind is SequenceEndEvent else self._mapping(items)
                items, anchor, before = stack.pop()
                if anchor is not None:
                    self._anchors[anchor] = (value, nodes - before + 1)
                items.append(value)
            elif kind is AliasEvent:
                value, size = self._alias(event)
                nodes, repeated = nodes + size, repeated + size
                if repeated > MAX_NODES:
                    self._fail(event, f"aliases stand for more than {MAX_NODES:,} values")
                items.append(value)
            else:
                self._document(event, items)
        return items[0]

    def _mapping(self, items: list[Any]) -> dict[str, Any]:
        keys = items[::2]
        try:
            mapping = dict(zip(keys, items[1::2], strict=True))
        except TypeError:  # a mapping or a list as a key
            mapping = {}
        if len(mapping) != len(keys) or not _TEXT_ONLY.issuperset(map(type, keys)):
            self.bad_keys = self.doubtful_keys = True
        elif "<<" in mapping:
            self.doubtful_keys = True
        return mapping

    def _decorated(self, event: Any, value: Any) -> Any:
        if event.tag is not None:
            try:
                value = tagged(event.tag, event.value)
            except ValueError as problem:
                self._fail(event, str(problem))
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1)
        return value

    def _begin(self, event: Any, depth: int) -> None:
        if depth >= MAX_DEPTH:
            self._fail(event, f"nested more than {MAX_DEPTH} deep")
        if event.tag is not None and event.tag not in _COLLECTIONS:
            self._fail(event, f"tag {shown(event.tag)} is not supported; only plain JSON data is read")
        if event.anchor is not None:
            self._anchors[event.anchor] = (_OPEN, 0)

    def _alias(self, event: Any) -> tuple[Any, int]:
        if event.anchor not in self._anchors:
            known = nearest(event.anchor, self._anchors) if self._anchors else "the file has none"
            self._fail(event, f"no anchor &{event.anchor} comes before this alias; {known}")
        value, size = self._anchors[event.anchor]
        if value is _OPEN:
            self._fail(event, f"alias *{event.anchor} stands inside what it names, without end")
        return value, size

    def _document(self, event: Any, items: list[Any]) -> None:
        if isinstance(event, DocumentStartEvent) and items:
            self._fail(event, "a second document begins here; keep one in a file")
        if isinstance(event, StreamEndEvent) and not items:
            raise BadInput([Fault(self._path, 0, 0, "is empty")])
        if isinstance(event, DocumentEndEvent):
            self._anchors.clear()

    def _fail(self, event: Any, message: str) -> NoReturn:
        mark = event.start_mark
        raise BadInput([Fault(self._path, mark.line + 1, mark.column + 1, message)])


def decode(source: bytes, path: str, line: int = 1) -> str:
    """Return the text of a file, or of what begins at a line of it. Raises BadInput."""
    if source[:2] in (b"\xff\xfe", b"\xfe\xff") or source[:4].count(0) >= 2:
        raise BadInput([Fault(path, line, 1, "is UTF-16 or UTF-32 text (byte 0); save it as UTF-8")])
    try:
        return source.decode("utf-8")
    except UnicodeDecodeError as problem:
        whole = source[: problem.start].decode("utf-8")
        what = f"byte 0x{source[problem.start]:02x} at offset {problem.start} is not UTF-8; save it as UTF-8"
        raise BadInput([_at(path, whole, len(whole), what, line)]) from None


def _refuse_remains(text: str, path: str) -> None:
    """Refuse what the parser would take for text: a merge that was left open, and U+0085."""
    if "<<<<<<<" in text and (conflict := _CONFLICT.search(text)):
        line = text.count("\n", 0, conflict.start()) + 1
        raise BadInput([Fault(path, line, 1, f"unresolved merge at line {line}; finish it in git first")])
    if "\x85" in text:
        what = r'character U+0085 would be read as a line break; write it as "\N" in double quotes'
        raise BadInput([_at(path, text, text.index("\x85"), what)])


def _refuse_keys(document: Document, *, certain: bool) -> None:
    wrong = document.marks.wrong
    if certain and not wrong:
        raise BadInput(
            [document.fault((), "a key that is an alias or has a tag is not text, or is given twice")]
        )
    if wrong:
        raise BadInput(Fault(document.path, mark.line, mark.column, message) for mark, message in wrong)


def _explained(problem: YAMLError, text: str, path: str) -> Fault:
    if isinstance(problem, MarkedYAMLError) and problem.problem_mark:
        mark = problem.problem_mark
        line = text.split("\n")[min(mark.line, text.count("\n"))]
        return Fault(path, mark.line + 1, mark.column + 1, _advice(problem, line))
    control = _FORBIDDEN.search(text)
    if control:
        code = ord(control[0])
        escape = f"\\x{code:02X}" if code < 256 else f"\\u{code:04X}"
        what = f'character U+{code:04X} may not stand in a file; write it as "{escape}" in double quotes'
        return _at(path, text, control.start(), what)
    return Fault(path, 0, 0, f"is not YAML ({problem})")


def _advice(problem: MarkedYAMLError, line: str) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    what = problem.problem or "is not YAML"
    if "\t" in indent:
        return "a tab indents this line; use spaces"
    if "mapping values are not allowed" in what:
        return 'a ":" where no key can stand; put the text in quotes'
    context = f" {problem.context}" if problem.context else ""
    return f"this is not YAML:{context}, {what}" if context else f"this is not YAML: {what}"


def _at(path: str, text: str, offset: int, message: str, first: int = 1) -> Fault:
    line = text.count("\n", 0, offset) + first
    return Fault(path, line, offset - text.rfind("\n", 0, offset), message)
