"""What a suite and its cases say, and how the two go together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from replay.assertions import Assertion
from replay.faults import Fault
from replay.loop import Loop
from replay.suites._loop import LoopTerms
from replay.turn import Play


@dataclass(frozen=True, slots=True)
class Entry:
    """One conversation of a suite: the targets it is played against, how, and what must hold.

    `turns` are the assistant turns that `every_turn` plays, counted from 1; none named are all of them.
    `loop` is how `to_completion` goes on and ends.
    `ignore` are the JSON paths left out of matching; `faults` go around the transport, the first outermost.
    `line` is where the suite names the conversation.
    """

    conversation: str
    targets: tuple[str, ...]
    play: Play = "next_turn"
    assertions: tuple[Assertion, ...] = ()
    repeats: int = 1
    tags: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    line: int = 0
    turns: tuple[int, ...] = ()
    loop: Loop = field(default_factory=Loop)


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite file: one entry for each distinct conversation, in the order in which they are named.

    `members` makes the entries one by one each time it is gone through; `entries` are all of them at once.
    `margins` are by assertion, how much lower the pass rate of a candidate may be in a comparison.
    """

    name: str
    path: Path
    members: Iterable[Entry]
    description: str = ""
    margins: dict[str, float] = field(default_factory=dict)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, held in memory."""
        return tuple(self.members)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a suite or a case says beside the conversations; None where it says nothing."""

    targets: tuple[str, ...] | None = None
    asserted: tuple[tuple[str, Assertion | None], ...] = ()
    play: Play | None = None
    repeats: int | None = None
    tags: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    turns: tuple[int, ...] = ()
    loop: LoopTerms = field(default_factory=LoopTerms)

    def then(self, case: Terms) -> Terms:
        """A case's terms on top of these: lists grow, everything else is replaced."""
        named = {name for name, _ in case.asserted}
        kept = tuple(pair for pair in self.asserted if pair[0] not in named)
        return Terms(
            self.targets if case.targets is None else case.targets,
            kept + case.asserted,
            case.play or self.play,
            case.repeats or self.repeats,
            tuple(dict.fromkeys(self.tags + case.tags)),
            tuple(dict.fromkeys(self.ignore + case.ignore)),
            self.faults + case.faults,
            case.turns,
            self.loop.then(case.loop),
        )

    def entry(self, conversation: str, line: int) -> Entry:
        """These terms for one conversation, with what holds where nothing is said."""
        judges = tuple(judge for _, judge in self.asserted if judge is not None)
        play, repeats = self.play or "next_turn", self.repeats or 1
        told = (self.tags, self.ignore, self.faults, line, self.turns, self.loop.loop())
        return Entry(conversation, self.targets or (), play, judges, repeats, *told)
