"""The calls that came against the calls that were wanted, in one of five orders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from replay.assertions._found import Found
from replay.assertions._matching import best_pairs, in_order
from replay.assertions._wanted import Called, Wanted, all_json

ORDERS = ("exact", "in_order", "any_order", "subset", "superset")
Numbered = tuple[int | None, Found]  # a finding and the turn it is in


def in_sequence(
    wanted: Sequence[Wanted], turns: Sequence[Sequence[Called]], order: str
) -> Iterator[Numbered]:
    """Yield what is wrong with the calls of these turns. Raises TimeLimit."""
    called = [call for calls in turns for call in calls]
    fits = [[rule.fits(call) for call in called] for rule in wanted]
    pairs = best_pairs(fits)
    missing = [rule for row, rule in enumerate(wanted) if row not in pairs]
    extra = [call for column, call in enumerate(called) if column not in pairs.values()]
    alike = _alike(missing, extra)
    found: list[Numbered] = [
        (extra[column].number, missing[row].wrong(extra[column])) for row, column in alike.items()
    ]
    if order != "subset":
        lacking = [rule for row, rule in enumerate(missing) if row not in alike]
        found += [(None, _missing(rule, called)) for rule in lacking]
    if order not in ("in_order", "superset"):
        surplus = [call for column, call in enumerate(extra) if column not in alike.values()]
        found += [(call.number, _unexpected(call)) for call in surplus]
    yield from found
    ordered = order in ("exact", "in_order") and not found
    if ordered and not in_order(fits, [len(calls) for calls in turns], whole=order == "exact"):
        yield None, _order(wanted, called)


def _alike(missing: Sequence[Wanted], extra: Sequence[Called]) -> dict[int, int]:
    """Pair what is left over on both sides under one name, the nearest arguments first."""
    pairs: dict[int, int] = {}
    candidates = sorted(
        (len(rule.differences(call)), row, column)
        for row, rule in enumerate(missing)
        for column, call in enumerate(extra)
        if rule.name == call.name
    )
    for _, row, column in candidates:
        if row not in pairs and column not in pairs.values():
            pairs[row] = column
    return pairs


def _missing(rule: Wanted, called: Sequence[Called]) -> Found:
    came = f"the calls were {_names(called)}" if called else "no tool was called"
    return Found("missing", f"expected a call of {rule}, {came}", rule.to_json(), all_json(called))


def _unexpected(call: Called) -> Found:
    return Found("unexpected", f"{call} was called and is not expected", None, call.to_json())


def _order(wanted: Sequence[Wanted], called: Sequence[Called]) -> Found:
    message = f"expected {_names(wanted)} in this order, came {_names(called)}"
    return Found("order", message, [rule.to_json() for rule in wanted], all_json(called))


def _names(calls: Sequence[Wanted | Called]) -> str:
    return ", ".join(str(call) for call in calls)
