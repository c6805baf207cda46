"""Differences between JSON values, as paths a person can read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from replay.conversation import Json
from replay.jsontext import same


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two JSON values differ. `path` reads like `messages[3].content`."""

    path: str
    kind: str  # changed | added | removed
    before: Json = None
    after: Json = None

    def __str__(self) -> str:
        if self.kind == "changed":
            return f"{self.path} differs ({_short(self.after)} was {_short(self.before)})"
        return f"{self.path} {self.kind} ({_short(self.after if self.kind == 'added' else self.before)})"


def _short(value: Any, limit: int = 60) -> str:
    import json

    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def differences(before: Json, after: Json) -> list[Difference]:
    """List what differs, in the order of `before`; empty when `same(before, after)`."""
    return [] if same(before, after) else list(_walk(before, after, ""))


def _walk(before: Json, after: Json, path: str) -> Any:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            place = f"{path}.{key}" if path else str(key)
            yield from _step(before, after, key, key in before, key in after, place)
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            was, now = index < len(before), index < len(after)
            yield from _step(before, after, index, was, now, f"{path}[{index}]")
    elif not same(before, after):
        yield Difference(path or "the value", "changed", before, after)


def _step(before: Any, after: Any, key: Any, was: bool, now: bool, path: str) -> Any:
    if was and now:
        yield from _walk(before[key], after[key], path)
    elif was:
        yield Difference(path, "removed", before[key], None)
    else:
        yield Difference(path, "added", None, after[key])
