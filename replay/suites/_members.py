"""Which conversations a suite names, and what it says of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from replay.fixtures import Names, glob, is_glob
from replay.suites._terms import Entry, Terms


@dataclass(frozen=True, slots=True)
class Selection:
    """A place in a suite that names conversations, and the terms of a case; None under `conversations`."""

    pattern: str
    names: Names
    line: int
    terms: Terms | None = None


class Members:
    """The entries of a suite in the order in which it names them, each conversation once.

    They are made one by one, anew each time: a suite of 100,000 lines of a JSON Lines file holds none.
    """

    def __init__(self, shared: Terms, selections: Sequence[Selection]) -> None:
        self._shared, self._selections = shared, selections
        self._exact: dict[str, list[int]] = defaultdict(list)
        self._globs = []
        for number, selection in enumerate(selections):
            if is_glob(selection.pattern):
                self._globs.append((number, glob(selection.pattern)))
            else:
                self._exact[selection.pattern].append(number)
        self._made: dict[tuple[int, ...], tuple[Terms, int]] = {}

    def __iter__(self) -> Iterator[Entry]:
        for number, selection in enumerate(self._selections):
            for name in selection.names:
                about = self._about(name)
                if about[0] == number:
                    terms, place = self._whole(about)
                    yield terms.entry(name, self._selections[place].line)

    def kinds(self) -> Iterator[tuple[Terms, int]]:
        """Yield the terms that entries have, each once, with the selection that they are to be blamed on."""
        for selection in self._selections:
            for name in selection.names:
                about = self._about(name)
                if about not in self._made:
                    yield self._whole(about)

    def _about(self, name: str) -> tuple[int, ...]:
        """The selections that name a conversation."""
        wild = (number for number, fits in self._globs if fits.fullmatch(name))
        return tuple(sorted((*self._exact.get(name, ()), *wild)))

    def _whole(self, about: tuple[int, ...]) -> tuple[Terms, int]:
        if about not in self._made:
            terms, place = self._shared, about[0]
            for number in about:
                own = self._selections[number].terms
                if own is not None:
                    terms, place = terms.then(own), number
            self._made[about] = terms, place
        return self._made[about]
