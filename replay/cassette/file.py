"""vcrpy's YAML format in and out.

    interactions:
    - request: {body, headers: {name: [value]}, method, uri}
      response: {body: {string}, headers, replay: {...}, status: {code, message}}
    version: 1

`replay` is ours (see `replay.cassette.shape`). vcrpy's JSON form and what other projects' serialisers write
are read too. A damaged file is refused by name, never taken for an empty one.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from replay import atomic
from replay.cassette.forms import from_shape
from replay.cassette.interaction import Interaction
from replay.cassette.tree import Reader, Unfinished, typed
from replay.errors import BadInput, Fault
from replay.jsontext import parse

VERSION = 1

_CONFLICT = re.compile(rb"^(?:<{7}|>{7}|\|{7}) ", re.MULTILINE)
_BRACE = re.compile(rb"(?:\xef\xbb\xbf)?\s*\{")


@dataclass(slots=True)
class Contents:
    """All that could be read of a cassette: whole interactions, in order, and every fault."""

    interactions: list[Interaction] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    version: Any = None
    last_is_whole: bool = False

    @property
    def errors(self) -> list[Fault]:
        """The faults that are not mere warnings."""
        return [fault for fault in self.faults if not fault.warning]


def load(path: str | Path) -> tuple[Interaction, ...]:
    """Read a cassette. Raises BadInput with every fault of the file, StorageError if it cannot be read."""
    return whole(read(str(path), atomic.read(Path(path))))


def whole(contents: Contents) -> tuple[Interaction, ...]:
    """Return the interactions of an undamaged cassette. Raises BadInput for any other."""
    if contents.errors:
        raise BadInput(contents.errors)
    return tuple(contents.interactions)


def dump(interactions: Iterable[Interaction]) -> str:
    """Write interactions as YAML text."""
    from replay.cassette import emit

    return "".join(emit.pieces(interactions))


def save(path: str | Path, interactions: Iterable[Interaction]) -> None:
    """Replace a cassette in one step: whole or not at all. Raises StorageError."""
    from replay.cassette import emit

    atomic.write(Path(path), emit.pieces(interactions))


def read(path: str, raw: bytes) -> Contents:
    """Read the bytes of a cassette as far as that is possible; never raises for what they hold."""
    contents = Contents()
    try:
        _check_text(path, raw)
        _fill(contents, path, raw)
    except Unfinished:
        contents.faults += _cut(contents, path, raw).faults
    except BadInput as damage:
        contents.faults += damage.faults
    return contents


def _check_text(path: str, raw: bytes) -> None:
    try:
        raw.decode()
    except UnicodeDecodeError as problem:
        message = f"byte {problem.start} is not UTF-8; save the file as UTF-8"
        raise BadInput([Fault(path, _line_of(raw, problem.start), 0, message)]) from None
    if not raw.removeprefix(BOM_UTF8).strip():
        raise BadInput([Fault(path, 0, 0, "the file is empty; delete it to record it anew")])
    conflict = _CONFLICT.search(raw)
    if conflict:
        line = _line_of(raw, conflict.start())
        raise BadInput([Fault(path, line, 0, f"unresolved merge at line {line}")])


def _line_of(raw: bytes, offset: int) -> int:
    return raw.count(b"\n", 0, offset) + 1


def _fill(contents: Contents, path: str, raw: bytes) -> None:
    data = _json(raw)
    if data is None:
        _from_yaml(contents, path, raw)
    else:
        for item in data["interactions"]:
            _add(contents, path, 0, item)
        contents.version = data.get("version", VERSION)  # JSON that parses is whole
    contents.faults += _version_faults(contents, path, raw)


def _json(raw: bytes) -> Any:
    """The tree of a file by vcrpy's JSON serialiser; None for anything else, YAML in braces too."""
    if not _BRACE.match(raw):
        return None
    try:
        data = parse(raw.removeprefix(BOM_UTF8))
    except ValueError:
        return None
    return data if isinstance(data, dict) and isinstance(data.get("interactions"), list) else None


def _from_yaml(contents: Contents, path: str, raw: bytes) -> None:
    reader = Reader(raw, path)
    if not reader.document():
        raise BadInput([Fault(path, 0, 0, "the file holds only comments")])
    found = False
    for key in reader.pairs():
        if key == "interactions":
            found = True
            for line in reader.items():
                _add(contents, path, line, reader.read())
        elif key == "version":
            contents.version = typed(reader.read()) or ""
        else:
            reader.read()
    reader.alone()
    if not found:
        raise BadInput([Fault(path, 0, 0, f"there is no list of `interactions`; {_elsewhere(path)}")])


def _add(contents: Contents, path: str, line: int, item: Any) -> None:
    interaction = from_shape(item, path, line, contents.faults)
    contents.last_is_whole = interaction is not None
    if interaction is not None:
        contents.interactions.append(interaction)


def _version_faults(contents: Contents, path: str, raw: bytes) -> Iterator[Fault]:
    """The version is the last thing in a file of ours or vcrpy's: without it the file may have been cut."""
    version = contents.version
    if version in (None, ""):
        ours = any(one.response.source or one.response.chunks for one in contents.interactions)
        if ours or not contents.last_is_whole or not raw.endswith(b"\n"):
            if version is None and contents.last_is_whole and not raw.endswith(b"\n"):
                # the cut may be inside its last value
                contents.interactions.pop()
            raise _cut(contents, path, raw)
        yield Fault(path, 0, 0, "there is no `version: 1`; the file may have been cut", warning=True)
    elif not isinstance(version, int) or version > VERSION:
        message = f"written in version {version} of the format, this Replay reads {VERSION}: update Replay"
        contents.faults.clear()  # what is wrong in a format that is not known says nothing
        yield Fault(path, 0, 0, f"{message}; {_elsewhere(path)}")


def _elsewhere(path: str) -> str:
    """Say how the files of others are read: go-vcr has a version 2, Ruby's VCR a list of another name."""
    return f"if another recorder wrote it: replay record {path} --suite NAME"


def _cut(contents: Contents, path: str, raw: bytes) -> BadInput:
    size, count = len(raw), len(contents.interactions)
    where = f"cut at byte {size} (interaction {count + 1} of ?)"
    return BadInput([Fault(path, 0, 0, f"{where}; {count} are whole: replay cassette recover {path}")])
