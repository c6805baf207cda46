"""tau-bench trajectories: `{task_id, trial, reward, traj}`, as JSON Lines or one JSON list.

`traj` holds the messages of a whole conversation; each assistant message is a turn of it. Several trials of
one task are repeats. The file does not name the model: `--model` does.
https://github.com/sierra-research/tau-bench
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from replay.conversation import Object
from replay.importers import Logged, _derived
from replay.importers._items import Item, items
from replay.importers._records import ODD, some

DERIVED = "tau-bench keeps messages, not bodies: no model, tools, params or usage"


def sniff(head: bytes) -> bool:
    """Tell by the words of a trajectory."""
    return b'"traj"' in head and b'"task_id"' in head


def read(path: Path) -> Iterator[Logged]:
    """Yield each assistant message of each trajectory, as `line 3, turn 1`."""
    for item in items(path):
        try:
            yield from _trajectory(str(path), item)
        except ODD as problem:
            yield Logged(str(path), item.place, refused=f"the trajectory cannot be read: {problem!r}")


def _trajectory(path: str, item: Item) -> Iterator[Logged]:
    record: Any = item.value
    if item.wrong or not isinstance(record, dict) or not isinstance(record.get("traj"), list):
        yield Logged(path, item.place, refused=item.wrong or "no trajectory: it has no list traj")
        return
    task = (record.get("info") or {}).get("task") or {}
    about = {name: record[name] for name in ("task_id", "trial", "reward") if name in record}
    expected = some(actions=task.get("actions"), outputs=task.get("outputs"))
    tags = tuple(f"{name}:{value}" for name, value in about.items())
    source: Object = about | ({"expected": expected} if expected else {})
    yield from _derived.turns(path, item.place, record["traj"], {}, DERIVED, source=source, tags=tags)
