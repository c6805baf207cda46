"""Decides which call goes out next. Plain data in and out, so that other processes may ask, too."""

from __future__ import annotations

import math
import threading
import time
from bisect import insort
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from replay.conversation import Object
from replay.errors import ProviderFailure, Shed
from replay.limits._budget import Budget
from replay.limits._estimate import Estimate, estimated_cost
from replay.limits._identity import lane
from replay.limits._rates import MINUTE, Rates
from replay.turn import Target

CONCURRENCY = 8  # calls at once to a target that sets no limit
QUEUE = 10_000  # calls that wait, where a target sets no limit
LONGEST_WAIT = 120.0  # seconds; a provider that asks for more is not waited for


class State(NamedTuple):
    """Calls under way and calls that wait, by target; US dollars and tokens spent."""

    running: Mapping[str, int] = {}
    waiting: Mapping[str, int] = {}
    cost: float = 0.0
    tokens: int = 0


@dataclass(order=True, slots=True)
class _Waiter:
    """One who waits; the least is the next."""

    place: tuple[int, int]
    target: str = field(compare=False)
    turn: threading.Condition = field(compare=False)
    tokens: int = field(compare=False)
    cost: float = field(compare=False)
    shed: bool = field(default=False, compare=False)


class _Lane:
    """The calls of one model at one account."""

    def __init__(self, limits: Object, minute: int) -> None:
        self.most = limits.get("concurrency") or CONCURRENCY
        self.queue = limits.get("queue") or QUEUE
        rated = limits.get("requests_per_minute") or limits.get("tokens_per_minute")
        self.rates = Rates(limits, minute) if rated else None
        self.running, self.closed_until = 0, -math.inf
        self.waiting: list[_Waiter] = []  # sorted

    def wait(self, tokens: int) -> float:
        """Seconds until it is to be asked again; 0.0 when a call may go, infinite until one comes back."""
        if self.running >= self.most:
            return math.inf
        closed = self.closed_until - time.monotonic()
        if closed > 0:
            return closed
        return self.rates.take(tokens) if self.rates else 0.0


class Desk:
    """Hands out the tickets of calls by the limits of targets and a budget; safe to use from threads.

    Targets that are one model at one account, with the same limits, share them. What waits for a model is
    ordered by priority; when more than `limits.queue` wait, the last of them is turned away.
    """

    def __init__(self, targets: Mapping[str, Target], budget: Budget, *, minute: int = MINUTE) -> None:
        self.budget = budget
        self._targets, self._minute = targets, minute
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._lanes: dict[str, _Lane] = {}
        self._tickets: dict[int, tuple[_Lane, _Waiter]] = {}
        self._all_back = threading.Condition(self._lock)
        self._closed = False

    def acquire(self, target: str, prompt_tokens: int, completion_tokens: int, priority: int = 0) -> int:
        """Wait until a call may be sent and return its ticket.

        Raises ProviderFailure when it may never be: the budget is spent, or too much waits.
        """
        guess = Estimate(prompt_tokens, completion_tokens)
        cost = estimated_cost(guess, self._targets[target])
        if cost is None and self.budget.max_cost is not None:
            raise ProviderFailure(f"not sent: --max-cost cannot be kept, no price is known for {target}")
        with self._lock:
            number, line = next(self._numbers), self._lane(self._targets[target])
            turn = threading.Condition(self._lock)
            me = _Waiter((-priority, number), target, turn, guess.total_tokens, cost or 0.0)
            self._join(line, me)
            try:
                self._wait(line, me)
            finally:
                if not me.shed:
                    line.waiting.remove(me)
                self._wake()
            line.running += 1
            self.budget.hold(me.cost, me.tokens)
            self._tickets[number] = line, me
            return number

    def release(
        self, ticket: int, tokens: int | None = None, cost: float | None = None, hold: float = 0.0
    ) -> None:
        """Give a ticket back with the tokens and US dollars that the call used.

        None where that is not known: then it is what was estimated. The target is left alone for `hold`
        seconds, as it asked, if that is no longer than LONGEST_WAIT. A ticket counts once.
        """
        with self._lock:
            line, me = self._tickets.pop(ticket, (None, None))
            if line is None or me is None:
                return
            used = me.tokens if tokens is None else tokens
            line.running -= 1
            if hold <= LONGEST_WAIT:
                line.closed_until = max(line.closed_until, time.monotonic() + hold)
            if line.rates:
                line.rates.answered(me.tokens, used)
            self.budget.hold(-me.cost, -me.tokens)
            self.budget.spend(me.cost if cost is None else cost, used)
            self._wake()
            if not self._tickets:
                self._all_back.notify_all()

    def close(self, patience: float) -> bool:
        """Let nothing more be sent, and wait so many seconds at most for what is; tell whether all came back.

        Who waits, or comes later, is told by a ProviderFailure.
        """
        with self._lock:
            self._closed = True
            self._wake()
            return self._all_back.wait_for(lambda: not self._tickets, patience)

    def state(self) -> State:
        """How many calls are under way and wait, and what is spent."""
        running, waiting = dict.fromkeys(self._targets, 0), dict.fromkeys(self._targets, 0)
        with self._lock:
            for _, me in self._tickets.values():
                running[me.target] += 1
            for line in self._lanes.values():
                for one in line.waiting:
                    waiting[one.target] += 1
            return State(running, waiting, self.budget.cost, self.budget.tokens)

    def _lane(self, target: Target) -> _Lane:
        name = lane(target)
        if name not in self._lanes:
            self._lanes[name] = _Lane(target.settings.get("limits") or {}, self._minute)
        return self._lanes[name]

    def _join(self, line: _Lane, me: _Waiter) -> None:
        """Take a place in the queue; when it is full, its last one is told."""
        insort(line.waiting, me)
        if len(line.waiting) > line.queue:
            last = line.waiting.pop()
            last.shed = True
            last.turn.notify()

    def _wait(self, line: _Lane, me: _Waiter) -> None:
        while True:
            if me.shed:
                raise Shed(f"not sent: shed, {line.queue} calls of {me.target} that are more important wait")
            wait = self._seconds(line, me) if line.waiting[0] is me else math.inf
            if not wait:
                return
            me.turn.wait(None if math.isinf(wait) else wait)

    def _seconds(self, line: _Lane, me: _Waiter) -> float:
        """Seconds until it is to be asked again; 0.0 when it may go. Raises ProviderFailure."""
        if self._closed:
            raise ProviderFailure("not sent: the run was interrupted")
        if refusal := self.budget.refusal(me.cost, me.tokens):
            raise ProviderFailure(refusal)
        if not self.budget.fits(me.cost, me.tokens):
            return math.inf  # what is in flight may need less than is held for it
        return line.wait(me.tokens)

    def _wake(self) -> None:
        """Let the first in each queue look again."""
        for line in self._lanes.values():
            if line.waiting:
                line.waiting[0].turn.notify()
