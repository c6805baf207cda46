"""`timeout` or `timeout: connect`."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from replay.cassette.interaction import Failure
from replay.faults._answer import Answer
from replay.faults._fault import Call, Instead
from replay.faults._scope import check_word

_KINDS = {"read": "ReadTimeout", "connect": "ConnectTimeout", "write": "WriteTimeout", "pool": "PoolTimeout"}


@dataclass(frozen=True)
class Timeout(Instead):
    """No answer comes within the client's timeout. `kind`: read, connect, write or pool."""

    kind: str = "read"

    def __post_init__(self) -> None:
        """Refuse a kind that there is not."""
        super().__post_init__()
        check_word("kind", self.kind, tuple(_KINDS))

    def answer(self, _: Call) -> Answer:
        """Say nothing."""
        if self.kind == "read":
            return Answer(200, wait=inf)
        return Answer(None, failure=Failure(_KINDS[self.kind], "timed out"))
