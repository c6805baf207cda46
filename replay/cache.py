"""What files were found to say, as JSON beside the project: many times as fast to read as checking YAML.

An entry counts only for the very bytes it was made from and the very code that made it. `.replay/cache` may
be deleted at any time, and any number of processes may use it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from functools import cache
from pathlib import Path

import replay
from replay.conversation import Json


class Cached:
    """What a file in the project `root` says: `name` is its place in the cache, `content` its bytes.

    `rooms` are the packages whose code reads it. Paths are text here: this is made for every case.
    """

    def __init__(self, root: str, name: str, content: bytes, rooms: tuple[str, ...]) -> None:
        self._folder = f"{root}/.replay"
        self._path = f"{self._folder}/cache/{name}.json"
        self._inside = not os.path.isabs(name) and ".." not in name.split("/")  # noqa: PTH117
        self._key = hashlib.sha256(_code(rooms) + content).hexdigest()

    def get(self) -> Json:
        """Return what was kept; None where that was another content, or nothing can be read."""
        try:
            with open(self._path, "rb", buffering=0) as file:  # noqa: PTH123
                key, said = json.loads(file.read())
        except (OSError, ValueError, TypeError, RecursionError):
            return None  # it is made anew
        return said if key == self._key else None

    def put(self, said: Json) -> None:
        """Keep what a file says, if it is in the project. What cannot be written is not kept."""
        if not self._inside:
            return
        text = json.dumps([self._key, said])
        with contextlib.suppress(OSError):
            self._make_folder(Path(self._path).parent)
            with open(self._path, "w", encoding="utf-8") as file:  # noqa: PTH123
                file.write(text)  # in place: half an entry is no JSON, and so no entry

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            Path(self._folder, ".gitignore").write_text("*\n")


@cache
def _code(rooms: tuple[str, ...]) -> bytes:
    """What changes when the code that reads does."""
    package = Path(replay.__file__).parent
    files = sorted(file for room in rooms for file in package.glob(f"{room}/*.py"))
    return repr([(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]).encode()
