"""What there is to play: the cassettes, and the fixtures that have none."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from replay import fixtures
from replay.cassette import file
from replay.cassette.interaction import Interaction
from replay.config import Project
from replay.conversation import Conversation
from replay.errors import BadInput, Fault, nearest

_SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Recording:
    """An interaction and where it stands: its cassette by name, and its number there, from 1."""

    cassette: str
    number: int
    interaction: Interaction


@dataclass(frozen=True, slots=True)
class Stock:
    """All that answers. `cassettes` counts files; no conversation of `fixtures` has a cassette."""

    recordings: tuple[Recording, ...]
    cassettes: int
    fixtures: tuple[Conversation, ...]

    def chosen(self, name: str) -> list[Recording]:
        """Return the recordings of one cassette, or of all below a folder; of all for the empty name."""
        return [one for one in self.recordings if not name or name in _above(one.cassette)]

    def nearest(self, name: str) -> str:
        """Say what to write for a name that chooses nothing."""
        return nearest(name, dict.fromkeys(one.cassette for one in self.recordings))


def stock(project: Project, paths: Collection[str | Path]) -> Stock:
    """Read what paths name: cassettes, folders of them, fixtures, names of conversations; all without any.

    Raises BadInput with all that is wrong in any file, and for a path that names nothing.
    """
    files, named = dict[Path, str](), list[str]()
    for path in map(Path, paths):
        found, conversations = dict(_cassettes(path, project)), list(_conversations(path, project))
        if not found and not conversations:
            raise BadInput(_nothing(str(path), project))
        files |= found
        named += conversations
    if not paths:
        files, named = dict(_cassettes(project.cassettes, project)), fixtures.names(project)
    faults = list[Fault]()
    recordings = tuple(_recordings(files, faults))
    covered = {above for name in files.values() for above in _above(name)}
    told = tuple(_loaded((name for name in dict.fromkeys(named) if name not in covered), project, faults))
    if faults:
        raise BadInput(faults)
    return Stock(recordings, len(files), told)


def _cassettes(path: Path, project: Project) -> Iterator[tuple[Path, str]]:
    """Yield the cassettes that a path names, each with the name it is chosen by."""
    path = (path if path.exists() else project.cassettes / path).absolute()
    base = path if path.is_dir() else path.parent
    for one in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if _is_one(one, project):
            inside = one.is_relative_to(project.cassettes)
            yield one, _name(one.relative_to(project.cassettes if inside else base))


def _is_one(path: Path, project: Project) -> bool:
    if path.suffix not in _SUFFIXES or path.name.startswith(".") or not path.is_file():
        return False
    others = (project.conversations, project.baselines, project.suites)
    return not any(path.is_relative_to(other) for other in others)


def _name(path: PurePath) -> str:
    return path.with_suffix("").as_posix()


def _above(name: str) -> Iterator[str]:
    """Yield a name and those of the folders it is in."""
    while name:
        yield name
        name = name.rpartition("/")[0]


def _recordings(files: dict[Path, str], faults: list[Fault]) -> Iterator[Recording]:
    for path, name in files.items():
        try:
            yield from (Recording(name, number, one) for number, one in enumerate(file.load(path), 1))
        except BadInput as damage:
            faults += damage.faults


def _conversations(path: Path, project: Project) -> Iterator[str]:
    """Yield the conversations that a path names: those of a folder, or of that name."""
    name = _conversation(path, path.absolute(), project)
    if name == ".":
        yield from fixtures.names(project)
    elif name is not None:
        yield from fixtures.names(project, name)
        yield from fixtures.names(project, f"{name}/**")


def _conversation(path: Path, absolute: Path, project: Project) -> str | None:
    if project.conversations.is_relative_to(absolute):
        return "."
    if absolute.is_file():
        return fixtures.name_of(absolute, project) if absolute.is_relative_to(project.conversations) else None
    for folder in (project.conversations, project.cassettes):
        if absolute.is_relative_to(folder):
            return absolute.relative_to(folder).as_posix()
    return None if absolute.exists() else path.as_posix()


def _loaded(names: Iterable[str], project: Project, faults: list[Fault]) -> Iterator[Conversation]:
    for name in names:
        try:
            yield fixtures.load(fixtures.find(name, project), project)
        except BadInput as wrong:
            faults += wrong.faults


def _nothing(path: str, project: Project) -> str:
    known = fixtures.known(project)
    told = f"; {fixtures.advice(path, project, known)}" if known else ""
    return f"{path}: there is no such cassette, folder or conversation{told}"
