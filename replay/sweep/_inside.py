"""An app in this process under the sweep: a function, called anew for each point."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from replay.cassette.cassette import Cassette
from replay.cassette.interaction import Interaction
from replay.cassette.network import Guard, blocked
from replay.cassette.patches import intercept
from replay.cassette.witness import Witness
from replay.faults import Faults
from replay.sweep._counts import calls, writes
from replay.sweep._judge import Outcome, is_typed
from replay.sweep._points import Point


@dataclass(eq=False)
class Inside:
    """One run: `cassette` answers, and nothing else does where it is only played.

    `raises` are the errors that say what went wrong; without any, `is_typed` tells. Afterwards `problem` is
    what the app raised, and `exchanges` what it was answered.
    """

    cassette: Cassette
    allow_hosts: Iterable[str] = ()
    raises: Sequence[type[BaseException]] = ()
    problem: BaseException | None = field(default=None, init=False)
    exchanges: list[Interaction] = field(default_factory=list, init=False)
    _faults: Faults = field(default_factory=lambda: Faults(()), init=False)

    def run(self, app: Callable[[], Any], point: Point | None, wrote: Counter[str]) -> Outcome:
        """Call the app (async or not) once, at a point or without a fault; `wrote` counts what it writes."""
        with ExitStack() as stack:
            guard = self._guarded(stack)
            witness = stack.enter_context(intercept(self.cassette, lambda seen: self._around(seen, point)))
            started = time.monotonic()
            result = self._result(app)
            seconds = time.monotonic() - started
        self.exchanges = witness.exchanges
        requests = [one.request for one in self.exchanges]
        places = dict.fromkeys(guard.tried if guard else ())
        return Outcome(
            result,
            self._error(),
            self.problem is None or self._is_typed(self.problem),
            Counter(wrote) + writes(requests),
            calls(requests),
            seconds,
            (*map(str, self.cassette.misses), *(f"the app tried to reach {place}" for place in places)),
            str(self._faults.problems[0]) if self._faults.problems else "",
            bool(self._faults.idle),
            self._faults.endless,
        )

    def _guarded(self, stack: ExitStack) -> Guard | None:
        stack.enter_context(self.cassette)
        return stack.enter_context(blocked(self.allow_hosts)) if self.cassette.mode == "none" else None

    def _around(self, witness: Witness, point: Point | None) -> Faults:
        self._faults = Faults([point.built()] if point else [], witness.correct)
        return self._faults

    def _result(self, app: Callable[[], Any]) -> Any:
        try:
            result = app()
            return asyncio.run(_awaited(result)) if inspect.isawaitable(result) else result
        except (Exception, SystemExit) as problem:  # noqa: BLE001 - whatever it is, it is judged
            self.problem = problem
            return None

    def _error(self) -> str:
        return "" if self.problem is None else f"{type(self.problem).__qualname__}: {self.problem}"

    def _is_typed(self, problem: BaseException) -> bool:
        return isinstance(problem, tuple(self.raises)) if self.raises else is_typed(problem)


async def _awaited(result: Any) -> Any:
    return await result
