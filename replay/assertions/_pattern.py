r"""What arguments are compared with: JSON, in which a mapping of `$words` says less than one exact value.

    {$any_of: [a, b]}   one of these          {$regex: "^A-\\d+$"}   text in which this is found
    {$type: string}     a JSON type           {$like: New York}      text, but for case, spaces, punctuation
    {$any: true}        anything              {$near: [0.5, 0.01]}   a number, give or take
    {$optional: a}      may be left out       {$absent: true}        must be left out
    {$partial: {...}}   may have more keys    {$exact: {...}}        may not
    {$each: a}          each item of a list   {$literal: {...}}      this very value, `$words` and all

Several words in one mapping must all hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from replay import regexes
from replay.assertions._arguments import check_choice, check_number
from replay.conversation import Json
from replay.diff import Difference, path_text
from replay.errors import nearest
from replay.jsontext import same

Steps = tuple[str | int, ...]
MISSING = object()


def _number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


TYPES: dict[str, Callable[[Json], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: _number(value) and float(value).is_integer(),
    "number": _number,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}


def _plain(text: str) -> str:
    return re.sub(r"[\s.,;:!?'\"()/_*^-]+", "", text).casefold()


def mismatches(wanted: Json, value: Json, *, partial: bool = False, path: Steps = ()) -> Iterator[Difference]:
    """Yield where a value is not what is wanted; `before` is wanted, `after` came. Raises TimeLimit."""
    if is_words(wanted):
        for word, operand in wanted.items():
            yield from WORDS[word](operand, value, partial, path)
    elif value is MISSING:
        yield Difference(path_text(path), "removed", wanted)
    elif isinstance(wanted, dict) and isinstance(value, dict):
        yield from _mapping(wanted, value, partial, path)
    elif isinstance(wanted, list) and isinstance(value, list) and len(wanted) == len(value):
        for index, (item, came) in enumerate(zip(wanted, value, strict=True)):
            yield from mismatches(item, came, partial=partial, path=(*path, index))
    elif not same(wanted, value):
        yield _differs(path, wanted, value)


def _mapping(wanted: Json, value: Json, partial: bool, path: Steps) -> Iterator[Difference]:
    for key, item in wanted.items():
        yield from mismatches(item, value.get(key, MISSING), partial=partial, path=(*path, key))
    if not partial:
        for key in value:
            if key not in wanted:
                yield Difference(path_text((*path, key)), "added", None, value[key])


def _differs(path: Steps, wanted: Json, value: Json) -> Difference:
    place = path_text(path) or "arguments"
    if value is MISSING:
        return Difference(place, "removed", wanted)
    return Difference(place, "changed", wanted, value)


def is_words(wanted: Json) -> bool:
    """Tell whether a mapping holds `$words`."""
    return isinstance(wanted, dict) and any(isinstance(key, str) and key.startswith("$") for key in wanted)


def _test(holds: Callable[[Json, Json], bool], word: str) -> Callable[..., Iterator[Difference]]:
    def word_of(operand: Json, value: Json, _: bool, path: Steps) -> Iterator[Difference]:
        if value is MISSING or not holds(operand, value):
            yield _differs(path, {word: operand}, value)

    return word_of


def _any_of(operand: Json, value: Json, partial: bool, path: Steps) -> Iterator[Difference]:
    if not any(_fits(item, value, partial) for item in operand):
        yield _differs(path, {"$any_of": operand}, value)


def _fits(wanted: Json, value: Json, partial: bool) -> bool:
    return next(mismatches(wanted, value, partial=partial), None) is None


def _optional(operand: Json, value: Json, partial: bool, path: Steps) -> Iterator[Difference]:
    return iter(()) if value is MISSING else mismatches(operand, value, partial=partial, path=path)


def _absent(operand: Json, value: Json, _: bool, path: Steps) -> Iterator[Difference]:
    if (value is MISSING) is not operand:
        yield _differs(path, {"$absent": operand}, value)


def _inside(partial: bool) -> Callable[..., Iterator[Difference]]:
    def word_of(operand: Json, value: Json, _: bool, path: Steps) -> Iterator[Difference]:
        return mismatches(operand, value, partial=partial, path=path)

    return word_of


def _each(operand: Json, value: Json, partial: bool, path: Steps) -> Iterator[Difference]:
    if not isinstance(value, list):
        yield _differs(path, {"$each": operand}, value)
        return
    for index, item in enumerate(value):
        yield from mismatches(operand, item, partial=partial, path=(*path, index))


def _regex_holds(pattern: str, value: Json) -> bool:
    return isinstance(value, str) and regexes.found(pattern, value)


def _near(operand: list[float], value: Json) -> bool:
    return _number(value) and abs(value - operand[0]) <= operand[1]


WORDS: dict[str, Callable[..., Iterator[Difference]]] = {
    "$any_of": _any_of,
    "$regex": _test(_regex_holds, "$regex"),
    "$type": _test(lambda name, value: TYPES[name](value), "$type"),
    "$like": _test(lambda text, value: isinstance(value, str) and _plain(text) == _plain(value), "$like"),
    "$any": _test(lambda _, __: True, "$any"),
    "$near": _test(_near, "$near"),
    "$optional": _optional,
    "$absent": _absent,
    "$partial": _inside(True),
    "$exact": _inside(False),
    "$each": _each,
    "$literal": _test(same, "$literal"),
}


def check(wanted: Json) -> None:
    """Refuse words that there are not, and operands that make no sense. Raises ValueError."""
    if isinstance(wanted, list):
        for item in wanted:
            check(item)
    elif is_words(wanted):
        for word, operand in wanted.items():
            if word not in WORDS:
                raise ValueError(f"{word} is not known beside $words; {nearest(str(word), WORDS)}")
            _check_operand(word, operand)
    elif isinstance(wanted, dict):
        for item in wanted.values():
            check(item)


def _check_operand(word: str, operand: Any) -> None:
    if word == "$any_of":
        if not isinstance(operand, list) or not operand:
            raise ValueError("$any_of needs a list of values")
        check(operand)
    elif word == "$regex":
        regexes.compiled(operand)
    elif word == "$type":
        check_choice("$type", operand, TYPES)
    elif word == "$like" and not isinstance(operand, str):
        raise ValueError("$like needs text")
    elif word in ("$any", "$absent") and operand is not True:
        raise ValueError(f"write {word}: true")
    elif word == "$near":
        if not isinstance(operand, list) or len(operand) != 2:
            raise ValueError("$near needs a list of two numbers: the value and how far off it may be")
        check_number("$near", operand[0], least=float("-inf"))
        check_number("$near", operand[1])
    elif word in ("$optional", "$partial", "$exact", "$each"):
        check(operand)
