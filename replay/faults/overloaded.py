"""`overloaded`."""

from __future__ import annotations

from dataclasses import dataclass

from replay.faults._answer import Answer
from replay.faults._fault import Call, Instead


@dataclass(frozen=True)
class Overloaded(Instead):
    """The service says that it is overloaded: status 503, or 529 at Anthropic."""

    def answer(self, call: Call) -> Answer:
        """Refuse, in the words of the wire."""
        return Answer.refused(call.refusals.of("overloaded"))
