"""What a trend needs of one run: read once, line by line, and kept in the project's cache.

Memory does not grow with the run: times go into a sketch, and contents into a sum of hashes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import groupby
from pathlib import Path

from replay import stats
from replay.cache import Cached
from replay.conversation import Json, Object
from replay.errors import BadInput, Fault, StorageError
from replay.jsontext import canonical, inside, objects
from replay.runs import Line, locate, scan
from replay.stats import Sketch

READ_BY = ("history", "runs", "stats")  # the rooms whose code makes a digest
KEPT = ("started", "mode", "versions", "shard", "compare", "command")  # of the header
NAMED = 20  # served models, fingerprints or assertions that are kept by name


def digest(path: Path, root: Path) -> Object:
    """Return what a run (a folder or its `run.jsonl`) says, from the cache of the project `root` if known.

    `{"header": {...}, "groups": [{"suite", "target", ...}]}`, see `Group.to_json`. Raises BadInput for a run
    that is damaged anywhere, StorageError for one that cannot be read.
    """
    path = locate(path).absolute()
    try:
        about = path.stat()
    except FileNotFoundError:
        raise BadInput([Fault(str(path), 0, 0, "there is no such run; pytest suites/ makes one")]) from None
    except OSError as problem:
        raise StorageError(f"cannot read {path} ({problem.strerror})") from None
    # a run is too long to be hashed each time it is asked for
    stamp = f"{about.st_size} {about.st_mtime_ns}".encode()
    cached = Cached(str(root), f"history/{path}", stamp, READ_BY)
    said: Object = cached.get() or _read(path)
    cached.put(said)
    if said["faults"]:
        raise BadInput(Fault(**fault) for fault in said["faults"])
    return said


def _read(path: Path) -> Object:
    try:
        header, lines, faults = scan(path)
        groups = _groups(lines)
    except BadInput as problem:
        return {"faults": [_plain(fault) for fault in problem.faults]}
    kept = {name: header[name] for name in KEPT if name in header}
    found = [
        group.to_json() | {"suite": suite, "target": target} for (suite, target), group in groups.items()
    ]
    return {"header": kept, "groups": found, "faults": [_plain(fault) for fault in faults]}


def _plain(fault: Fault) -> Object:
    return {name: getattr(fault, name) for name in Fault.__slots__}


def _groups(lines: Iterable[Line]) -> dict[tuple[str, str], Group]:
    """Count each line into its suite and target; attempts of one conversation stand together in a run."""
    groups: dict[tuple[str, str], Group] = {}
    for (suite, target, name), attempts in groupby((line.data for line in lines), _conversation):
        groups.setdefault((suite, target), Group()).add(name, attempts)
    return groups


def _conversation(data: Object) -> tuple[str, str, str]:
    name, _, rest = data["case"]["id"].rpartition("[")
    target = inside(data, "transcript", "target").get("name") or rest.partition("]")[0]
    return str(data["case"].get("suite") or ""), str(target), name


@dataclass(slots=True)
class Group:
    """What came of one suite and target in one run."""

    conversations: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    pairs: Counter[tuple[int, int]] = field(default_factory=Counter)  # (passed, judged) of conversations
    tokens: Counter[str] = field(default_factory=Counter)
    counted: int = 0  # cases whose provider counted tokens
    cost: float = 0.0
    priced: int = 0  # cases with a price
    latency: Sketch = field(default_factory=Sketch)
    named: dict[str, Counter[str]] = field(default_factory=dict)
    names: int = 0  # sums of hashes: the same in any order
    contents: int = 0
    terms: int | None = 0  # None where a run does not say

    def add(self, name: str, attempts: Iterator[Object]) -> None:
        """Count the attempts of one conversation."""
        passed = judged = 0
        for number, data in enumerate(attempts):
            if number == 0:
                self._content(name, data)
            outcome = str(data.get("outcome"))
            self.outcomes[outcome] += 1
            passed += outcome == "passed"
            judged += outcome in ("passed", "failed")
            self._amounts(data)
        self.conversations += 1
        self.pairs[passed, judged] += 1

    def _content(self, name: str, data: Object) -> None:
        conversation = inside(data, "transcript", "conversation")
        said = {key: value for key, value in conversation.items() if key not in ("source", "tags")}
        self.names = (self.names + _hash(name)) % 2**64
        self.contents = (self.contents + _hash(canonical(said))) % 2**64
        terms = inside(data, "files").get("terms")
        if terms is None or self.terms is None:
            self.terms = None
        else:
            self.terms = (self.terms + _hash(f"{name} {terms}")) % 2**64

    def _amounts(self, data: Object) -> None:
        turns = objects(data["transcript"]["turns"])
        usages = [usage for turn in turns if (usage := _usage(turn))]
        for usage in usages:
            self.tokens.update(usage)
        self.counted += bool(usages)
        if (cost := _number(data.get("cost"))) is not None:
            self.cost += cost
            self.priced += 1
        for turn in turns:
            if (time := _number(inside(turn, "timing").get("total_ms"))) is not None:
                self.latency.add(time)
        for kind, word in _named(data, turns):
            self.named.setdefault(kind, Counter())[word] += 1

    def to_json(self) -> Object:
        """Return the group as a point of a trend; what is not known is None.

        `rate` is [share, low, high]; tokens and cost are of one case, times are milliseconds of one turn.
        """
        judged = sum(of * count for (_, of), count in self.pairs.items())
        return {
            "conversations": self.conversations,
            "cases": self.outcomes.total(),
            "outcomes": dict(self.outcomes),
            "passed": self.outcomes["passed"],
            "judged": judged,
            "rate": list(stats.rate(self.pairs)) if judged else None,
            "tokens": self.tokens.total() / self.counted if self.counted else None,
            "prompt_tokens": self.tokens["prompt_tokens"] / self.counted if self.counted else None,
            "completion_tokens": self.tokens["completion_tokens"] / self.counted if self.counted else None,
            "cost": self.cost / self.priced if self.priced else None,
            "total_cost": self.cost if self.priced else None,
            "latency": self.latency.quantile(0.5) if self.latency.count else None,
            "p95": self.latency.quantile(0.95) if self.latency.count else None,
            "named": {kind: dict(words.most_common(NAMED)) for kind, words in sorted(self.named.items())},
            "names": f"{self.names:016x}",
            "contents": f"{self.contents:016x}",
            "terms": None if self.terms is None else f"{self.terms:016x}",
        }


def _named(data: Object, turns: list[Object]) -> Iterator[tuple[str, str]]:
    """Yield what a change of a trend may come from, as kind and word."""
    target = inside(data, "transcript", "target")
    yield "asked model", f"{target.get('provider')} {target.get('model')}"
    yield "play", str(data["transcript"].get("play"))
    for turn in turns:
        if model := inside(turn, "reply").get("model"):
            yield "served model", str(model)
        if fingerprint := inside(turn, "reply", "extra").get("system_fingerprint"):
            yield "fingerprint", str(fingerprint)
    for assertion in {str(one.get("assertion")) for one in objects(data["verdicts"])}:
        yield "assertion", assertion


def _usage(turn: Object) -> dict[str, int]:
    usage = inside(turn, "reply", "usage")
    names = ("prompt_tokens", "completion_tokens")
    return {name: int(count) for name in names if (count := _number(usage.get(name))) is not None}


def _number(value: Json) -> float | None:
    counts = isinstance(value, int | float) and not isinstance(value, bool)
    return value if counts and math.isfinite(value) and value >= 0 else None


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())
