"""`auth` or `auth: 403`."""

from __future__ import annotations

from dataclasses import dataclass

from replay.faults._answer import Answer
from replay.faults._fault import Call, Instead


@dataclass(frozen=True)
class Auth(Instead):
    """The key is not valid (401), or may not do this (403)."""

    status: int = 401

    def __post_init__(self) -> None:
        """Refuse another status."""
        super().__post_init__()
        if self.status not in (401, 403):
            raise ValueError(f"status must be 401 or 403, not {self.status!r}")

    def answer(self, call: Call) -> Answer:
        """Refuse, in the words of the wire."""
        return Answer.refused(call.refusals.of("auth" if self.status == 401 else "forbidden"))
