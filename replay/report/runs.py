"""Reads `run.jsonl` and joins the runs of shards."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import IO, NamedTuple

from replay.atomic import write
from replay.conversation import Json, Object
from replay.errors import BadInput, Fault, StorageError

FORMAT = 1  # the number in the header's `replay`


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
    def key(self) -> tuple[str, str]:
        """Suite and case id, the order of a run."""
        return str(self.data["case"].get("suite", "")), str(self.data["case"]["id"])


def locate(path: Path) -> Path:
    """Return the `run.jsonl` meant by `path`: the file itself, or the one in that folder."""
    return path / "run.jsonl" if path.is_dir() else path


def read(path: Path) -> Reading:
    """Read a run (a folder or its `run.jsonl`): the header now, the results one by one.

    A line that is cut or is not a result is left out and named in `faults`. Raises BadInput where there is
    no run to read at all, StorageError where the disk fails.
    """
    header, lines, faults = scan(path)
    return Reading(header, (line.data for line in lines), faults)


def scan(path: Path) -> tuple[Object, Iterator[Line], list[Fault]]:
    """Do what `read` does, with the bytes of each line."""
    path = locate(path)
    faults: list[Fault] = []
    return _header(path), _lines(path, faults), faults


def merge(paths: Iterable[Path], out: Path) -> Path:
    """Join the runs of shards into one `run.jsonl`, in the order of suites and case ids.

    The file is the one that an unsharded run would have written, but for its times. Lines that had to be left
    out are named in the header's `faults`. Raises BadInput when two shards hold the same case.
    """
    sources = [locate(path) for path in paths]
    if out.suffix != ".jsonl":
        _refuse_foreign(out)
        out /= "run.jsonl"
    if out.resolve() in {path.resolve() for path in sources}:
        raise BadInput(f"--out {out} is one of the runs to join; name a new folder")
    scans = [scan(path) for path in sources]
    places = sorted(
        (line.key, number, line.start, len(line.text))
        for number, (_, lines, _) in enumerate(scans)
        for line in lines
    )
    _refuse_twice([(key, number) for key, number, _, _ in places], sources)
    header = _joined([header for header, _, _ in scans], [fault for *_, faults in scans for fault in faults])
    write(out, chain([json.dumps(header).encode() + b"\n"], _texts([place[1:] for place in places], sources)))
    return out


def _refuse_foreign(folder: Path) -> None:
    """Refuse to write into a folder that holds anything but a run."""
    foreign = {path.name for path in folder.glob("*")} - {"run.jsonl", "index.html"}
    if foreign or folder.is_file():
        what = f"holds other files ({min(foreign)})" if foreign else "is a file"
        raise BadInput(f"--out {folder} {what}; name a new folder")


def _header(path: Path) -> Object:
    with _opened(path) as file:
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


def _lines(path: Path, faults: list[Fault]) -> Iterator[Line]:
    with _opened(path) as file:
        start = len(file.readline())
        for number, text in enumerate(file, 2):
            data = _parse(text)
            if _is_result(data):
                yield Line(start, text if text.endswith(b"\n") else text + b"\n", data)
            elif not _is_header(data) and text.strip():
                faults.append(Fault(str(path), number, 0, _complaint(text, data)))
            start += len(text)


def _opened(path: Path) -> IO[bytes]:
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


def _refuse_twice(order: list[tuple[tuple[str, str], int]], sources: list[Path]) -> None:
    twice = [
        Fault(str(sources[number]), 0, 0, f"{key[1]} is also in {sources[before]}; give each shard once")
        for (last, before), (key, number) in pairwise(order)
        if key == last
    ]
    if twice:
        raise BadInput(twice)


def _joined(headers: list[Object], faults: list[Fault]) -> Object:
    """The first shard's header with every shard's suites, the earliest start and the longest duration."""
    if not headers:
        raise BadInput("no run was given to merge")
    joined = {key: value for key, value in headers[0].items() if key != "shard"}
    suites = list(dict.fromkeys(suite for header in headers for suite in header.get("suites") or ()))
    started = [header["started"] for header in headers if header.get("started")]
    durations = [header["duration_s"] for header in headers if header.get("duration_s") is not None]
    left_out = [text for header in headers for text in header.get("faults") or ()] + list(map(str, faults))
    known = {
        "suites": suites,
        "started": started and min(started),
        "duration_s": durations and max(durations),
    }
    joined |= {key: value for key, value in known.items() if key in joined and value}
    return joined | ({"faults": left_out} if left_out else {})


def _texts(places: Iterable[tuple[int, int, int]], sources: list[Path]) -> Iterator[bytes]:
    files = [_opened(path) for path in sources]
    try:
        for number, start, length in places:
            files[number].seek(start)
            yield files[number].read(length).rstrip(b"\n") + b"\n"
    finally:
        for file in files:
            file.close()
