"""What a suite or a case says of plays to completion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_args

from replay.conversation import Json, Message, Object, user_turn
from replay.documents import Check, Keys, number_fault
from replay.errors import nearest
from replay.fixtures import check_user_turns
from replay.loop import Caps, Loop, Unmatched

SHARED = ("unmatched", "caps", "allowed_tools", "grants")
UNMATCHED = get_args(Unmatched)
CAPS = tuple(one.name for one in fields(Caps))
_WHOLE = ("rounds", "tokens")


@dataclass(frozen=True, slots=True)
class LoopTerms:
    """What a suite or a case says; None where it says nothing. `caps` holds those that are given."""

    unmatched: Unmatched | None = None
    caps: Object = field(default_factory=dict)
    user_turns: tuple[Message, ...] | None = None
    allowed_tools: tuple[str, ...] | None = None
    grants: tuple[str, ...] = ()

    def then(self, case: LoopTerms) -> LoopTerms:
        """A case's terms on top of these: grants grow, caps are replaced one by one, all else as a whole."""
        return LoopTerms(
            case.unmatched or self.unmatched,
            self.caps | case.caps,
            self.user_turns if case.user_turns is None else case.user_turns,
            self.allowed_tools if case.allowed_tools is None else case.allowed_tools,
            tuple(dict.fromkeys(self.grants + case.grants)),
        )

    def loop(self) -> Loop:
        """These terms, with what holds where nothing is said."""
        caps = Caps(**self.caps)
        return Loop(self.unmatched or "fail", caps, self.user_turns, self.allowed_tools, self.grants)


def read_loop(check: Check, data: Object, keys: Keys, texts: Any, root: Path) -> LoopTerms:
    """Read the terms of a suite or of a case; `texts` reads a list of text."""
    allowed = texts(data, (*keys, "allowed_tools")) if "allowed_tools" in data else None
    said = tuple(_user_turns(check, data, keys, root)) if "user_turns" in data else None
    caps = dict(_caps(check, data.get("caps", {}), (*keys, "caps")))
    return LoopTerms(
        _unmatched(check, data, (*keys, "unmatched")), caps, said, allowed, texts(data, (*keys, "grants"))
    )


def _unmatched(check: Check, data: Object, keys: Keys) -> Unmatched | None:
    given: Any = data.get("unmatched")
    if "unmatched" in data and given not in UNMATCHED:
        check.refuse(keys, f'unmatched "{given}" is not known; {nearest(str(given), UNMATCHED)}')
        return None
    return given  # type: ignore[no-any-return]


def _caps(check: Check, given: Json, keys: Keys) -> Iterator[tuple[str, Json]]:
    if not check.mapping(given, keys, f"caps ({', '.join(CAPS)})"):
        return
    check.known(given, keys, CAPS, "caps")
    for name in CAPS:
        if name not in given:
            continue
        whole = name in _WHOLE
        problem = number_fault(given[name], whole=whole, least=1 if whole else 0)
        if problem or given[name] == 0:
            check.refuse((*keys, name), f"{name} {problem or 'must be more than 0'}")
        else:
            yield name, given[name]


def _user_turns(check: Check, data: Object, keys: Keys, root: Path) -> Iterator[Message]:
    """Yield what the user says in a case (a suite has none: it is said in one conversation)."""
    if len(keys) > 1:
        check_user_turns(check, data, keys, root)
        if not check.failed:
            yield from map(user_turn, data["user_turns"] or ())
