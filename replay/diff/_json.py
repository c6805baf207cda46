"""Differences between JSON values, as paths a person can read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from replay.conversation import Json
from replay.diff._text import short
from replay.jsontext import same

WHOLE = "the value"  # the path of a difference that is not inside anything


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two JSON values differ. `path` reads like `messages[3].content`."""

    path: str
    kind: str  # changed | added | removed
    before: Json = None
    after: Json = None

    def __str__(self) -> str:
        if self.kind == "changed":
            return f"{self.path} differs ({short(self.after)} was {short(self.before)})"
        return f"{self.path} {self.kind} ({short(self.after if self.kind == 'added' else self.before)})"

    def moved(self, place: str) -> Difference:
        """Return the same difference, in something that stands at `place`."""
        if self.path == WHOLE:
            return replace(self, path=place)
        return replace(self, path=f"{place}{'' if self.path.startswith('[') else '.'}{self.path}")


def differences(
    before: Json, after: Json, *, ignore: Iterable[str] = (), tolerance: float = 0.0, at: str = ""
) -> list[Difference]:
    """List what differs, in the order of `before`; empty when `same(before, after)`.

    `ignore` holds paths that may differ, with all that is in them: `usage`, `messages[*].id`, `**.created`
    (`*` is one name or index, `**.` is any depth). Numbers that differ by at most `tolerance` are equal.
    `at` is the path of the values themselves.
    """
    try:
        found = [] if same(before, after) else _compared(before, after, tolerance)
    except RecursionError:  # deeper than Python follows: only that they differ can be said
        found = [Difference(WHOLE, "changed", "nested too deeply", "nested too deeply")]
    return without([item.moved(at) for item in found] if at else found, ignore)


def without(found: Iterable[Difference], ignore: Iterable[str]) -> list[Difference]:
    """Leave out what differs at (or in) one of these paths."""
    skipped = [_path_pattern(path) for path in ignore]
    return [item for item in found if not any(pattern.match(item.path) for pattern in skipped)]


def _compared(before: Json, after: Json, tolerance: float) -> list[Difference]:
    """Let DeepDiff walk the containers; two values that are not both containers of a kind are judged here."""
    from deepdiff import DeepDiff

    class Leaf:
        def match(self, level: Any) -> bool:
            return not any(isinstance(level.t1, kind) and isinstance(level.t2, kind) for kind in (dict, list))

        def give_up_diffing(self, level: Any, diff_instance: Any) -> bool:
            if not (same(level.t1, level.t2) or _near(level.t1, level.t2, tolerance)):
                diff_instance.custom_report_result("changed", level)
            return True

    tree = DeepDiff(
        before,
        after,
        view="tree",
        custom_operators=[Leaf()],
        zip_ordered_iterables=True,
        threshold_to_diff_deeper=0,
    )
    found = [
        (level.path(output_format="list"), kind, level) for kind, levels in tree.items() for level in levels
    ]
    found.sort(key=lambda item: _position(before, after, item[0]))
    return [_difference(path, kind.rpartition("_")[2], level) for path, kind, level in found]


def _near(one: Json, other: Json, tolerance: float) -> bool:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other))
    try:
        return bool(tolerance) and numbers and abs(one - other) <= tolerance
    except OverflowError:  # a whole number too big for a float
        return False


def _difference(path: list[Any], kind: str, level: Any) -> Difference:
    place = path_text(path) or WHOLE
    if kind == "changed":
        return Difference(place, kind, level.t1, level.t2)
    return Difference(
        place, kind, level.t1 if kind == "removed" else None, level.t2 if kind == "added" else None
    )


def _position(before: Json, after: Json, path: list[Any]) -> list[int]:
    """Say where a path stands in `before`, as a sort key; what is only in `after` comes last."""
    place = []
    for step in path:
        if isinstance(before, dict) or isinstance(after, dict):
            was = before if isinstance(before, dict) else {}
            now = after if isinstance(after, dict) else {}
            place.append(list(was | now).index(step))
            before, after = was.get(step), now.get(step)
        else:
            place.append(step)
            before, after = (_item(values, step) for values in (before, after))
    return place


def _item(values: Json, index: int) -> Json:
    return values[index] if isinstance(values, list) and index < len(values) else None


def path_text(path: Iterable[str | int]) -> str:
    """Write a path as text: `messages[3].content`; a name that is no plain word is written `["so"]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif re.fullmatch(r"[\w$-]+", step):
            text += f".{step}" if text else step
        else:
            text += f"[{short(step)}]"
    return text


def _path_pattern(path: str) -> re.Pattern[str]:
    pattern = re.escape(path).replace(r"\*\*\.", r"(?:.*[.\]])?").replace(r"\*", r"[^.\[\]]+")
    return re.compile(pattern + r"(?:$|[.\[])")


def aligned(before: Sequence[Json], after: Sequence[Json]) -> list[tuple[Json | None, Json | None]]:
    """Pair tool calls (`{"name", "arguments"}`) of one turn, the nearest of a name first.

    A call without a partner is paired with None. Parallel calls have no order: a new order is no difference.
    """
    left, right = list(enumerate(before)), list(range(len(after)))
    partner: dict[int, int] = {}
    pairs = sorted(
        (len(differences(call, after[j])), abs(i - j), i, j)
        for i, call in left
        for j in right
        if call.get("name") == after[j].get("name")
    )
    for _, _, i, j in pairs:
        if i not in partner and j not in partner.values():
            partner[i] = j
    taken = set(partner.values())
    rows: list[tuple[Json | None, Json | None]] = [
        (call, after[partner[i]] if i in partner else None) for i, call in left
    ]
    return rows + [(None, after[j]) for j in right if j not in taken]
