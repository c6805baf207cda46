"""A call whose arguments come in pieces: `partialArgs`, each with the path it belongs to.

https://docs.cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling#streaming-fc. A path is
a JSONPath of names and indexes (`$.items[0].name`, `$['a b']`).
"""

from __future__ import annotations

import re
from itertools import pairwise

from replay.conversation import Json, Object
from replay.providers import _shape

_STEP = re.compile(
    r"\.(?P<name>[^.\[\]]+)|\[(?P<index>\d{1,5})\]|\[(?P<quote>['\"])(?P<quoted>.*?)(?P=quote)\]"
)
_VALUES = ("stringValue", "numberValue", "boolValue")  # nothing for null
_Steps = tuple[str | int, ...]


class _Text(list[str]):
    """Text that is still growing."""


class Growing:
    """A call that goes on in the next part, and the arguments so far."""

    def __init__(self, part: Object) -> None:
        self._part: Object = {}
        self._call: Object = {}
        self._args: Object = {}
        self._last: tuple[_Steps, _Text] | None = None  # text that goes on, and where it stands
        self.open = True
        self.add(part)

    @staticmethod
    def begins(part: Object) -> bool:
        """Tell whether this is a call that goes on, or comes in pieces."""
        call = part.get("functionCall")
        return isinstance(call, dict) and bool(call.get("willContinue") or call.get("partialArgs"))

    def add(self, part: Object) -> None:
        """Take up a piece. Raises ValueError where it cannot be placed."""
        call = _shape.mapping(part.get("functionCall"), "functionCall")
        for piece in _shape.mappings(call.get("partialArgs"), "functionCall.partialArgs"):
            self._place(piece)
        self._part |= part
        self._call |= {
            name: said for name, said in call.items() if name not in ("partialArgs", "willContinue")
        }
        self.open = bool(call.get("willContinue"))

    def _place(self, piece: Object) -> None:
        steps = _steps(piece.get("jsonPath"))
        value = next((piece[name] for name in _VALUES if name in piece), None)
        text = _Text([value]) if isinstance(value, str) else None
        if text and self._last and self._last[0] == steps:
            self._last[1].extend(text)
            text = self._last[1]
        else:
            _set(self._args, steps, value if text is None else text)
        self._last = (steps, text) if text is not None and piece.get("willContinue") else None

    def part(self) -> Object:
        """Return the part as one that came whole."""
        return self._part | {"functionCall": {"args": _finished(self._args)} | self._call}


def _finished(value: Json) -> Json:
    if isinstance(value, _Text):
        return "".join(value)
    if isinstance(value, list):
        return list(map(_finished, value))
    return {name: _finished(item) for name, item in value.items()} if isinstance(value, dict) else value


def _steps(path: Json) -> _Steps:
    found, end = [], 1
    text = path if isinstance(path, str) and path.startswith("$") else ""
    while step := _STEP.match(text, end):
        index = step["index"]
        found.append(int(index) if index else step["name"] or step["quoted"] or "")
        end = step.end()
    if not found or end < len(text):
        raise ValueError(f"functionCall.partialArgs names no field: {path!r}")
    return tuple(found)


def _set(root: Object, steps: _Steps, value: Json) -> None:
    node: Json = root
    for step, following in pairwise(steps):
        node = _child(node, step, [] if isinstance(following, int) else {})
    last = steps[-1]
    _child(node, last, None)
    node[last] = value


def _child(node: Json, step: str | int, new: Json) -> Json:
    """Return what is at a step, `new` where there is nothing yet."""
    if isinstance(node, dict) and isinstance(step, str):
        return node.setdefault(step, new)
    if not isinstance(node, list) or isinstance(node, _Text) or not isinstance(step, int):
        raise ValueError(f"functionCall.partialArgs contradict each other at {step!r}")
    node += [None] * (step + 1 - len(node))
    if node[step] is None:
        node[step] = new
    return node[step]
