"""How live cases go on: done, running and waiting by target, the rate, the cost, the time that is left."""

from __future__ import annotations

import sys
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from replay.limits import Admission, Gate, State
from replay.run import Result

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

T = TypeVar("T")

PATIENCE = 30  # seconds that calls under way have when a run is interrupted
RECENT = 100  # results that the rate is taken from


class Watched(Protocol):
    """Knows what is under way, as the gate of `replay.limits.gate` does."""

    def state(self) -> State:
        """How many calls are under way and wait, and what is spent."""


@dataclass(slots=True)
class _Target:
    """What has come of one target's cases."""

    total: int
    outcomes: Counter[str] = field(default_factory=Counter)
    times: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))

    def add(self, outcome: str, now: float) -> None:
        self.outcomes[outcome] += 1
        self.times.append(now)

    @property
    def done(self) -> int:
        return self.outcomes.total()

    def rate(self, now: float) -> float:
        """Cases a second, of late."""
        return (len(self.times) - 1) / max(now - self.times[0], 0.1) if self.times else 0.0

    @property
    def passed(self) -> str:
        judged = self.outcomes["passed"] + self.outcomes["failed"]
        bad = self.outcomes["error"]
        errors = f"{bad} error{'s' * (bad != 1)}" if bad else ""
        rate = f"{self.outcomes['passed'] / judged:.0%} passed" if judged else ""
        return ", ".join(filter(None, (rate, errors)))

    def left(self, now: float) -> float | None:
        """Seconds until the last one, None where that cannot be told."""
        rate = self.rate(now)
        return (self.total - self.done) / rate if rate else None


class Progress:
    """Shows how results come in, on stderr: a table on a terminal, else a line now and then.

    `totals` are the cases of each target, as far as they are known; `gate` tells what is under way and spent.
    `every` is the seconds between two lines.
    """

    def __init__(
        self,
        totals: Mapping[str, int],
        gate: Watched | None = None,
        *,
        console: Console | None = None,
        every: float = 30.0,
    ) -> None:
        self._targets = {name: _Target(total) for name, total in totals.items()}
        self._gate, self._console, self._every = gate, console, every
        self._cost = 0.0  # of results: what no gate has seen, too

    def over(self, results: Iterable[tuple[T, Result]]) -> Iterator[tuple[T, Result]]:
        """Pass results on while showing how they come. Who closes this closes them, too."""
        said = time.monotonic()
        with self._shown() as console, ExitStack() as stack:
            if close := getattr(results, "close", None):
                stack.callback(close)
            for one, result in results:
                self.add(result)
                if not console.is_terminal and time.monotonic() - said >= self._every:
                    said = time.monotonic()
                    console.print(self.line(), soft_wrap=True, highlight=False, markup=False)
                yield one, result

    def add(self, result: Result, now: float | None = None) -> None:
        """Count a result."""
        target = self._targets.setdefault(result.case.target, _Target(0))
        target.add(result.outcome, time.monotonic() if now is None else now)
        target.total = max(target.total, target.done)
        self._cost += result.cost or 0.0

    def line(self, now: float | None = None) -> str:
        """Return all of it as one line."""
        now = time.monotonic() if now is None else now
        state = self._state()
        targets = [f"{name} {', '.join(filter(None, row))}" for name, row in self._rows(state, now)]
        return "; ".join([*targets, *filter(None, self._all(state, now))])

    def _state(self) -> State:
        return self._gate.state() if self._gate else State()

    def _rows(self, state: State, now: float) -> Iterator[tuple[str, tuple[str, ...]]]:
        for name, target in list(self._targets.items()):  # a terminal is drawn from another thread
            running = state.running.get(name, 0)
            waiting, rate = target.total - target.done - running, target.rate(now)
            yield (
                name,
                (
                    f"{target.done}/{target.total} done",
                    f"{running} running" if running else "",
                    f"{waiting} waiting" if waiting > 0 else "",
                    f"{rate:.1f}/s" if rate and target.done < target.total else "",
                    target.passed,
                ),
            )

    def _all(self, state: State, now: float) -> tuple[str, str]:
        """What was spent, and the time that is left: that of the target that takes longest."""
        cost = max(state.cost, self._cost)
        open_ones = [target for target in list(self._targets.values()) if target.done < target.total]
        left = [target.left(now) for target in open_ones]
        known = [seconds for seconds in left if seconds is not None]
        sure = known and len(known) == len(left)
        return f"${cost:.4g} so far" if cost else "", f"{_duration(max(known))} left" if sure else ""

    @contextmanager
    def _shown(self) -> Iterator[Console]:
        from rich.console import Console
        from rich.live import Live

        console = self._console or Console(stderr=True)
        if not console.is_terminal:
            yield console
            return
        with Live(get_renderable=self._table, console=console, refresh_per_second=4, transient=True):
            yield console

    def _table(self) -> Table:
        from rich.table import Table

        now, state, table = time.monotonic(), self._state(), Table.grid(padding=(0, 2))
        for name, row in self._rows(state, now):
            table.add_row(name, *row)
        table.add_row("", *self._all(state, now))
        return table


def await_calls(gate: Gate | None) -> None:
    """Wait for the calls under way, and say so on stderr; nothing more is sent.

    They are paid for: their answers are kept, and not asked for again.
    """
    if isinstance(gate, Admission) and (running := sum(gate.state().running.values())):
        calls = f"{running} call{'s' * (running != 1)} under way"
        print(f"waiting for {calls}, {PATIENCE} s at most; Ctrl-C ends the wait", file=sys.stderr, flush=True)
        gate.close(PATIENCE)


def _duration(seconds: float) -> str:
    """A time as a person says it: 40 s, 12 min, 3 h 5 min."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
