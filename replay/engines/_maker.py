"""Makes batches, each of them once, whatever happens meanwhile."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import IO

from replay.engines._ledger import Batch, Ledger
from replay.engines._ways import Ways
from replay.providers._batches import Batches, Refused
from replay.turn import RETRYABLE


def is_passing(problem: Refused) -> bool:
    """Whether it may go well when it is tried again."""
    return problem.unclear or problem.error.kind in RETRYABLE


@dataclass(frozen=True)
class Maker:
    """Writes a batch down before it is made and after that."""

    ways: Ways
    ledger: Ledger

    def make(self, api: Batches, batch: Batch, file: IO[bytes]) -> None:
        """Make a batch, which is given its ids. Raises Refused, and StorageError before anything is sent."""
        self.ledger.keep(batch)
        try:
            batch.ids = self._made(api, batch, file)
        except Refused as problem:
            if not problem.unclear:
                self.ledger.drop(batch)
            raise
        self.ledger.keep(batch)

    def recover(self, api: Batches, batch: Batch) -> bool:
        """Find a batch that was being made when its process died; False where there is none.

        Raises Refused where the provider cannot be asked.
        """
        left = batch.began + self.ways.settle - time.time()
        if 0 < left <= self.ways.settle:
            self.ways.sleep(left)
        batch.ids = self._found(api, batch)
        if batch.ids:
            self.ledger.keep(batch)
        else:
            self.ledger.drop(batch)
        return bool(batch.ids)

    def _made(self, api: Batches, batch: Batch, file: IO[bytes]) -> list[str]:
        """Where it may have been made all the same, look before it is tried again."""
        for pause in self.ways.pauses:
            try:
                return [api.create(batch.tag, file)]
            except Refused as problem:
                if not is_passing(problem):
                    raise
                self.ways.sleep(pause)
                if problem.unclear and (found := self._found(api, batch)):
                    return found
        return [api.create(batch.tag, file)]

    def _found(self, api: Batches, batch: Batch) -> list[str]:
        return api.find(batch.tag, batch.began, len(batch.names))
