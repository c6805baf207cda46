"""Check and mend cassettes without playing them; nothing that is there is ever overwritten."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from replay import atomic
from replay.cassette import file, fold, journal
from replay.errors import BadInput, Fault, StorageError


class Finder(Protocol):
    """What finds secrets."""

    def find(self, text: bytes) -> list[tuple[str, int]]:
        """List `(kind, offset in bytes)` of what looks like a secret."""


def check(paths: Iterable[str | Path], redactor: Finder | None = None) -> list[Fault]:
    """List the faults of cassettes (of all `*.yaml` in a folder): damage, leftovers, secrets (never shown).

    Damage and secrets are errors; unfinished recordings and what was mended in reading are warnings.
    """
    return [fault for path in _files(paths) for fault in _faults(path, redactor)]


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was saved: interactions folded in from journals, and those found whole in a damaged file.

    `written` is the cassette when journals were folded into it, and `<name>.recovered.yaml` when the cassette
    itself is damaged; None when there was nothing to do. `faults` is the damage.
    """

    folded: int = 0
    salvaged: int = 0
    written: Path | None = None
    faults: tuple[Fault, ...] = ()

    def __str__(self) -> str:
        if self.written is None:
            return "nothing to recover"
        if not self.faults:
            return f"{self.folded} recorded calls are now in {self.written}"
        whole = f"{self.salvaged} whole interactions"
        return (
            f"{whole} and {self.folded} recorded calls are in {self.written}; the damaged file is as it was"
        )


def recover(path: str | Path) -> Recovered:
    """Fold what dead recordings left beside a cassette, and save what is whole of a damaged one elsewhere.

    Raises StorageError when that cannot be written, and BadInput when `path` is no file and never was to be.
    """
    cassette = Path(path).resolve()
    raw = fold.bytes_of(cassette)
    if raw is None and not journal.paths(cassette):
        raise BadInput(
            [Fault(str(path), 0, 0, "there is no such cassette, and no unfinished recording of it")]
        )
    contents = file.read(str(path), raw) if raw is not None else file.Contents()
    if not contents.errors:
        folded = fold.fold_orphans(cassette, force=True)
        return Recovered(folded, 0, Path(path) if folded else None)
    return _salvage(Path(path), cassette, contents)


def _files(paths: Iterable[str | Path]) -> Iterator[Path]:
    for path in map(Path, paths):
        yield from sorted(path.rglob("*.yaml")) if path.is_dir() else [path]


def _faults(path: Path, redactor: Finder | None) -> Iterator[Fault]:
    for left in journal.paths(path):
        message = f"an unfinished recording is in {left}: replay cassette recover {path}"
        yield Fault(str(path), 0, 0, message, warning=True)
    try:
        raw = atomic.read(path)
    except BadInput as problem:
        yield from problem.faults
    except StorageError as problem:
        yield Fault(str(path), 0, 0, str(problem).removeprefix(f"{path}: "))
    else:
        contents = file.read(str(path), raw)
        yield from contents.faults
        if redactor:
            yield from _secrets(path, raw, contents, redactor)


def _secrets(path: Path, raw: bytes, contents: file.Contents, redactor: Finder) -> Iterator[Fault]:
    """Look at the text of the file, and at its bodies as they were sent: encoded, or spread over events."""
    found = redactor.find(raw)
    for kind, offset in found:
        yield Fault(str(path), raw.count(b"\n", 0, offset) + 1, 0, f"a secret ({kind}) is in the file")
    seen = {kind for kind, _ in found}
    for number, one in enumerate(contents.interactions, 1):
        for what, body in (("request", one.request.body), ("response", one.response.body)):
            for kind in sorted({kind for kind, _ in redactor.find(body)} - seen):
                message = f"a secret ({kind}) is in the body of {what} {number}, encoded or in pieces"
                yield Fault(str(path), 0, 0, message)


def _salvage(path: Path, cassette: Path, contents: file.Contents) -> Recovered:
    saved, folded = contents.interactions, 0
    for held in journal.orphans(cassette):  # they stay: the damaged cassette cannot take them
        found = list(held.interactions())
        saved, folded = fold.merged(saved, found, held), folded + len(found)
        held.close()
    target = _free_name(path)
    file.save(target, saved)
    return Recovered(folded, len(contents.interactions), target, tuple(contents.errors))


def _free_name(path: Path) -> Path:
    """A name beside the damaged file that is not taken: `a.recovered.yaml`, `a.recovered-2.yaml`, ..."""
    number = 1
    while True:
        count = f"-{number}" if number > 1 else ""
        free = path.with_name(f"{path.stem}.recovered{count}.yaml")
        if not free.exists():
            return free
        number += 1
