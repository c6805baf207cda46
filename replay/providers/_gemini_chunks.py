"""The chunks of a stream, merged into the body that the same answer would be without streaming.

Text that says nothing but itself is joined; a part with a signature stays a part of its own, as it has to be
sent back. Linear in the number of chunks.
"""

from __future__ import annotations

from replay.conversation import Json, Object
from replay.providers import _shape
from replay.providers._gemini_args import Growing

_PLAIN = ({"text"}, {"text", "thought"})


class Chunks:
    """What has arrived of one streamed answer."""

    def __init__(self) -> None:
        self._top: Object = {}
        self._candidates: dict[int, _Candidate] = {}

    def add(self, chunk: Object) -> None:
        """Merge one chunk. Raises ValueError where its candidates are not a list of objects."""
        for place, said in enumerate(_shape.mappings(chunk.get("candidates"), "candidates")):
            index = said.get("index")
            number = index if isinstance(index, int) else place
            self._candidates.setdefault(number, _Candidate()).add(said)
        for name, value in chunk.items():
            if name != "candidates":
                self._top[name] = _newer(self._top.get(name), value)

    def body(self) -> Object:
        """Return the body so far. Never raises."""
        candidates = [self._candidates[number].body() for number in sorted(self._candidates)]
        return self._top | ({"candidates": candidates} if candidates else {})


def _newer(old: Json, new: Json) -> Json:
    return old | new if isinstance(old, dict) and isinstance(new, dict) else new


class _Candidate:
    def __init__(self) -> None:
        self._said: Object = {}
        self._content: Object = {}
        self._parts: list[_Text | Growing | Object] = []

    def add(self, new: Object) -> None:
        content = _shape.mapping(new.get("content") or {}, "content")
        for part in _shape.mappings(content.get("parts"), "content.parts"):
            self._add_part(part)
        self._content |= {name: value for name, value in content.items() if name != "parts"}
        for name, value in new.items():
            if name == "logprobsResult" and isinstance(value, dict):
                self._said[name] = _longer(self._said.get(name) or {}, value)
            elif name != "content":
                self._said[name] = _newer(self._said.get(name), value)

    def _add_part(self, part: Object) -> None:
        last = self._parts[-1] if self._parts else None
        if isinstance(last, Growing) and last.open and "functionCall" in part:
            last.add(part)
        elif Growing.begins(part):
            self._parts.append(Growing(part))
        elif part.keys() not in _PLAIN or not isinstance(part["text"], str):
            self._parts.append(part)
        elif isinstance(last, _Text) and last.kind == part.get("thought"):
            last.pieces.append(part["text"])
        else:
            self._parts.append(_Text(part))

    def body(self) -> Object:
        parts = [item if isinstance(item, dict) else item.part() for item in self._parts]
        # the last chunk of many streams brings an empty text
        spoken = [part for part in parts if part != {"text": ""}]
        content = self._content | ({"parts": spoken or parts} if parts else {})
        return ({"content": content} if content else {}) | self._said


class _Text:
    """Text that is still growing; `kind` tells thoughts from the rest."""

    def __init__(self, part: Object) -> None:
        self.kind: Json = part.get("thought")
        self.pieces: list[str] = [part["text"]]
        self._first = part

    def part(self) -> Object:
        return self._first | {"text": "".join(self.pieces)}


def _longer(old: Object, new: Object) -> Object:
    """Both with their lists joined."""
    found = dict(old)
    for name, value in new.items():
        joined = isinstance(value, list) and isinstance(found.get(name), list)
        found[name] = found[name] + value if joined else value
    return found
