"""Parser events of a YAML text: libyaml's parser where there is one, PyYAML's own where there is not.

Only events are used. Composing nodes recurses in C and crashes the interpreter on deep nesting.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from yaml.events import ScalarEvent
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner


class PurePython(Reader, Scanner, Parser):
    """PyYAML's own parser: ten times slower, the same events."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)


def _fastest() -> Any:
    try:
        from yaml import cyaml
    except ImportError:  # PyYAML was built without libyaml
        return PurePython
    return getattr(cyaml, "CParser")  # noqa: B009 - the type stubs do not name it


PARSER = _fastest()

_SURROGATE = r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
_TROUBLE = re.compile(rf"(?<!\\)((?:\\\\)*)((?:{_SURROGATE})+)|[\u2028\u2029]")
_SURROGATES = re.compile(f"(?:{_SURROGATE})+")
_DISGUISE = 0xF0000
_DISGUISED = re.compile(
    "(?:\U000f005c\U000f0075[\U000f0030-\U000f0039\U000f0041-\U000f0046\U000f0061-\U000f0066]{4})+"
    "|[\U000f2028\U000f2029]"
)


def events(text: str) -> Iterator[Any]:
    """Return the parser events of a text. Raises yaml.YAMLError where it is no YAML.

    libyaml follows YAML 1.1 where it should not: it refuses the escape of half a surrogate pair (JSON writes
    an emoji as two) and takes U+2028 for a line break. Such characters go through the parser disguised as
    as many private-use ones, so that every place stays where it is.
    """
    disguised = _troublesome(text)
    if disguised:
        text = _TROUBLE.sub(_disguise, text)
    stream = iter(PARSER(text).get_event, None)
    return _revealed(stream) if disguised else stream


def _revealed(stream: Iterator[Any]) -> Iterator[Any]:
    for event in stream:
        if type(event) is ScalarEvent:
            event.value = _reveal(event.value, escapes=event.style == '"')
        yield event


def _troublesome(text: str) -> bool:
    found = "\\ud" in text or "\\uD" in text or "\u2028" in text or "\u2029" in text
    return found and not _DISGUISED.search(text)


def _disguise(match: re.Match[str]) -> str:
    kept = match[1] or ""
    return kept + "".join(chr(_DISGUISE + ord(char)) for char in match[0][len(kept) :])


def _reveal(value: str, *, escapes: bool) -> str:
    def reveal(match: re.Match[str]) -> str:
        text = "".join(chr(ord(char) - _DISGUISE) for char in match[0])
        return _SURROGATES.sub(_unescape, text) if escapes else text

    return _DISGUISED.sub(reveal, value)


def _unescape(match: re.Match[str]) -> str:
    units = (int(code, 16) for code in match[0].split("\\u")[1:])
    halves = b"".join(unit.to_bytes(2, "little") for unit in units)
    return halves.decode("utf-16-le", "surrogatepass")
