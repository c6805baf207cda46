"""A suite with some of its cases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from replay import fixtures
from replay.conversation import Json, Object, user_turn_json
from replay.runner import Planned

# Said of each conversation by itself: so no other case is played, and files are read in that were named.
_CASE_ONLY = ("targets", "repeats", "user_turns")
_NOT_KEPT = (*_CASE_ONLY, "$schema", "conversations", "cases")


def reduced(data: Object, chosen: Sequence[Planned]) -> Object:
    """Return the data of a suite in which only the chosen cases are left, played and judged as before.

    Names and globs stay as they are where they name a chosen conversation: which terms hold of it hangs on
    their order.
    """
    by_name: dict[str, list[Planned]] = {}
    for planned in chosen:
        by_name.setdefault(planned.case.conversation, []).append(planned)
    shared = {key: value for key, value in data.items() if key not in _NOT_KEPT}
    patterns = [one for one in data.get("conversations") or () if _names(one, by_name)]
    cases = [_plain(case) for case in data.get("cases") or () if _names(case["conversation"], by_name)]
    for name, planned_of in by_name.items():
        own = next((case for case in cases if case["conversation"] == name), None)
        if own is None:
            own = {"conversation": name} | _turns(planned_of[0])
            cases.append(own)
        own |= _asked(planned_of)
    return shared | ({"conversations": patterns} if patterns else {}) | {"cases": cases}


def _plain(case: Object) -> Object:
    return {key: value for key, value in case.items() if key not in _CASE_ONLY}


def _names(pattern: Json, names: Iterable[str]) -> bool:
    if not fixtures.is_glob(pattern):
        return pattern in names
    fits = fixtures.glob(pattern)
    return any(map(fits.fullmatch, names))


def _turns(planned: Planned) -> Object:
    """A case added at the end says anew which turns are played: those of a case before it are not kept."""
    return {"turns": list(planned.entry.turns)} if planned.entry.turns else {}


def _asked(chosen: Sequence[Planned]) -> Object:
    repeats = max(planned.case.attempt for planned in chosen)
    said = chosen[0].entry.loop.user_turns
    return (
        {"targets": list(dict.fromkeys(planned.case.target for planned in chosen))}
        | ({"repeats": repeats} if repeats > 1 else {})
        | ({"user_turns": list(map(user_turn_json, said))} if said is not None else {})
    )
