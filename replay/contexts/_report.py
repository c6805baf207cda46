"""What a policy saves and what it breaks, turn by turn, against the whole history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from replay.assertions.token_budget import tokens
from replay.contexts._policies import Named
from replay.conversation import Object
from replay.limits import roughly
from replay.run import Result
from replay.turn import Turn
from replay.verdict import Verdict

_NOT_PLAYED = ("seam", "provider", "play")  # who says that a case could not be played to its end


@dataclass(frozen=True, slots=True)
class Step:
    """One turn under a policy: tokens of its prompt, of its summary, and what they save.

    `broken` are the verdicts that are bad here and were not with the whole history. A turn None is the
    conversation as a whole.
    """

    turn: int | None
    prompt_tokens: int = 0
    summary_tokens: int = 0
    saved: int = 0
    broken: tuple[Verdict, ...] = ()

    def to_json(self) -> Object:
        """Return a JSON object."""
        counts = {name: getattr(self, name) for name in ("turn", "prompt_tokens", "summary_tokens", "saved")}
        return counts | {"broken": [verdict.to_json() for verdict in self.broken]}


@dataclass(frozen=True, slots=True)
class Row:
    """A policy. `problem` says why it was not played to its end, "" where it was.

    `mended` counts the assertions that fail with the whole history and hold with this one.
    """

    policy: str
    target: str
    steps: tuple[Step, ...] = ()
    cost: float | None = None
    mended: int = 0
    problem: str = ""

    @property
    def prompt_tokens(self) -> int:
        """Of all turns."""
        return sum(step.prompt_tokens for step in self.steps)

    @property
    def summary_tokens(self) -> int:
        """Prompt and completion tokens of all summaries."""
        return sum(step.summary_tokens for step in self.steps)

    @property
    def saved(self) -> int:
        """Tokens that the whole history took more; below 0 where summaries took more than they saved."""
        return sum(step.saved for step in self.steps)

    @property
    def broken(self) -> int:
        """How many assertions."""
        return sum(len(step.broken) for step in self.steps)

    def to_json(self) -> Object:
        """Return a JSON object."""
        names = (
            "policy",
            "target",
            "prompt_tokens",
            "summary_tokens",
            "saved",
            "broken",
            "mended",
            "cost",
            "problem",
        )
        return {name: getattr(self, name) for name in names} | {
            "turns": [one.to_json() for one in self.steps]
        }


@dataclass(frozen=True, slots=True)
class Report:
    """All policies, the whole history first. `page` is the run's."""

    conversation: str
    target: str
    suite: str
    page: str
    rows: tuple[Row, ...] = field(default=())

    @property
    def full(self) -> Row:
        """The whole history."""
        return self.rows[0]

    @property
    def played(self) -> bool:
        """Whether every policy was played to its end."""
        return not any(row.problem for row in self.rows)

    def to_json(self) -> Object:
        """Return a JSON object."""
        about = {name: getattr(self, name) for name in ("conversation", "target", "suite", "page")}
        return about | {"policies": [row.to_json() for row in self.rows]}


def report(policies: Iterable[Named], results: Sequence[Result], about: tuple[str, str, str, str]) -> Report:
    """Compare each result with the first, which is that of the whole history."""
    rows = (_row(policy, result, results[0]) for policy, result in zip(policies, results, strict=True))
    return Report(*about, tuple(rows))


def _row(policy: Named, result: Result, full: Result) -> Row:
    bad, before = _bad(result), _bad(full)
    steps = tuple(_steps(result, full, [bad[key] for key in bad if key not in before]))
    played = not _problem(full)
    mended = sum(key not in bad for key in before) if played and not _problem(result) else 0
    return Row(policy.spec, result.case.target, steps, result.cost, mended, _problem(result))


def _bad(result: Result) -> dict[tuple[str, int | None], Verdict]:
    """What fails, by assertion and turn: how it fails may differ."""
    judged = (one for one in result.verdicts if one.bad and one.assertion not in _NOT_PLAYED)
    return {(one.assertion, one.turn): one for one in judged}


def _problem(result: Result) -> str:
    said = (one.message for one in result.verdicts if one.bad and one.assertion in _NOT_PLAYED)
    return next(said, "")


def _steps(result: Result, full: Result, broken: list[Verdict]) -> Iterator[Step]:
    turns, whole = result.transcript.turns, full.transcript.turns
    for number, turn in enumerate(turns, 1):
        prompt, summary = _prompt(turn), _summary(turn)
        before = _prompt(whole[number - 1]) if number <= len(whole) else prompt + summary
        here = tuple(one for one in broken if one.turn == number)
        yield Step(number, prompt, summary, before - prompt - summary, here)
    rest = tuple(one for one in broken if one.turn is None or one.turn > len(turns))
    if rest:
        yield Step(None, broken=rest)


def _prompt(turn: Turn) -> int:
    """Tokens of a prompt as the provider counted them, else by characters."""
    counted = tokens(turn, "prompt")
    return roughly(turn.request).prompt_tokens if counted is None else counted


def _summary(turn: Turn) -> int:
    usage = turn.context.get("usage", {})
    return sum(usage.get(name, 0) for name in ("prompt_tokens", "completion_tokens"))
