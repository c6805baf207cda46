"""What a comparison is going to send, and what that is going to cost, before anything is paid for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from replay import fixtures, player, runs
from replay.compare._ask import Asked
from replay.compare._attempts import attempt_of
from replay.conversation import Object
from replay.fixtures.variants import as_asked
from replay.jsontext import inside
from replay.limits import Budget, Estimate, estimate, estimated_cost
from replay.report.numbers import plural
from replay.runner import Planned
from replay.turn import Request, Target

_COUNTED = {"tiktoken": "prompts by tiktoken", "characters": "prompts by their characters, four to a token"}
Done = Counter[tuple[str, str, str]]  # suite, conversation, target: attempts that have an answer


@dataclass(slots=True)
class Expected:
    """One target: cases and calls still to be made, their tokens, and US dollars (None without a price)."""

    cases: int = 0
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = 0.0

    def add(self, found: Estimate, target: Target, times: int) -> None:
        """Count a request that is sent so often."""
        self.calls += times
        self.prompt_tokens += times * found.prompt_tokens
        self.completion_tokens += times * found.completion_tokens
        cost = estimated_cost(found, target)
        self.cost = None if cost is None or self.cost is None else self.cost + times * cost


@dataclass(slots=True)
class Forecast:
    """By target. `counted` says how tokens were counted; `least` where there may be more calls than these.

    `spent` is what a run that is resumed has cost before, in US dollars and tokens. Nothing of what is
    `offline` is sent.
    """

    targets: dict[str, Expected] = field(default_factory=dict)
    counted: str = ""
    least: bool = False
    spent: tuple[float, int] = (0.0, 0)
    offline: bool = False

    @property
    def cases(self) -> dict[str, int]:
        """How many cases each target is going to be asked."""
        return {name: one.cases for name, one in self.targets.items()}

    @property
    def cost(self) -> float | None:
        """US dollars in all, None where a price is not known."""
        costs = [one.cost for one in self.targets.values()]
        return None if None in costs else sum(cost for cost in costs if cost is not None)

    @property
    def tokens(self) -> int:
        """Tokens in all."""
        return sum(one.prompt_tokens + one.completion_tokens for one in self.targets.values())

    def to_json(self) -> Object:
        """Return all of it."""
        targets = {name: asdict(one) for name, one in self.targets.items()}
        plain = {name: getattr(self, name) for name in ("counted", "least", "cost", "offline")}
        return {"targets": targets, "spent": list(self.spent), **plain}

    def text(self, budget: Budget) -> str:
        """Return one line for each target, and what the budget allows of it."""
        if not self.counted:
            return "every case has been asked already"
        if self.offline:
            cases = (f"{name}: {plural(count, 'case')}" for name, count in self.cases.items())
            return "\n".join([*cases, "nothing is sent: what is recorded is compared"])
        lines = [_line(name, one) for name, one in self.targets.items()]
        lines.append(f"tokens are estimated: {self.counted}; completions at their limit")
        if self.least:
            lines.append("cases may make more calls than these: tools are answered, or repeats are added")
        return "\n".join([*lines, *self._over(budget)])

    def _over(self, budget: Budget) -> Iterator[str]:
        """Say where the budget ends before the comparison does."""
        rest = "when it is spent, what comes last is not asked"
        if budget.max_cost is not None and budget.cost + (self.cost or 0.0) > budget.max_cost:
            spent = f" (${budget.cost:.4g} of it spent before)" if budget.cost else ""
            yield f"more than --max-cost {budget.max_cost:g}{spent}: {rest}"
        if budget.max_tokens is not None and budget.tokens + self.tokens > budget.max_tokens:
            spent = f" ({budget.tokens:,} of it spent before)" if budget.tokens else ""
            yield f"more than --max-tokens {budget.max_tokens:,}{spent}: {rest}"


def forecast(whole: Asked, run: Path | None) -> Forecast:
    """Estimate what is still to be asked, in one pass over the conversations; `run` is one to be resumed."""
    found = Forecast({name: Expected() for name in whole.question.targets})
    done = _done(run, found) if run else Counter()
    for planned in whole.cases.attempt(1):
        case = planned.case
        times = whole.question.repeats - done[case.suite, case.conversation, case.target]
        if times > 0:
            _add(found, planned, whole, times)
    found.least = found.least or whole.question.until
    return found


def _add(found: Forecast, planned: Planned, whole: Asked, times: int) -> None:
    target = whole.project.target(planned.case.target)
    expected = found.targets[target.name]
    expected.cases += times
    found.least = found.least or planned.entry.play == "to_completion"
    for request in _requests(planned, target, whole):
        one = estimate(request)
        found.counted = _COUNTED[one.by]
        expected.add(one, target, times)


def _requests(planned: Planned, target: Target, whole: Asked) -> Iterator[Request]:
    """Yield what a case sends as far as it is known before it is answered."""
    conversation = fixtures.load(planned.fixture, whole.project)
    conversation = as_asked(conversation, target, whole.project)
    states = [conversation.messages]
    if planned.entry.play == "every_turn":
        chosen = planned.entry.turns
        numbered = enumerate(player.states_of(conversation), 1)
        states = [state for number, state in numbered if not chosen or number in chosen]
    return (player.request_for(conversation, target, state) for state in states)


def _done(run: Path, found: Forecast) -> Done:
    """Count the attempts of a run that need not be made again, and what all have cost."""
    done: Done = Counter()
    for line in runs.scan(run)[1]:
        amounts = attempt_of(line.data).amounts
        tokens = amounts.get("prompt_tokens", 0.0) + amounts.get("completion_tokens", 0.0)
        found.spent = found.spent[0] + amounts.get("cost", 0.0), found.spent[1] + int(tokens)
        if line.outcome != "error":
            conversation, target = (inside(line.data, "transcript", it) for it in ("conversation", "target"))
            done[line.key[0], str(conversation.get("name")), str(target.get("name"))] += 1
    return done


def _line(name: str, one: Expected) -> str:
    cost = "no price" if one.cost is None else f"${one.cost:.4f}"
    tokens = f"{one.prompt_tokens:,} prompt + {one.completion_tokens:,} completion tokens"
    return f"{name}: {plural(one.cases, 'case')}, {plural(one.calls, 'call')}, {tokens}, {cost}"
