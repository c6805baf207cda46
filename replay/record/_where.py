"""`--where`: which exchanges are taken. `model=gpt-4*`, `status>=400`, `tokens<5000`, `text~refund`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from replay.errors import BadInput, Fault, nearest
from replay.fixtures import glob
from replay.record._facts import Facts
from replay.record._features import total_tokens

Value = str | float | None
Test = Callable[[Value], bool]

_TERM = re.compile(r"\s*([A-Za-z_ -]*?)\s*(<=|>=|!=|=|<|>|~)(.*)", re.DOTALL)
_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def _texts(facts: Facts) -> Iterator[str]:
    yield from (message.text for message in facts.request.messages)
    yield from (reply.message.text for reply in (facts.reply.choices() if facts.reply else ()))


def _finish_reasons(facts: Facts) -> Iterator[Value]:
    for reply in facts.reply.choices() if facts.reply else ():
        yield from {reply.finish_reason, reply.native_finish_reason}


def _tools(facts: Facts) -> Iterator[Value]:
    for reply in facts.reply.choices() if facts.reply else ():
        yield from (call.name for call in reply.message.tool_calls)


# What a field of each name holds: words, which are compared as globs, or numbers.
WORDS: dict[str, Callable[[Facts], Iterable[Value]]] = {
    "model": lambda facts: [facts.call.model],
    "provider": lambda facts: [facts.call.provider],
    "tag": lambda facts: facts.logged.tags,
    "finish_reason": _finish_reasons,
    "tool": _tools,
    "error": lambda facts: [facts.error.kind if facts.error else None],
    "text": lambda facts: ["\n".join(_texts(facts))],
}
NUMBERS: dict[str, Callable[[Facts], Iterable[Value]]] = {
    "status": lambda facts: [facts.logged.status],
    "tokens": lambda facts: [total_tokens(facts)],
    "messages": lambda facts: [len(facts.request.messages)],
    "time": lambda facts: [facts.moment],
}


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition: some value of a field passes the test. With `negated`, none does."""

    values: Callable[[Facts], Iterable[Value]]
    test: Test
    negated: bool = False

    def __call__(self, facts: Facts) -> bool:
        return any(value is not None and self.test(value) for value in self.values(facts)) != self.negated


def filters(terms: Iterable[str]) -> list[Filter]:
    """Read conditions. Raises BadInput with what is wrong with each, and where in it."""
    found, faults = [], []
    for term in terms:
        try:
            found.append(_filter(term))
        except _Wrong as wrong:
            faults.append(Fault(f'--where "{term}"', 0, 0, f"character {wrong.at + 1}: {wrong}"))
    if faults:
        raise BadInput(faults)
    return found


class _Wrong(Exception):
    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.at = at


def _filter(term: str) -> Filter:
    parts = _TERM.fullmatch(term)
    if parts is None:
        raise _Wrong(0, "expected a field, one of = != < <= > >= ~, and a value: model=gpt-4*")
    (name, sign, value), fields = parts.groups(), WORDS | NUMBERS
    if name not in fields:
        raise _Wrong(parts.start(1), f'no field is called "{name}"; {nearest(name, fields)}')
    make = _words if name in WORDS else _numbers
    return Filter(fields[name], make(name, sign, value.strip(), parts), sign == "!=")


def _words(name: str, sign: str, value: str, parts: re.Match[str]) -> Test:
    if sign in _ORDER:
        raise _Wrong(parts.start(2), f"{name} has no order; use =, != or ~")
    if not value:
        raise _Wrong(parts.start(3), "expected a value")
    if sign == "~":
        found = _pattern(value, parts)
    elif name == "text":
        found = re.compile(re.escape(value), re.IGNORECASE)
    else:
        whole = glob(value.replace("*", "**"))
        return lambda word: isinstance(word, str) and whole.fullmatch(word) is not None
    return lambda word: isinstance(word, str) and found.search(word) is not None


def _pattern(value: str, parts: re.Match[str]) -> re.Pattern[str]:
    try:
        return re.compile(value)
    except re.error as problem:
        raise _Wrong(parts.start(3) + (problem.pos or 0), f"no regular expression: {problem.msg}") from None


def _numbers(name: str, sign: str, value: str, parts: re.Match[str]) -> Test:
    if sign == "~":
        raise _Wrong(parts.start(2), f"{name} is a number; use = != < <= > >=")
    compare, wanted = _ORDER.get(sign, operator.eq), _number(name, value, parts)
    return lambda number: isinstance(number, int | float) and bool(compare(number, wanted))


def _number(name: str, value: str, parts: re.Match[str]) -> float:
    try:
        return _seconds(value) if name == "time" else float(value)
    except ValueError:
        wanted = "a date (2026-03-01 or 2026-03-01T10:00:00Z)" if name == "time" else "a number"
        raise _Wrong(parts.start(3), f'{name} is compared with {wanted}, not "{value}"') from None


def _seconds(date: str) -> float:
    moment = datetime.fromisoformat(date)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
