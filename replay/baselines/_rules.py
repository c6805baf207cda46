"""How a reply differs from what was accepted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from replay.baselines._file import Turns
from replay.conversation import Json, Object
from replay.diff import Difference, aligned, differences, readable, without
from replay.jsontext import parse

TEXTS = ("exact", "whitespace", "json")


@dataclass(frozen=True, slots=True)
class Rules:
    """What is no difference. `ignore` holds paths in a turn (`tool_calls[*].arguments.id`, `content`).

    `text` is how contents are compared: `exact`, `whitespace` (any run of it is one space) or `json`.
    """

    ignore: tuple[str, ...] = ()
    tolerance: float = 0.0
    text: str = "exact"

    def differences(self, before: Turns, after: Turns) -> list[Difference]:
        """List how the turns differ; the paths begin with `turns[1].` where there are several."""
        found: list[Difference] = []
        many = max(len(before), len(after)) > 1
        for number in range(max(len(before), len(after))):
            place = f"turns[{number}]"
            if number >= len(after):
                found.append(Difference(place, "removed", before[number]))
            elif number >= len(before):
                found.append(Difference(place, "added", None, after[number]))
            else:
                inside = self._turn(before[number], after[number])
                found += [item.moved(place) for item in inside] if many else inside
        return found

    def _turn(self, before: Object, after: Object) -> list[Difference]:
        was, now = self._read(before), self._read(after)
        found: list[Difference] = []
        pairs = aligned(was.pop("tool_calls", None) or [], now.pop("tool_calls", None) or [])
        for number, (call, came) in enumerate(pairs):
            found += _call_differences(call, came, f"tool_calls[{number}]", self.tolerance)
        return without(differences(was, now, tolerance=self.tolerance) + found, self.ignore)

    def _read(self, turn: Object) -> Object:
        content = turn.get("content")
        if not isinstance(content, str) or self.text == "exact":
            return dict(turn)
        return turn | {"content": " ".join(content.split()) if self.text == "whitespace" else _json(content)}


def _call_differences(before: Json, after: Json, place: str, tolerance: float) -> list[Difference]:
    if before is None or after is None:
        return [Difference(place, "added" if before is None else "removed", before, after)]
    return differences(before, after, tolerance=tolerance, at=place)


def _json(text: str) -> Json:
    try:
        return parse(text, strict=True)
    except ValueError:
        return text


def nearest(variants: Iterable[Turns], came: Turns, rules: Rules) -> tuple[list[Difference], Turns]:
    """Return how what came differs from the nearest variant (it may be one itself), and that variant."""
    found = ((rules.differences(variant, came), variant) for variant in variants)
    return min(found, key=lambda item: (len(item[0]), len(readable(item[0]))))
