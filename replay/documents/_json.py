"""One line of a JSON Lines file as a document: read by Python's JSON parser, its places told by YAML's.

JSON is YAML but for a few escapes, and places are asked for only where something is wrong.
"""

from __future__ import annotations

import json
from functools import cached_property

from yaml.error import YAMLError

from replay.conversation import Json
from replay.documents._document import Document, Marks
from replay.documents._read import MAX_DEPTH, decode
from replay.errors import BadInput, Fault
from replay.jsontext import NotStrict, parse


class _Line(Document):
    @cached_property
    def marks(self) -> Marks:
        """The places of all values and keys; of none where the line is JSON and no YAML."""
        try:
            return Marks(self.text)
        except YAMLError:
            return Marks("")


def parse_line(content: bytes, path: str, number: int) -> Document:
    """Read a line of a JSON Lines file, line `number` of it. Raises BadInput with its place."""
    text = decode(content, path, number).removeprefix("\ufeff")
    try:
        data = parse(text, strict=True)
    except json.JSONDecodeError as problem:
        raise _refused(path, number, problem.colno, f"this line is not JSON: {problem.msg}") from None
    except NotStrict as problem:
        raise _refused(path, number, 0, f"this line is not read: {problem}") from None
    if text.count("{") + text.count("[") > MAX_DEPTH and _deep(data):
        raise _refused(path, number, 0, f"nested more than {MAX_DEPTH} deep")
    return _Line(path, data, text, number)


def _refused(path: str, number: int, column: int, message: str) -> BadInput:
    return BadInput([Fault(path, number, column, message)])


def _deep(data: Json) -> bool:
    """Tell whether data is nested deeper than a YAML file may be."""
    layer, depth = [data], 0
    while layer:
        inside = (value.values() if isinstance(value, dict) else value for value in layer)
        layer = [item for items in inside for item in items if isinstance(item, dict | list)]
        depth += 1
        if depth > MAX_DEPTH:
            return True
    return False
