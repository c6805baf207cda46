"""One part of a run: which of its cases are played on this machine."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from replay.errors import BadInput
from replay.run import Case


@dataclass(frozen=True, slots=True)
class Shard:
    """Part `number` (from 1) of `count`: `case in shard`.

    A case's part is told by a hash of its suite and conversation alone: every machine agrees on it, adding a
    conversation moves no other, and all targets and attempts of a conversation are in one part, as a
    comparison needs them.
    """

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read `2/8`. Raises BadInput."""
        found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
        shard = cls(int(found[1]), int(found[2])) if found else cls(0, 0)
        if not 1 <= shard.number <= shard.count:
            raise BadInput(f'"{text}" is no shard; the second of eight is 2/8')
        return shard

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def __contains__(self, case: Case) -> bool:
        return self.holds(f"{case.suite}\0{case.conversation}")

    def holds(self, name: str) -> bool:
        """Tell whether what is called so belongs to this part."""
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.number - 1
