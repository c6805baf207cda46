"""The whole search: level by level, and at the end everything that is left, one by one.

Large things first: G. Misherghi, Z. Su, HDD: Hierarchical Delta Debugging, ICSE 2006, 142.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from replay.conversation import Conversation, Object
from replay.minimise._cuts import without
from replay.minimise._legal import Legal
from replay.minimise._shrink import shrink
from replay.minimise._units import LARGE, PLAYED, SINGLE, TEXTS, Level, Unit, at_depth, depth
from replay.oracle import Decider, Ended, Probe
from replay.oracle._decide import LOOSE
from replay.player import states_of

Told = Callable[[str], None]


class Search:
    """Makes a probe smaller as long as it fails the same way.

    After `run`, `probe` is the smallest that was found and `minimal` tells whether nothing of it can be left
    out; `ended` says why not, where the search could not come to its end.
    """

    def __init__(self, probe: Probe, legal: Legal, decider: Decider, told: Told) -> None:
        self.probe, self.minimal, self.ended = probe, False, ""
        self._original, self._legal, self._decider, self._told = probe, legal, decider, told
        self._document: Object = {}

    def run(self) -> None:
        """Search to the end, or as long as there are answers."""
        try:
            self._to_one_turn()
            self._document = _marked(self.probe)
            for name, level in self._levels():
                self._reduce(level)
                self._told(f"{name}: {self._left()}")
            while self._last_pass():
                self._told(f"one by one: {self._left()}")
            self.minimal = True
        except Ended as why:
            self.ended = str(why)

    def _left(self) -> str:
        return f"{len(self._document['messages'])} messages left after {self._decider.tests} candidates"

    def _levels(self) -> Iterator[tuple[str, Level]]:
        yield from LARGE
        number = 0
        while (number := number + 1) <= depth(self._document):
            yield f"branches, depth {number}", at_depth(number)
        yield from TEXTS

    def _to_one_turn(self) -> None:
        """Ask only for the reply of the turn that fails, where that is enough."""
        entry = self.probe.entry
        if entry.play != "every_turn":
            return
        for number, state in enumerate(states_of(self.probe.conversation), 1):
            one = self.probe.of(self.probe.conversation.upto(len(state)), play="next_turn", turns=())
            if (not entry.turns or number in entry.turns) and self._decider.fails(one):
                self.probe = one
                self._legal = self._legal.of(one)
                return

    def _reduce(self, level: Level) -> None:
        units = level(self._document)
        document = self._document

        def fails(kept: Sequence[Unit]) -> bool:
            stay = set(kept)
            return self._takes(without(document, _cuts(one for one in units if one not in stay)), LOOSE)

        shrink(units, fails)

    def _last_pass(self) -> bool:
        """Leave out every unit once; tell whether any could go."""
        changed = False
        beta = self._decider.beta(sum(len(level(self._document)) for level in SINGLE))
        for level in SINGLE:
            place = 0
            while place < len(units := level(self._document)):
                if self._takes(without(self._document, units[place].cuts), beta):
                    changed = True
                else:
                    place += 1
        return changed

    def _takes(self, document: Object, beta: float) -> bool:
        """Take a smaller conversation, if it may be asked and fails the same way."""
        probe = self._probe(document)
        if document == self._document or probe is None or not self._decider.fails(probe, beta):
            return False
        self._document, self.probe = document, probe
        return True

    def _probe(self, document: Object) -> Probe | None:
        conversation, turns = _conversation(document, self.probe.conversation.name)
        if not self._legal(conversation) or (self.probe.entry.turns and not turns):
            return None
        return self.probe.of(conversation, turns=turns)


def _cuts(units: Iterable[Unit]) -> Iterator[tuple[str | int | tuple[int, int], ...]]:
    return (cut for unit in units for cut in unit.cuts)


def _marked(probe: Probe) -> Object:
    """Return a conversation's JSON; the turns that are played, where they are chosen, are marked in it."""
    document = probe.conversation.to_json()
    lengths = [len(state) for state in states_of(probe.conversation)]
    for number in probe.entry.turns:
        document["messages"][lengths[number - 1]][PLAYED] = True
    return document


def _conversation(document: Object, name: str) -> tuple[Conversation, tuple[int, ...]]:
    """Return the conversation of such JSON, and the turns that are played."""
    places = [place for place, one in enumerate(document["messages"]) if PLAYED in one]
    messages = [{k: v for k, v in one.items() if k != PLAYED} for one in document["messages"]]
    conversation = Conversation.from_json(name, document | {"messages": messages})
    lengths = [len(state) for state in states_of(conversation)]
    turns = tuple(lengths.index(place) + 1 for place in places if place in lengths)
    return conversation, turns
