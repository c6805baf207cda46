"""Reads `run.jsonl`, line by line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from replay.conversation import Json, Object
from replay.errors import BadInput, Fault, StorageError
from replay.places import Place, Places

FORMAT = 1  # the number in the header's `replay`

Key = tuple[str, str]  # suite and case id, the order of a run

_GLIMPSE = 4096  # bytes of a line, in which its case is looked for
_decoder = json.JSONDecoder()


class Reading(NamedTuple):
    """A run that is being read. `faults` names each line that is left out, as `results` comes to it."""

    header: Object
    results: Iterator[Object]
    faults: list[Fault]


@dataclass(frozen=True, slots=True)
class Line:
    """One result: its place in the file, its bytes as they stand (with the newline) and what they say."""

    start: int
    text: bytes
    data: Object

    @property
    def key(self) -> Key:
        """Suite and case id."""
        return _key(self.data["case"])

    @property
    def outcome(self) -> str:
        """What the case has come to."""
        return str(self.data.get("outcome", ""))


def locate(path: Path) -> Path:
    """Return the `run.jsonl` meant by `path`: the file itself, or the one in that folder."""
    return path / "run.jsonl" if path.is_dir() else path


def read(path: Path) -> Reading:
    """Read a run (a folder or its `run.jsonl`): the header now, the results one by one.

    A line that is cut or is not a result is left out and named in `faults`. Where a case has several lines,
    as in a run that was resumed and killed again, the last one counts. Raises BadInput where there is no run
    to read at all, StorageError where the disk fails.
    """
    header, found, faults = scan(path)
    return Reading(header, (line.data for line in found), faults)


def scan(path: Path) -> tuple[Object, Iterator[Line], list[Fault]]:
    """Do what `read` does, with the bytes of each line."""
    path = locate(path)
    faults: list[Fault] = []
    return read_header(path), _latest(path, faults), faults


def read_header(path: Path) -> Object:
    """Return the header of a run. Raises BadInput where there is none."""
    with opened(path) as file:
        first = file.readline()
    if not first:
        raise BadInput([Fault(str(path), 0, 0, "this run is empty; it stopped before its first case")])
    header = _parse(first)
    if not isinstance(header, dict) or "replay" not in header:
        raise BadInput([Fault(str(path), 1, 0, 'this is no run: its first line has no "replay" number')])
    if header["replay"] != FORMAT:
        message = f"this run is of format {header['replay']}, this Replay reads {FORMAT}; install a newer one"
        raise BadInput([Fault(str(path), 1, 0, message)])
    return header


def lines(path: Path, faults: list[Fault]) -> Iterator[Line]:
    """Yield every result as it stands in the file, several of one case too."""
    with opened(path) as file:
        start = len(file.readline())
        for number, text in enumerate(file, 2):
            data = _parse(text)
            if _is_result(data):
                yield Line(start, text if text.endswith(b"\n") else text + b"\n", data)
            elif not _is_header(data) and text.strip():
                faults.append(Fault(str(path), number, 0, _complaint(text, data)))
            start += len(text)


def name_of(key: Key) -> str:
    """Return a key as one text, which sorts as keys do."""
    return "\0".join(key)


def _latest(path: Path, faults: list[Fault]) -> Iterator[Line]:
    """Yield the last line of each case."""
    if _in_order(path):
        yield from lines(path, faults)
        return
    with closing(Places()) as places:
        for line in lines(path, []):
            places[name_of(line.key)] = Place(line.start, len(line.text))
        for line in lines(path, faults):
            place = places.get(name_of(line.key))
            if place and place.start == line.start:
                yield line


def _in_order(path: Path) -> bool:
    """Tell whether each case comes after the one before it, so that none comes twice: by a quick look."""
    last = ("", "")
    with opened(path) as file:
        file.readline()
        for text in file:
            key = _glimpsed(text)
            if key is None or key <= last:
                return False
            last = key
    return True


def _glimpsed(text: bytes) -> Key | None:
    """The key of a line as we write it, where the case comes first; None for any other line."""
    try:
        case, _ = _decoder.raw_decode(text[:_GLIMPSE].decode("ascii"), len('{"case": '))
        return _key(case)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _key(case: Object) -> Key:
    return str(case.get("suite", "")), str(case["id"])


def opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise BadInput([Fault(str(path), 0, 0, "there is no such run; pytest suites/ makes one")]) from None
    except OSError as problem:
        raise StorageError(f"cannot read {path} ({problem.strerror})") from None


def _parse(text: bytes) -> Json:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_result(data: Json) -> bool:
    return (
        isinstance(data, dict)
        and isinstance(case := data.get("case"), dict)
        and isinstance(case.get("id"), str)
        and isinstance(data.get("verdicts"), list)
        and isinstance(transcript := data.get("transcript"), dict)
        and isinstance(transcript.get("turns"), list)
    )


def _is_header(data: Json) -> bool:
    """Tell a header apart; one stands in the middle where runs were joined by `cat`."""
    return isinstance(data, dict) and "replay" in data


def _complaint(text: bytes, data: Json) -> str:
    if not text.endswith(b"\n"):
        return f"the last line is cut after {len(text)} bytes; its case is left out"
    if data is None:
        return "this line is not JSON; its case is left out"
    return "this line is no result; it is left out"
