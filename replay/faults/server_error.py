"""`server_error` or `server_error: 502`."""

from __future__ import annotations

from dataclasses import dataclass

from replay.faults._answer import Answer
from replay.faults._fault import Call, Instead


@dataclass(frozen=True)
class ServerError(Instead):
    """Status 500, or another from 500 to 599, with the wire's own error in its body."""

    status: int = 500

    def __post_init__(self) -> None:
        """Refuse a status that is no server's error."""
        super().__post_init__()
        if self.status not in range(500, 600):
            raise ValueError(f"status must be from 500 to 599, not {self.status!r}")

    def answer(self, call: Call) -> Answer:
        """Refuse, in the words of the wire."""
        return Answer.refused(call.refusals.of("server", self.status))
