"""The published JSON Schema of each file kind, for editors.

A file names its schema on its first line by a path relative to itself: the copies in `fixtures/.schemas`,
which are committed with the project, so that completion works in a fresh clone and without any network.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path, PurePath

from replay.conversation import Object
from replay.documents import write as write_file

KINDS = ("conversation", "suite", "baseline", "config", "run-line")
FOLDER = PurePath("fixtures", ".schemas")


def text(kind: str) -> str:
    """Return the text of the schema of a file kind."""
    return resources.files(__name__).joinpath(f"{kind}.json").read_text("utf-8")


def schema(kind: str) -> Object:
    """Return the schema of a file kind."""
    loaded: Object = json.loads(text(kind))
    return loaded


def write(root: Path) -> list[Path]:
    """Put copies of all schemas into the project at `root`; return those that changed."""
    changed = []
    for kind in KINDS:
        path = root / FOLDER / f"{kind}.json"
        if not path.is_file() or path.read_text("utf-8") != text(kind):
            write_file(path, text(kind))
            changed.append(path)
    return changed


def line(kind: str, path: PurePath) -> str:
    """Return the first line of a file, which names its schema; `path` counts from the root."""
    up = "../" * (len(path.parts) - 1)
    return f"# yaml-language-server: $schema={up}{FOLDER.as_posix()}/{kind}.json\n"
