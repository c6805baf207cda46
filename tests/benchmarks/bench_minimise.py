"""Whether the minimiser finds what is known to be minimal, and what that takes.

python tests/benchmarks/bench_minimise.py [--runs N] [--error E]     N generated failures of each kind

A conversation of random turns, tools and params fails where some words, a property of a tool and a param are
there, all of them: what is minimal is known. `units` are the smallest things that can be left out of it, and
delta debugging may take as many as units² + 3·units tests (Zeller, Hildebrandt 2002, Proposition 12). The
column `ddmin` is what their algorithm takes in place of ours, level by level in the same order and with the
same last pass. A flaky failure shows itself with the chance given, and one time in twenty of that where it is
not: `lost` are results that do not fail so any more, `missed` those of which something could have been left
out. Both together may be at most the error.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory

from replay.config import Project
from replay.conversation import Conversation, Message, Tool, ToolCall
from replay.minimise import _search, minimise
from replay.minimise._shrink import shrink
from replay.minimise._units import SINGLE, neighbours
from replay.oracle import Answer, Failure, Probe, Remembered
from replay.suites import Entry
from replay.turn import Target

WORDS = (
    "the",
    "order",
    "of",
    "a",
    "refund",
    "is",
    "late",
    "and",
    "nobody",
    "says",
    "when",
    "it",
    "will",
    "come",
)
BACKGROUND = 0.05  # how often a flaky failure is seen where it should not be, as a part of its chance
CHANCES = (1.0, 0.6, 0.3)


@dataclass(frozen=True)
class Case:
    """A conversation, and what it takes to fail: words by message, a property of a tool, a param."""

    conversation: Conversation
    words: frozenset[str]
    tool: str
    param: str

    def fails(self, conversation):
        said = {word for message in conversation.messages for word in message.text.split()}
        properties = {
            (tool.name, name) for tool in conversation.tools for name in tool.parameters["properties"]
        }
        return (
            self.words <= said
            and (not self.tool or (self.tool, "needed") in properties)
            and (not self.param or self.param in conversation.params)
        )

    @property
    def smallest(self):
        """What is left of it: in each message its needed words, in each tool its needed property."""
        said = (tuple(w for w in one.text.split() if w in self.words) for one in self.conversation.messages)
        left = [words for words in said if words]
        tools = [(self.tool, ("needed",))] if self.tool else []
        return left, tools, {self.param} - {""}


def shape(conversation):
    """A conversation as `Case.smallest` says it."""
    said = [tuple(message.text.split()) for message in conversation.messages]
    tools = [(tool.name, tuple(tool.parameters["properties"])) for tool in conversation.tools]
    return said, tools, set(conversation.params)


def generated(seed):
    """A random conversation, and what it takes to fail: one to four words of the users', and maybe more."""
    dice = random.Random(seed)
    turns = dice.randint(2, 12)
    users = [sentence(dice) for _ in range(turns)]
    wanted = [f"needed{number}" for number in range(dice.randint(1, 4))]
    for word in wanted:
        place = dice.randrange(turns)
        users[place].insert(dice.randrange(len(users[place]) + 1), word)
    messages = [Message("system", " ".join(sentence(dice)) + ".")]
    for number, words in enumerate(users):
        messages.append(Message("user", " ".join(words)))
        if dice.random() < 0.4:
            call = ToolCall(f"c{number}", "tool0", '{"id": 1, "list": [1, 2]}')
            messages += [Message("assistant", None, (call,)), Message("tool", '{"a": 1}', (), call.id)]
        messages.append(Message("assistant", " ".join(sentence(dice))))
    tools = tuple(tool(f"tool{number}") for number in range(dice.randint(1, 5)))
    params = {"temperature": 0.5, "top_p": 0.9, "seed": 1, "stop": ["x", "y"]}
    conversation = Conversation("c", tuple(messages[:-1]), tools, params)
    return Case(
        conversation,
        frozenset(wanted),
        dice.choice(["", tools[-1].name]),
        dice.choice(["", "temperature", "seed"]),
    )


def sentence(dice):
    return [dice.choice(WORDS) for _ in range(dice.randint(3, 25))]


def tool(name):
    properties = {key: {"type": "string", "description": "What it is."} for key in ("id", "needed", "zip")}
    schema = {"type": "object", "properties": properties, "required": ["id", "needed"]}
    return Tool(name, f"Does what {name} does.", schema)


class Chance:
    """An oracle that fails with a chance where the case does; the same attempt is the same each time."""

    def __init__(self, case, chance, seed):
        self.case, self.chance, self.seed, self.once = case, chance, seed, chance == 1
        self.kept = {}

    def key(self, probe):
        return probe.key

    def ask(self, probe, attempts):
        fails = self.case.fails(probe.conversation)
        chance = self.chance if fails else self.chance * BACKGROUND * (not self.once)
        dice = (random.Random(f"{self.seed} {probe.key} {attempt}").random() for attempt in attempts)
        return [Answer((("x", "y", ""),)) if one < chance else Answer() for one in dice]

    def get(self, probe, attempt):
        return self.kept.get((probe, attempt))

    def put(self, probe, attempt, answer):
        self.kept[probe, attempt] = answer


def ddmin(units, fails):
    """Delta debugging as it was published: subsets, then complements, then smaller ones."""
    kept, parts = list(units), 2
    if not kept or fails([]):
        return []
    while len(kept) >= 2:
        size = -(-len(kept) // parts)
        subsets = [kept[place : place + size] for place in range(0, len(kept), size)]
        smaller = next((one for one in subsets if fails(one)), None)
        if smaller is not None:
            kept, parts = smaller, 2
            continue
        rests = ([one for one in kept if one not in subset] for subset in subsets)
        rest = next((one for one in rests if len(subsets) > 2 and fails(one)), None)
        if rest is not None:
            kept, parts = rest, max(parts - 1, 2)
        elif parts >= len(kept):
            break
        else:
            parts = min(2 * parts, len(kept))
    return kept


def searched(case, chance, seed, error, project, with_=shrink):
    _search.shrink = with_
    oracle = Chance(case, chance, seed)
    probe = Probe(case.conversation, Target("t", "openai", "m"), Entry("c", ("t",)))
    return minimise(probe, Remembered(oracle, oracle), Failure("x", "y"), project, error=error)


def units_of(conversation):
    document = conversation.to_json()
    return sum(len(level(document)) for level in SINGLE if level is not neighbours)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--error", type=float, default=0.05)
    given = parser.parse_args()
    head = ("chance", "runs", "minimal", "lost", "missed", "units", "tests", "ddmin", "bound", "probes")
    print("  ".join(f"{name:>8}" for name in head))
    with TemporaryDirectory() as folder:
        for chance in CHANCES:
            print(
                "  ".join(f"{figure:>8}" for figure in row(chance, given, Project(Path(folder)))), flush=True
            )


def row(chance, given, project):
    """One kind of failure: rates of what was found, medians of what it took."""
    cases = [generated(seed) for seed in range(given.runs)]
    found = [searched(case, chance, n, given.error, project) for n, case in zip(count(), cases)]
    pairs = list(zip(found, cases, strict=True))
    lost = mean(not case.fails(one.smallest.conversation) for one, case in pairs)
    minimal = mean(shape(one.smallest.conversation) == case.smallest for one, case in pairs)
    published = "" if chance < 1 else [searched(case, 1.0, 0, 0.05, project, ddmin).tests for case in cases]
    units = [units_of(case.conversation) for case in cases]
    return (
        chance,
        len(cases),
        f"{minimal:.1%}",
        f"{lost:.1%}",
        f"{abs(1 - minimal - lost):.1%}",
        round(median(units)),
        round(median(one.tests for one in found)),
        published and round(median(published)),
        round(median(size * size + 3 * size for size in units)),
        round(median(one.asked for one in found)),
    )


if __name__ == "__main__":
    main()
