"""Requests on their way out: collected by target, until they fill a batch or no more come."""

from __future__ import annotations

from replay.conversation import Object
from replay.engines._files import Outgoing
from replay.providers._batches import Batches
from replay.runner import Planned

Posted = list[tuple[str, Outgoing]]  # with their targets


class Outbox:
    """`most` is how many requests a batch of a target may have, where that takes fewer than its API does."""

    def __init__(self) -> None:
        self.most: dict[str, int] = {}
        self._collected: dict[str, Outgoing] = {}
        self._full: Posted = []

    def __len__(self) -> int:
        """How many requests there are."""
        outgoing = [*self._collected.values(), *(out for _, out in self._full)]
        return sum(len(out.waiting) for out in outgoing)

    def holding(self, target: str, name: str) -> Outgoing | None:
        """Return what a request is collected in, None where it is not."""
        out = self._collected.get(target)
        return out if out and name in out.waiting else None

    def put(self, target: str, api: Batches, name: str, planned: Planned, body: Object) -> None:
        """Collect a request of a case. Raises StorageError."""
        entry, out = api.entry(name, body), self._collected.get(target)
        if out and not out.has_room(entry, self.most.get(target, api.most)):
            self._full.append((target, self._collected.pop(target)))
        if target not in self._collected:
            self._collected[target] = Outgoing(api)
        self._collected[target].add(name, planned, entry)

    def keep(self, target: str, out: Outgoing) -> None:
        """Take back what cannot be posted yet."""
        self._full.append((target, out))

    def full(self) -> Posted:
        """Give what fills a batch."""
        full, self._full = self._full, []
        return full

    def everything(self) -> Posted:
        """Give all there is."""
        self._full += self._collected.items()
        self._collected = {}
        return self.full()
