"""Joins the runs of shards."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from pathlib import Path

from replay.atomic import write
from replay.conversation import Object
from replay.errors import BadInput, Fault
from replay.runs._read import locate, opened, scan


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
    files = [opened(path) for path in sources]
    try:
        for number, start, length in places:
            files[number].seek(start)
            yield files[number].read(length).rstrip(b"\n") + b"\n"
    finally:
        for file in files:
            file.close()
