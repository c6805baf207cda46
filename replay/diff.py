"""Differences between JSON values and between texts, as a person reads them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

from replay.conversation import Json
from replay.jsontext import same

WHOLE = "the value"  # the path of a difference that is not inside anything
WORDS_AT_MOST = 4000  # SequenceMatcher is quadratic; longer texts are compared line by line


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


def short(value: Json, limit: int = 60) -> str:
    """Write a value as JSON of at most `limit` characters, with what cannot be seen written as escapes."""
    import json

    try:
        text = visible(json.dumps(value, ensure_ascii=False, default=str))
    except RecursionError:
        text = "(nested too deeply)"
    return text if len(text) <= limit else text[: limit - 1] + "…"


_UNSEEN = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\xa0\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]"
)


def visible(text: str) -> str:
    r"""Write control, zero-width, direction and lone surrogate characters as `\uXXXX`."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


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


def words(before: str, after: str) -> list[tuple[str, str]]:
    """Compare two texts word by word: `(" " | "-" | "+", text)` pieces, in order."""
    one, other = (re.findall(r"\w+|\s+|[^\w\s]", text) for text in (before, after))
    if len(one) + len(other) > WORDS_AT_MOST:
        one, other = [before], [after]
    pieces: list[tuple[str, str]] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        marks = " " if tag == "equal" else "-+"
        sides = ("".join(one[i1:i2]), "".join(other[j1:j2]))
        pieces += [(mark, text) for mark, text in zip(marks, sides, strict=False) if text]
    return pieces


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


def readable(found: Iterable[Difference]) -> str:
    """Write differences as lines: `- path: gone`, `+ path: new`, `~ path: was -> is`, texts as word diffs.

    In a word diff `[-so-]` was taken away and `{+so+}` was added.
    """
    return "\n".join(line for item in found for line in _lines(item))


def _lines(item: Difference) -> Iterator[str]:
    if item.kind == "added":
        yield f"+ {item.path}: {short(item.after, 200)}"
    elif item.kind == "removed":
        yield f"- {item.path}: {short(item.before, 200)}"
    elif isinstance(item.before, str) and isinstance(item.after, str):
        yield from _text_lines(item.path, item.before, item.after)
    else:
        yield f"~ {item.path}: {short(item.before, 200)} -> {short(item.after, 200)}"


def _text_lines(path: str, before: str, after: str) -> Iterator[str]:
    old, new = before.split("\n"), after.split("\n")
    many = len(old) > 1 or len(new) > 1
    if len(old) + len(new) > WORDS_AT_MOST:
        pairs = enumerate(zip_longest(old, new), 1)
        first = next(number for number, (was, now) in pairs if was != now)
        yield f"~ {path}: {len(new)} lines, {len(old)} before; the first that differs is line {first}"
        return
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        for number, (was, now) in enumerate(zip_longest(old[i1:i2], new[j1:j2]), i1 + 1):
            yield _text_line(f"{path}:{number}" if many else path, was, now)


def _text_line(place: str, was: str | None, now: str | None) -> str:
    if was is None or now is None:
        mark, text = ("+", now) if was is None else ("-", was)
        return f"{mark} {place}: {_seen(text or '') or '⏎'}"
    alike = unicodedata.normalize("NFC", was) == unicodedata.normalize("NFC", now)
    show = {" ": _plain, "-": _escaped if alike else _seen, "+": _escaped if alike else _seen}
    frame = {" ": "{}", "-": "[-{}-]", "+": "{{+{}+}}"}
    return f"~ {place}: " + "".join(frame[mark].format(show[mark](text)) for mark, text in words(was, now))


def _plain(text: str) -> str:
    return visible(text if len(text) <= 120 else f"{text[:60]} … {text[-60:]}")


def _seen(text: str) -> str:
    """Make white space at the ends visible, and everything else that cannot be seen."""
    marks = str.maketrans({" ": "·", "\t": "⇥"})
    body = text.strip(" \t")
    if not body:
        return text.translate(marks)
    head, _, tail = text.partition(body)
    return (
        head.translate(marks)
        + visible(body if len(body) <= 1000 else f"{body[:1000]}…")
        + tail.translate(marks)
    )


def _escaped(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()
