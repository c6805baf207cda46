"""The code that a case needs, and the code that would run when a capsule is run."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from replay import documents
from replay.conversation import Json

_DATA = (".yaml", ".yml", ".json", ".jsonl", ".html")
_CONFIG = "replay.toml"


@dataclass(frozen=True, slots=True)
class Code:
    """Files of code, and the modules that they import from elsewhere (not Python's own, not Replay)."""

    files: tuple[Path, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(slots=True)
class _Found:
    files: set[Path] = field(default_factory=set)
    needs: set[str] = field(default_factory=set)


def needed(assertions: Iterable[Path], suites: Iterable[Path], root: Path) -> Code:
    """Return the Python files among those that assertions name, the `conftest.py` above suites, and imports.

    A `conftest.py` that imports nothing of Replay, itself or through others, can register nothing: it stays.
    """
    found = _Found()
    for path in assertions:
        if path.suffix == ".py" and path.is_relative_to(root):
            _follow(path, root, found)
    for path in sorted({conftest for suite in suites for conftest in _conftests(suite, root)}):
        _follow(path, root, found, only_with="replay")
    return Code(tuple(sorted(found.files)), tuple(sorted(found.needs)))


def _conftests(suite: Path, root: Path) -> Iterator[Path]:
    folders = [folder for folder in suite.parents if folder.is_relative_to(root)]
    return (folder / "conftest.py" for folder in folders if (folder / "conftest.py").is_file())


def _follow(path: Path, root: Path, found: _Found, only_with: str = "") -> None:
    """Add a file and what it imports from the project; nothing of it is run."""
    from modulefinder import ModuleFinder

    finder = ModuleFinder(path=[str(root), str(path.parent)], excludes=["replay"])
    try:
        finder.run_script(str(path))
    except (SyntaxError, ValueError, OSError):  # it says so itself when it runs
        found.files.add(path)
        return
    elsewhere = {name.partition(".")[0] for name in finder.badmodules}
    if only_with and only_with not in elsewhere:
        return
    files = (getattr(module, "__file__", None) for module in finder.modules.values())
    found.files |= {path, *(Path(file) for file in files if file)}
    found.needs |= elsewhere - set(sys.stdlib_module_names) - {"replay", "pytest", "__main__"}


def inside(members: Mapping[str, bytes]) -> list[str]:
    """Say what would run: every member that is not plain data, and functions from elsewhere that suites name.

    It goes by what the members are, whatever a capsule says of itself. Raises BadInput for a damaged suite.
    """
    files = [name for name in members if name != _CONFIG and PurePosixPath(name).suffix not in _DATA]
    called = {
        f"{function} (named by {name})"
        for name in members
        if name.startswith("suites/") and name not in files
        for function in _functions(documents.parse(members[name], name).data)
        if function.rpartition(":")[0] not in files
    }
    return sorted(files) + sorted(called)


def _functions(value: Json) -> Iterator[str]:
    """Yield what stands under `python` anywhere in a suite."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "python":
                yield str(inner.get("function") if isinstance(inner, dict) else inner)
            yield from _functions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _functions(inner)
