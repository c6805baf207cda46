"""The cheapest way to record what is stale: few commands, each with what it will take."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from re import fullmatch

from replay.conversation import Object
from replay.report.summary import command

FEW = 4  # conversations that a command names; of more it runs the whole suite, which costs no call more


@dataclass(frozen=True, slots=True)
class Call:
    """One request that has to be sent, with what its recording (or the nearest) took; None is not known."""

    key: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one case of a suite's file has to record, and into which cassette."""

    case: str
    conversation: str
    suite: str
    cassette: str
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """What to type, and what it will take: calls, their tokens and US dollars as far as they are known.

    `unknown` calls have no recorded usage, `unpriced` no price.
    """

    text: str
    cases: tuple[str, ...]
    calls: tuple[Call, ...] = field(repr=False)

    @property
    def tokens(self) -> tuple[int, int]:
        """Prompt and completion tokens."""
        prompts = sum(call.prompt_tokens or 0 for call in self.calls)
        return prompts, sum(call.completion_tokens or 0 for call in self.calls)

    @property
    def cost(self) -> float:
        """US dollars."""
        return sum(call.cost or 0.0 for call in self.calls)

    @property
    def unknown(self) -> int:
        """Calls without a known usage."""
        return sum(call.prompt_tokens is None for call in self.calls)

    @property
    def unpriced(self) -> int:
        """Calls without a known cost."""
        return sum(call.cost is None for call in self.calls)

    def to_json(self) -> Object:
        """Return all figures."""
        prompt, completion = self.tokens
        return {
            "command": self.text,
            "cases": list(self.cases),
            "calls": len(self.calls),
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "cost": self.cost,
            "unknown": self.unknown,
            "unpriced": self.unpriced,
        }


def commands_for(wanted: Iterable[Wanted]) -> list[Command]:
    """Return the commands that record everything, the cheapest first.

    A call that several suites make of one cassette is recorded once: the suites are chosen greedily, each for
    the most calls that are not covered yet (V. Chvátal, Mathematics of Operations Research 4 (1979) 233).
    """
    suites: dict[str, list[Wanted]] = {}
    for one in wanted:
        suites.setdefault(one.suite, []).append(one)
    open_calls = {place for held in suites.values() for place in _places(held)}
    commands = []
    while open_calls:
        suite = max(sorted(suites), key=lambda name: len(open_calls & _places(suites[name])))
        commands.append(_command(suite, suites.pop(suite), open_calls))
        open_calls -= {(one, call.key) for one, call in commands[-1][1]}
    found = [made for made, _ in commands]
    return sorted(
        found, key=lambda one: (one.unpriced > 0, one.cost, sum(one.tokens), len(one.calls), one.text)
    )


def _places(held: Iterable[Wanted]) -> set[tuple[str, str]]:
    return {(one.cassette, call.key) for one in held for call in one.calls}


def _command(
    suite: str, held: Sequence[Wanted], open_calls: set[tuple[str, str]]
) -> tuple[Command, list[tuple[str, Call]]]:
    needed = [one for one in held if _places([one]) & open_calls]
    calls = [
        (one.cassette, call) for one in needed for call in one.calls if (one.cassette, call.key) in open_calls
    ]
    text = f"{_selection(suite, needed)} --record-mode=new_episodes"
    return Command(text, tuple(one.case for one in needed), tuple(call for _, call in calls)), calls


def _selection(suite: str, needed: Sequence[Wanted]) -> str:
    if len(needed) == 1:
        return command(suite, needed[0].case)
    names = list(dict.fromkeys(one.conversation for one in needed))
    plain = all(fullmatch(r"[\w/.-]+", name) and name not in ("and", "or", "not") for name in names)
    chosen = f' -k "{" or ".join(names)}"' if plain and len(names) <= FEW else ""
    return f"pytest {shlex.quote(suite)}{chosen}"
