"""Joins the runs of shards."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path

from replay.atomic import write
from replay.conversation import Object
from replay.errors import BadInput, Fault
from replay.places import Place, Places
from replay.runs._read import Key, Line, locate, name_of, opened, scan
from replay.runs._shard import Shard

_OWN = ("started", "duration_s", "command", "versions", "shard", "cases", "faults", "suites")  # each shard's
_PAGES = {"index.html", "cases.html", "comparison.json", "summary.md"}  # what is drawn beside a run
_MOST = 1000  # cases that are named as given twice
_SHARD_OPTIONS = ("--shard", "--replay-shard")


def merge(paths: Iterable[Path], out: Path) -> Path:
    """Join the runs of shards into one `run.jsonl`, in the order of suites and case ids.

    The file is the one that an unsharded run would have written, but for its times. Lines that had to be left
    out, and shards and cases that are missing, are named in the header's `faults`. Raises BadInput when two
    shards hold the same case, are the same shard, or are not of one run.
    """
    sources = [locate(path) for path in paths]
    if out.suffix != ".jsonl":
        _refuse_foreign(out)
        out /= "run.jsonl"
    if out.resolve() in {path.resolve() for path in sources}:
        raise BadInput(f"--out {out} is one of the runs to join; name a new folder")
    scans = [scan(path) for path in sources]
    headers = [header for header, _, _ in scans]
    missing = _missing(_shards(headers, sources))
    with closing(Places()) as places:
        played = _take_places(places, [lines for _, lines, _ in scans], sources)
        left_out = [str(fault) for *_, faults in scans for fault in faults]
        header = json.dumps(_joined(headers, [*missing, *left_out, *_cut_short(headers, played, sources)]))
        write(out, chain([header.encode() + b"\n"], _texts(places, sources)))
    return out


def _take_places(places: Places, runs: Iterable[Iterable[Line]], sources: Sequence[Path]) -> Counter[int]:
    """Learn where each case stands, and how many of a suite each run has.

    Raises BadInput where a case stands in two runs.
    """
    twice, played = list[Fault](), Counter[int]()
    for number, lines in enumerate(runs):
        for line in lines:
            before = places.get(name_of(line.key))
            if before:
                twice += _twice(line.key, sources[number], sources[before.number], len(twice))
            places[name_of(line.key)] = Place(line.start, len(line.text), number)
            files = line.data.get("files")
            played[number] += isinstance(files, dict) and "suite" in files
    if twice:
        raise BadInput(twice)
    return played


def _refuse_foreign(folder: Path) -> None:
    """Refuse to write into a folder that holds anything but a run."""
    foreign = {path.name for path in folder.glob("*")} - {"run.jsonl"} - _PAGES
    if foreign or folder.is_file():
        what = f"holds other files ({min(foreign)})" if foreign else "is a file"
        raise BadInput(f"--out {folder} {what}; name a new folder")


def _twice(key: Key, path: Path, before: Path, so_far: int) -> list[Fault]:
    message = f"{key[1]} is also in {before}; give each shard once"
    return [Fault(str(path), 0, 0, message)] if so_far < _MOST else []


def _shards(headers: Sequence[Object], sources: Sequence[Path]) -> list[Shard]:
    """Return the shards that these runs are, none for runs that say nothing of it.

    Raises BadInput where they are not the shards of one run.
    """
    if not headers:
        raise BadInput("no run was given to merge")
    first: dict[str, Path] = {}
    faults = list[Fault]()
    for path, header in zip(sources, headers, strict=True):
        other = first.setdefault(str(header.get("shard", path)), path)
        odd = _difference(headers[0], header)
        if other is not path and "shard" in header:
            message = f"is shard {header['shard']}, as is {other}; give each shard once"
            faults.append(Fault(str(path), 1, 0, message))
        elif odd:
            message = f"is of another run than {sources[0]} ({odd}); give the shards of one run"
            faults.append(Fault(str(path), 1, 0, message))
    if faults:
        raise BadInput(faults)
    return [Shard.parse(str(header["shard"])) for header in headers if "shard" in header]


def _missing(shards: Sequence[Shard]) -> list[str]:
    """Say which shards are not there."""
    count = shards[0].count if shards else 0
    absent = sorted(set(range(1, count + 1)) - {shard.number for shard in shards})
    names = ", ".join(str(Shard(number, count)) for number in absent[:20])
    more = f" and {len(absent) - 20} more" if len(absent) > 20 else ""
    return [f"shards are missing: {names}{more}"] if absent else []


def _cut_short(headers: Sequence[Object], played: Counter[int], sources: Sequence[Path]) -> Iterator[str]:
    """Name the shards that have fewer cases than they were to play."""
    for number, (header, path) in enumerate(zip(headers, sources, strict=True)):
        cases = header.get("cases")
        if isinstance(cases, int) and cases > played[number]:
            what = f"{cases - played[number]} of its {cases} cases have no result"
            yield f"{path}: {what}; run shard {header.get('shard')} again"


def _difference(first: Object, other: Object) -> str:
    """Name what two headers cannot both say if they are of one run."""
    if ("shard" in first) != ("shard" in other):
        return "only one of the two is a shard"
    own = {*_OWN} - ({"suites"} if "shard" in first else set())
    if not ("plan" in first and "plan" in other):  # a worker that died at once told none
        own.add("plan")
    odd = [name for name in first | other if name not in own and first.get(name) != other.get(name)]
    counts = {str(header.get("shard")).partition("/")[2] for header in (first, other)}
    odd = ["other cases or suites" if name == "plan" else name for name in odd]
    return ", ".join(odd + ["number of shards"] * (len(counts) > 1))


def _joined(headers: Sequence[Object], faults: Sequence[str]) -> Object:
    """The first shard's header with every shard's suites, the earliest start and the longest duration."""
    joined = {key: value for key, value in headers[0].items() if key not in ("shard", "plan", "cases")}
    suites = list(dict.fromkeys(suite for header in headers for suite in header.get("suites") or ()))
    started = [header["started"] for header in headers if header.get("started")]
    durations = [header["duration_s"] for header in headers if header.get("duration_s") is not None]
    left_out = [text for header in headers for text in header.get("faults") or ()] + list(faults)
    known = {
        "suites": suites,
        "started": started and min(started),
        "duration_s": durations and max(durations),
        "command": _unsharded(joined.get("command") or ()),
    }
    joined |= {key: value for key, value in known.items() if key in joined and value}
    return joined | ({"faults": left_out} if left_out else {})


def _unsharded(command: Iterable[str]) -> list[str]:
    """Return a command without the option that made it one of a shard."""
    kept, value = list[str](), False
    for word in command:
        if not value and not any(word.startswith(f"{option}=") for option in _SHARD_OPTIONS):
            kept += () if word in _SHARD_OPTIONS else (word,)
        value = not value and word in _SHARD_OPTIONS
    return kept


def _texts(places: Places, sources: Sequence[Path]) -> Iterator[bytes]:
    files = [opened(path) for path in sources]
    try:
        for place in places:
            files[place.number].seek(place.start)
            yield files[place.number].read(place.length).rstrip(b"\n") + b"\n"
    finally:
        for file in files:
            file.close()
