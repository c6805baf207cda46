"""`cut`, `cut: 3`, `cut: {after: 3, bytes: 12, end: closed}` or `cut: {inside: character}`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from replay.faults._answer import BROKEN_OFF, RESET, Answer, Chunk
from replay.faults._fault import Call, Spoils, middle
from replay.faults._scope import check_count, check_word

PLACES = ("chunk", "character", "token")
ENDS = {"clean": None, "closed": BROKEN_OFF, "reset": RESET}
_CHARACTER = re.compile(rb"[\xc2-\xf4][\x80-\xbf]")
_TOKEN = re.compile(rb'(?<=[:,\[{ ])(?:"(?:[^"\\]|\\.){2,}"|-?\d[\d.eE+-]+|true|false|null)')


@dataclass(frozen=True)
class Cut(Spoils):
    """The answer ends early: `after` so many chunks (half of them) and so many `bytes` of the next.

    `inside` looks for the place itself, in the chunks that follow: in the middle of a `chunk`, of a
    `character` of more than one byte, or of a JSON `token`. `end` is how: `clean`, as a whole answer would
    end (a gateway that lost its server does that), `closed` without the end that HTTP asks for, or `reset`.
    """

    after: int | None = None
    bytes: int = 0
    inside: str | None = None
    end: str = "clean"

    def __post_init__(self) -> None:
        """Refuse what counts nothing, and words that there are not."""
        super().__post_init__()
        check_count("after", self.after, least=0)
        check_count("bytes", self.bytes, least=0)
        check_word("end", self.end, tuple(ENDS))
        if self.inside is not None:
            check_word("inside", self.inside, PLACES)
            if self.bytes:
                raise ValueError("inside looks for the place itself; take bytes away")

    def spoil(self, call: Call, answer: Answer) -> Answer:
        """Keep what comes before the cut."""
        whole, more = self._place(call, answer)
        if whole == len(answer.chunks) and more:
            raise call.nothing(f"it has {whole} chunks; nothing follows the last")
        part = (Chunk(answer.chunks[whole].data[:more], answer.chunks[whole].at),) if more else ()
        return replace(answer, chunks=(*answer.chunks[:whole], *part), failure=ENDS[self.end])

    def _place(self, call: Call, answer: Answer) -> tuple[int, int]:
        """Return how many chunks come whole, and how many bytes of the next."""
        if self.inside is None:
            return middle(call, answer, self.after), self.bytes
        first = (0 if self.inside == "character" else middle(call, answer, None)) if self.after is None else 0
        for number in range(self.after or first, len(answer.chunks)):
            if within := _within(answer.chunks[number].data, self.inside):
                return number, within
        raise call.nothing(f"no {self.inside} to cut in")


def _within(data: bytes, inside: str) -> int:
    """Return where in a chunk there is such a place, 0 for nowhere."""
    if inside == "chunk":
        return len(data) // 2
    if inside == "character":
        found = _CHARACTER.search(data)
        return found.start() + 1 if found else 0
    found = max(_TOKEN.finditer(data), key=lambda match: len(match[0]), default=None)
    return sum(found.span()) // 2 if found else 0
