"""What to say when nothing matches: the nearest interaction, where it differs, and what to type."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from replay.cassette.interaction import Interaction, RecordedRequest
from replay.cassette.match import levelled
from replay.conversation import Json
from replay.diff import Difference, differences
from replay.jsontext import canonical

SHOWN = 3  # differences named in a message


def number(index: int) -> str:
    """Name an interaction by where it stands in its file."""
    return f"#{index + 1}"


def nearest(
    request: RecordedRequest, interactions: Sequence[Interaction], ignore: Iterable[str] = ()
) -> tuple[int, list[Difference]]:
    """Return the index of the most similar interaction and what differs, as paths of the body on the wire.

    `before` is what was recorded, `after` what was asked. Raises ValueError when there are no interactions.
    """
    return Nearest(interactions, ignore).find(request)


class Nearest:
    """Finds the nearest of many interactions, again and again: what misses once often misses everywhere."""

    def __init__(self, interactions: Sequence[Interaction], ignore: Iterable[str] = ()) -> None:
        self.interactions, self.ignore = interactions, tuple(ignore)
        self._with: dict[str, list[int]] = defaultdict(list)
        self._sizes: list[int] = []
        for index, interaction in enumerate(interactions):
            parts = set(_parts(levelled(interaction.request, self.ignore)))
            self._sizes.append(len(parts))
            for part in parts:
                self._with[part].append(index)

    def find(self, request: RecordedRequest) -> tuple[int, list[Difference]]:
        """As the function `nearest`."""
        if not self._sizes:
            raise ValueError("there is nothing to be near to")
        asked = levelled(request, self.ignore)
        parts = set(_parts(asked))
        common: Counter[int] = Counter()
        for part in parts:
            common.update(self._with.get(part, ()))
        shares = {index: count / (self._sizes[index] + len(parts) - count) for index, count in common.items()}
        best = min(shares, key=lambda index: (-shares[index], index), default=0)
        return best, _differences(levelled(self.interactions[best].request, self.ignore), asked)

    def describe(self, request: RecordedRequest, place: Callable[[int], str] = number) -> str:
        """Name the nearest interaction, by its `place`, and its first differences, on one line."""
        index, found = self.find(request)
        more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
        return f"closest is {place(index)}: " + "; ".join([*map(str, found[:SHOWN]), *more])


def _differences(recorded: dict[str, Json], asked: dict[str, Json]) -> list[Difference]:
    outer = differences({**recorded, "body": None}, {**asked, "body": None})
    return outer + differences(recorded["body"], asked["body"])


def _parts(levels: dict[str, Json]) -> Iterator[str]:
    """Cut a request into pieces that can be counted: fields at the top and the items of its lists."""
    yield f"method {levels['method']}"
    yield f"path {levels['path']}"
    body = levels["body"]
    for name, value in body.items() if isinstance(body, dict) else [("body", body)]:
        if isinstance(value, list):
            yield from (f"{name} {canonical(item)}" for item in value)
        else:
            yield f"{name} {canonical(value)}"
