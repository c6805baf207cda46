"""Where an answer can be cut: between all chunks, and inside them at places that are likely to hurt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

from replay.faults._answer import Chunk

# What a cut goes through, by kind: each match has cuts between its first and its last byte.
_KINDS = (
    re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"),  # a character
    re.compile(rb'\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt])'),  # an escape
    re.compile(rb"(?<=[:,\[ ])-?\d[\d.eE+-]+(?=[,}\] ])|true|false|null"),  # a number or a word
    re.compile(rb'"(?:[^"\\]|\\.)+"'),  # a string
    re.compile(rb"^(?:data|event): ?|\r?\n\r?\n$|\[DONE\]", re.MULTILINE),  # what frames an event
)
Cut = tuple[int, int]  # chunks that come whole, bytes of the next


class Cuts:
    """The places of an answer's cuts; at most `most` are inside chunks, spread over kinds and over chunks."""

    def __init__(self, chunks: Sequence[Chunk], most: int) -> None:
        self._chunks, self._most = chunks, most

    @property
    def all(self) -> list[Cut]:
        """Every cut between chunks, and those inside, in order."""
        return sorted([*((after, 0) for after in range(len(self._chunks))), *self.inside])

    @cached_property
    def inside(self) -> list[Cut]:
        """The cuts inside chunks: all of them where there are no more than asked for."""
        every = sum(max(len(chunk.data) - 1, 0) for chunk in self._chunks)
        if every <= self._most:
            return [(n, at) for n, chunk in enumerate(self._chunks) for at in range(1, len(chunk.data))]
        found = dict.fromkeys(
            cut for kind in _KINDS for cut in _spread(self._through(kind), self._most // len(_KINDS))
        )
        left = [cut for kind in _KINDS for cut in self._through(kind) if cut not in found]
        return sorted([*found, *_spread(list(dict.fromkeys(left)), self._most - len(found))])

    def _through(self, kind: re.Pattern[bytes]) -> list[Cut]:
        """Return a cut through the middle of each thing of a kind."""
        return [
            (number, (found.start() + found.end()) // 2)
            for number, chunk in enumerate(self._chunks)
            for found in kind.finditer(chunk.data)
            if found.start() < (found.start() + found.end()) // 2 < len(chunk.data)
        ]


def _spread(cuts: list[Cut], most: int) -> list[Cut]:
    """Return at most so many, evenly spread, the first and the last among them."""
    if len(cuts) <= most or most < 2:
        return cuts[: max(most, 0)]
    return [cuts[round(n * (len(cuts) - 1) / (most - 1))] for n in range(most)]
