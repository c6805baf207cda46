"""What the page says about a run as a whole, and the one line it has for each case."""

from __future__ import annotations

import math
import shlex
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from replay.conversation import Json, Object
from replay.jsontext import inside, objects
from replay.verdict import Verdict

OUTCOMES = ("failed", "error", "passed", "skipped")  # worst first
SHORT = 200  # characters of a message that the list of cases shows
SHOWN = 5  # cases that a group of failures shows


@dataclass(frozen=True, slots=True)
class Row:
    """One case in the list. Times are milliseconds, `cost` is US dollars; None is not known.

    `identities` are the `(assertion, kind)` of its bad verdicts, each once; `message` is the first one's.
    `command` runs the case again. `times` is more than 1 where another suite had the same case before.
    """

    id: str
    outcome: str
    suite: str
    target: str
    tags: tuple[str, ...] = ()
    identities: tuple[tuple[str, str], ...] = ()
    message: str = ""
    tokens: int | None = None
    cost: float | None = None
    total_ms: float | None = None
    turns: int = 0
    command: str = ""
    times: int = 1

    @property
    def anchor(self) -> str:
        """The address of the case on the page."""
        return anchor(case=f"{self.id}~{self.times}" if self.times > 1 else self.id)


@dataclass(slots=True)
class Group:
    """The failures of one identity: how many cases, and the first of them with what each said."""

    assertion: str
    kind: str
    status: str
    cases: int = 0
    first: list[tuple[Row, str]] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        """The address of the list of these cases."""
        return anchor(identity=f"{self.assertion}/{self.kind}")


@dataclass(slots=True)
class Totals:
    """Sums over all cases. `unpriced` counts the cases without a cost; times are sorted milliseconds."""

    tokens: Counter[str] = field(default_factory=Counter)
    cost: float = 0.0
    unpriced: int = 0
    turns: int = 0
    total_ms: Sequence[float] = field(default_factory=lambda: array("d"))
    first_token_ms: Sequence[float] = field(default_factory=lambda: array("d"))


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a section is given. `counts` has every outcome, worst first; `faults` names lines left out."""

    name: str
    header: Object
    counts: dict[str, int]
    rows: Sequence[Row]
    groups: Sequence[Group]
    totals: Totals
    faults: Sequence[str] = ()


class Collector:
    """Takes results one by one, as the JSON of their lines, and keeps only what the summary needs."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.totals = Totals()
        self._seen: Counter[str] = Counter()
        self._groups: dict[tuple[str, str], Group] = {}
        self._times, self._first_times = array("d"), array("d")

    def add(self, data: Object) -> None:
        """Count one result."""
        turns = objects(data["transcript"]["turns"])
        bad = [verdict for verdict in map(_verdict, data["verdicts"]) if verdict.bad]
        self._seen[data["case"]["id"]] += 1
        row = _row(data, turns, bad, self._seen[data["case"]["id"]])
        self.rows.append(row)
        self._group(row, bad)
        self._total(row, turns)

    def summary(self, name: str, header: Object, faults: Iterable[str] = ()) -> RunSummary:
        """Return what was counted; groups with the most cases come first."""
        self.totals.total_ms, self.totals.first_token_ms = sorted(self._times), sorted(self._first_times)
        groups = sorted(self._groups.values(), key=lambda group: (OUTCOMES.index(group.status), -group.cases))
        found = Counter(row.outcome for row in self.rows)
        counts = {outcome: found[outcome] for outcome in OUTCOMES}
        return RunSummary(name, header, counts, self.rows, groups, self.totals, tuple(faults))

    def _group(self, row: Row, bad: Sequence[Verdict]) -> None:
        messages = {verdict.identity: verdict for verdict in reversed(bad)}
        for identity in row.identities:
            verdict = messages[identity]
            group = self._groups.setdefault(identity, Group(*identity, verdict.status))
            group.cases += 1
            if len(group.first) < SHOWN:
                group.first.append((row, short(verdict.message)))

    def _total(self, row: Row, turns: Sequence[Object]) -> None:
        totals = self.totals
        totals.turns += len(turns)
        totals.cost += row.cost or 0.0
        totals.unpriced += row.cost is None
        for turn in turns:
            totals.tokens.update(usage(turn))
            timing = inside(turn, "timing")
            self._times.extend(_known(timing.get("total_ms")))
            self._first_times.extend(_known(timing.get("first_token_ms")))


def usage(turn: Object) -> dict[str, int]:
    """A turn's token counts, without those that are no counts."""
    return {name: int(count) for name, count in inside(turn, "reply", "usage").items() if _known(count)}


def tokens(counts: dict[str, int]) -> int:
    """All tokens of one usage: the total, or prompt and completion where no total is given."""
    return counts.get("total_tokens") or counts.get("prompt_tokens", 0) + counts.get("completion_tokens", 0)


def command(suite: str, case_id: str) -> str:
    """Return what to type to run a case again; in double quotes where a shell leaves those alone."""
    node = f"{suite}::{case_id}"
    return f"pytest {shlex.quote(node)}" if set(node) & set('"$`\\!\n') else f'pytest "{node}"'


def anchor(**fields: str) -> str:
    """Return `#case=...`: an address on the page. A lone surrogate cannot stand in one and becomes U+FFFD."""
    pairs = (f"{name}={quote(value.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace'), safe='/')}"
             for name, value in fields.items())  # fmt: skip
    return "#" + "&".join(pairs)


def short(text: str, limit: int = SHORT) -> str:
    """Return one line of at most `limit` characters."""
    line = " ".join(text[: limit * 2].split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _row(data: Object, turns: Sequence[Object], bad: Sequence[Verdict], times: int) -> Row:
    case, files, target = data["case"], inside(data, "files"), inside(data, "transcript", "target")
    suite = str(case.get("suite") or "")
    counted = [tokens(found) for turn in turns if (found := usage(turn))]
    waited = [time for turn in turns for time in _known(inside(turn, "timing").get("total_ms"))]
    return Row(
        case["id"],
        outcome if (outcome := data.get("outcome")) in OUTCOMES else "error",
        suite,
        str(target.get("name") or ""),
        tuple(map(str, tags if isinstance(tags := case.get("tags"), list) else ())),
        tuple(dict.fromkeys(verdict.identity for verdict in bad)),
        short(bad[0].message) if bad else "",
        sum(counted) if counted else None,
        next(iter(_known(data.get("cost"))), None),
        sum(waited) if waited else None,
        len(turns),
        str(files.get("command") or command(str(files.get("suite") or f"suites/{suite}.yaml"), case["id"])),
        times,
    )


def _verdict(data: Json) -> Verdict:
    data = data if isinstance(data, dict) else {}
    assertion, kind, message = (str(data.get(name) or "") for name in ("assertion", "kind", "message"))
    status = data.get("status")
    return Verdict(assertion, status if status in OUTCOMES else "error", kind, message)


def _known(value: Json) -> tuple[float, ...]:
    """The value alone if it is a finite number, else nothing."""
    counts = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return (value,) if counts else ()
