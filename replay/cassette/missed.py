"""What to say of a request that no recording answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property

from replay.cassette.interaction import RecordedRequest
from replay.cassette.lookup import Lookup
from replay.cassette.nearest import Nearest, number


class Missed:
    """Tells why a look-up came to nothing; `place` names an interaction by its index."""

    def __init__(self, lookup: Lookup, ignore: Iterable[str], place: Callable[[int], str] = number) -> None:
        self._lookup, self._ignore, self._place = lookup, tuple(ignore), place

    def why(self, where: str, what: str, request: RecordedRequest, empty: str) -> list[str]:
        """Return the lines of the message: `where` has no answer to `what`; `empty` says what it is then.

        The request is redacted. Counts it as asked once more.
        """
        asked, recorded = self._lookup.missed(request)
        if recorded:
            return [f"{where}: {what} was asked too often (asked {asked}, recorded {recorded})"]
        if self._lookup.interactions:
            described = self._nearest.describe(request, self._place)
            return [f"{where}: no recorded interaction matches {what}", described]
        return [f"{where}: {empty} and cannot answer {what}"]

    @cached_property
    def _nearest(self) -> Nearest:
        return Nearest(self._lookup.interactions, self._ignore)
