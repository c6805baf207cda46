"""Which recorded interaction answers a request: the first one with the same key that was not played yet.

One dictionary look-up whatever the cassette's size. Most requests are byte for byte those recorded, so their
bytes are tried first and keys are worked out only when that fails.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence

from replay.cassette.interaction import Interaction, RecordedRequest
from replay.cassette.match import raw_key


class Lookup:
    """The recorded interactions and which of them were played. Not thread-safe by itself.

    `key` tells which requests are the same. It is asked for live and for recorded requests alike, so it may
    redact them, if redacting twice is the same as redacting once.
    """

    def __init__(self, interactions: Sequence[Interaction], key: Callable[[RecordedRequest], str]) -> None:
        self.interactions = interactions
        self.played: list[int] = []  # in the order of play
        self._key = key
        self._done: set[int] = set()
        self._by_bytes = _queues(raw_key(one.request) for one in interactions)
        self._by_key: dict[Hashable, deque[int]] | None = None
        self._recorded: Counter[Hashable] = Counter()
        self._asked: Counter[str] = Counter()

    def skip(self, indexes: Iterable[int]) -> None:
        """Let these answer nothing."""
        self._done.update(indexes)

    def take(self, request: RecordedRequest) -> int | None:
        """Return the index of the interaction that answers, and count it as played; None on a miss."""
        index = self.peek(request)
        if index is not None:
            self.played.append(index)
            self._done.add(index)
        return index

    def peek(self, request: RecordedRequest) -> int | None:
        """Return the index of the interaction that would answer."""
        index = self._first(self._by_bytes.get(raw_key(request)))
        return self._first(self._keyed().get(self._key(request))) if index is None else index

    def missed(self, request: RecordedRequest) -> tuple[int, int]:
        """Count a miss. Returns how often this request was asked for and how often it is recorded."""
        name = self._key(request)
        self._asked[name] += 1
        self._keyed()
        return self._recorded[name] + self._asked[name], self._recorded[name]

    @property
    def unplayed(self) -> tuple[int, ...]:
        """The indexes of what no request has asked for."""
        return tuple(index for index in range(len(self.interactions)) if index not in self._done)

    def _keyed(self) -> dict[Hashable, deque[int]]:
        if self._by_key is None:
            keys = [self._key(one.request) for one in self.interactions]
            self._by_key, self._recorded = _queues(keys), Counter(keys)
        return self._by_key

    def _first(self, queue: deque[int] | None) -> int | None:
        while queue and queue[0] in self._done:
            queue.popleft()
        return queue[0] if queue else None


def _queues(keys: Iterable[Hashable]) -> dict[Hashable, deque[int]]:
    queues: dict[Hashable, deque[int]] = defaultdict(deque)
    for index, name in enumerate(keys):
        queues[name].append(index)
    return dict(queues)
