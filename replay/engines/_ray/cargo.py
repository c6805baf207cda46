"""What travels: pickles in which paths and the project are named, not written; the project's own files.

Nodes share no disk. A worker unpacks the project into a folder of its own, and whatever path inside the
project a case holds (a schema's folder, a baseline's) leads there. Classes of the user's own modules
(a `conftest.py`, what it imports from the project) are pickled by value: they need not be installed anywhere.
"""

from __future__ import annotations

import io
import os
import pickle
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from fnmatch import fnmatch
from pathlib import Path
from types import ModuleType
from typing import Any

from ray import cloudpickle

from replay.config import Project
from replay.errors import BadInput

Places = Mapping[str, Path]  # folders that both ends have, each at its own path

LIMIT = 200 * 2**20  # bytes of the project's files, before they are packed
IGNORE = ".rayignore"  # a file in the project: names and globs of what workers do not need, one a line
_TRAVELS_WITH_CASES = ("fixtures/conversations", "fixtures/cassettes", "fixtures/baselines")
_LEFT = ("reports", "__pycache__", "node_modules", "*.egg-info", ".*")


def pack(thing: Any, places: Places, project: Project | None = None) -> bytes:
    """Pickle a thing for the other end. Raises BadInput for what cannot leave this process.

    `project` is not packed: the other end has it.
    """
    out = io.BytesIO()
    try:
        _Packer(out, places, project).dump(thing)
    except (pickle.PicklingError, TypeError, AttributeError, ValueError, RecursionError) as problem:
        raise BadInput(
            f"this cannot be sent to a cluster: {problem}\n"
            "an assertion or plugin of your own holds what only this process has; make that where it is used"
        ) from None
    return out.getvalue()


def unpack(data: bytes, places: Places, project: Project | None = None) -> Any:
    """Read what `pack` wrote. Raises BadInput where a module is missing at this end."""
    try:
        return _Unpacker(io.BytesIO(data), places, project).load()
    except (ImportError, AttributeError) as problem:
        raise BadInput(
            f"the node {os.uname().nodename} cannot read a case: {problem}\n"
            "put the module into the project, or install it on every node of the cluster"
        ) from None


_Pickler: Any = cloudpickle.Pickler


class _Packer(_Pickler):  # type: ignore[misc]
    def __init__(self, out: io.BytesIO, places: Places, project: Project | None) -> None:
        super().__init__(out)
        self._places, self._project = places, project

    def persistent_id(self, thing: Any) -> tuple[str, str] | None:
        if isinstance(thing, Project):
            return ("project", "") if thing is self._project else None
        return self._placed(thing) if isinstance(thing, Path) else None

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, Project):  # without the paths that it has worked out
            return Project, tuple(getattr(thing, field.name) for field in fields(thing))
        return super().reducer_override(thing)

    def _placed(self, path: Path) -> tuple[str, str] | None:
        for name, folder in self._places.items():
            if path.is_relative_to(folder):
                return name, path.relative_to(folder).as_posix()
        return None


class _Unpacker(pickle.Unpickler):
    def __init__(self, data: io.BytesIO, places: Places, project: Project | None) -> None:
        super().__init__(data)
        self._places, self._project = places, project

    def persistent_load(self, pid: tuple[str, str]) -> Any:
        name, path = pid
        return self._project if name == "project" else self._places[name] / path


@contextmanager
def by_value(root: Path) -> Iterator[None]:
    """Let classes and functions of modules inside the project travel whole."""
    own = [module for module in list(sys.modules.values()) if _is_own(module, root)]
    for module in own:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in own:
            cloudpickle.unregister_pickle_by_value(module)


def _is_own(module: ModuleType, root: Path) -> bool:
    file = getattr(module, "__file__", None)
    if not file or module.__name__.partition(".")[0] == "replay" or module.__name__ not in sys.modules:
        return False
    path = Path(file)
    return path.is_relative_to(root) and "site-packages" not in path.parts


def snapshot(root: Path) -> bytes:
    """Return the project's files as a ZIP archive, without those that travel with their cases.

    Left out are also hidden files, reports, environments, and what `.rayignore` names.
    Raises BadInput for more than LIMIT.
    """
    out, size = io.BytesIO(), 0
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in _files(root, (*_LEFT, *_ignored(root))):
            size += path.stat().st_size
            if size > LIMIT:
                raise BadInput(
                    f"{root}: more than {LIMIT >> 20} MB of files would have to go to each node "
                    f"({path.relative_to(root)} is over the limit)\n"
                    f"name what assertions do not read in {IGNORE}, one name or glob a line"
                )
            archive.write(path, path.relative_to(root))
    return out.getvalue()


def _ignored(root: Path) -> list[str]:
    path = root / IGNORE
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    return [line.strip().strip("/") for line in lines if line.strip() and not line.startswith("#")]


def _files(root: Path, left: tuple[str, ...]) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if _is_taken(here / name, root, left))
        yield from (path for name in sorted(names) if _is_taken(path := here / name, root, left))


def _is_taken(path: Path, root: Path, left: tuple[str, ...]) -> bool:
    shown = path.relative_to(root).as_posix()
    if shown in _TRAVELS_WITH_CASES or any(fnmatch(path.name, name) or fnmatch(shown, name) for name in left):
        return False
    return not (path / "pyvenv.cfg").exists() if path.is_dir() else path.is_file()
