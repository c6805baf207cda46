"""YAML as a plain tree, read from parser events: nothing is constructed, no tag is trusted.

PyYAML's loaders crash the process on deep nesting and build Python objects for tags. This reader gives only
`dict`, `list`, `str` and (for `!!binary`) `bytes`. A scalar without quotes that could be something else than
text stays text too, marked as `Plain`, so that header values keep their spelling; `typed` reads it as JSON.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from replay.errors import BadInput, Fault

MAX_DEPTH = 100
MAX_ALIASED = 1_000_000  # nodes that aliases may add

_BINARY = "tag:yaml.org,2002:binary"
_MAYBE_TYPED = frozenset("-+.0123456789~nNtTfF")
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*(?:[eE][-+][0-9]+)?|\.[0-9]+(?:[eE][-+][0-9]+)?)")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", "+.inf"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN"), float("nan")),
}


class Unfinished(BadInput):
    """The text ends in the middle of something."""


class Plain(str):
    """A scalar written without quotes that may stand for null, a boolean or a number."""

    __slots__ = ()


class Branch(dict[str, Any]):
    """A mapping that knows the line it starts on."""

    __slots__ = ("line",)
    line: int


def typed(value: Any) -> Any:
    """Return the tree with every `Plain` read as the null, boolean or number it stands for."""
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    return _scalar(value) if isinstance(value, Plain) else value


def _scalar(text: Plain) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text) and len(text) < 4000:  # Python refuses to read longer ones
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else str(text)


class Reader:
    """One YAML document as a stream of nodes. Every complaint is a BadInput with file, line and column."""

    def __init__(self, text: str | bytes, path: str) -> None:
        from yaml import YAMLError, events

        self.path = path
        self._lines = text.count("\n") if isinstance(text, str) else text.count(b"\n")
        self._problem = YAMLError
        self._parser: Any = parser(text)
        self._is: Any = events
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._depth = self._nodes = self._aliased = 0
        self.event: Any = None
        self.next()

    def next(self) -> Any:
        """Go to the next event and return it."""
        try:
            self.event = self._parser.get_event()
        except self._problem as problem:
            raise self._broken(problem) from None
        return self.event

    def document(self) -> bool:
        """Go to the root of the first document; False when there is none."""
        self.next()
        if isinstance(self.event, self._is.StreamEndEvent):
            return False
        self.next()
        return True

    def alone(self) -> None:
        """Refuse what stands behind the first document. Call when its root has been read."""
        if isinstance(self.next(), self._is.DocumentStartEvent):
            raise self.fault("a second document starts here; a file holds one")

    def read(self) -> Any:
        """Read the node at the current event and go past it."""
        event: Any = self.event
        kind = type(event)
        self._nodes += 1
        if kind is self._is.ScalarEvent:
            value = self._text(event)
            if event.anchor:
                self._anchors[event.anchor] = (value, 1)
        elif kind is self._is.AliasEvent:
            value = self._aliased_value(event.anchor)
        else:
            return self._collection(event)
        self.next()
        return value

    def pairs(self) -> Any:
        """Yield the keys of the mapping at the current event; the caller reads each value."""
        if not isinstance(self.event, self._is.MappingStartEvent):
            raise self.fault("a mapping with `interactions` is expected here")
        seen = set()
        self.next()
        while not isinstance(self.event, self._is.MappingEndEvent):
            key = self._key()
            if key in seen:
                raise self.fault(f'key "{key}" is given twice')
            seen.add(key)
            yield key
        self.next()

    def items(self) -> Any:
        """Yield for each item of the sequence at the current event; the caller reads each."""
        if not isinstance(self.event, self._is.SequenceStartEvent):
            raise self.fault("a list is expected here")
        self.next()
        while not isinstance(self.event, self._is.SequenceEndEvent):
            yield self.event.start_mark.line + 1
        self.next()

    def fault(self, message: str) -> BadInput:
        """Say what is wrong at the current event."""
        mark = self.event.start_mark
        return BadInput([Fault(self.path, mark.line + 1, mark.column + 1, message)])

    def _collection(self, event: Any) -> Any:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self.fault(f"nested more than {MAX_DEPTH} deep")
        before = self._nodes
        if isinstance(event, self._is.MappingStartEvent):
            value: Any = Branch()
            value.line = event.start_mark.line + 1
            for key in self.pairs():
                value[key] = self.read()
        else:
            value = [self.read() for _ in self.items()]
        self._depth -= 1
        if event.anchor:
            self._anchors[event.anchor] = (value, self._nodes - before + 1)
        return value

    def _key(self) -> str:
        key = self.read()
        while isinstance(key, list) and len(key) == 1:  # `? !!python/object/apply:multidict.istr [Accept]`
            key = key[0]
        if isinstance(key, bytes):
            return key.decode("utf-8", "replace")
        if not isinstance(key, str):
            raise self.fault("a key must be text")
        return str(key)

    def _text(self, event: Any) -> str | bytes:
        value: str = event.value
        if event.tag == _BINARY:
            try:
                return base64.b64decode("".join(value.split()), validate=True)
            except (binascii.Error, ValueError):
                raise self.fault("this is not base64") from None
        if event.implicit[0] and (not value or value[0] in _MAYBE_TYPED):
            return Plain(value)
        return value

    def _aliased_value(self, name: str) -> Any:
        if name not in self._anchors:
            raise self.fault(f"*{name} stands for nothing that ends before it")
        value, size = self._anchors[name]
        self._aliased += size
        self._nodes += size
        if self._aliased > MAX_ALIASED:
            raise self.fault(f"aliases make this larger than {MAX_ALIASED:,} nodes")
        return value

    def _broken(self, problem: Any) -> BadInput:
        mark = getattr(problem, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        what = getattr(problem, "problem", None) or str(problem).splitlines()[0]
        kind = Unfinished if line > self._lines else BadInput
        return kind([Fault(self.path, line, column, f"this is not YAML: {what}")])


def parser(text: str | bytes) -> Any:
    """Return a parser of PyYAML over a text: libyaml's where it is there."""
    try:
        from yaml.cyaml import CParser  # type: ignore[attr-defined]
    except ImportError:  # PyYAML built without libyaml: the same events, slower
        from yaml import SafeLoader

        return SafeLoader(text)
    return CParser(text)
