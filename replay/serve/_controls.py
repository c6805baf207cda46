"""What a request says to this server, beside what it asks: by header, or by query parameter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from replay.errors import BadInput, nearest

_PREFIX = "x-replay-"
_KNOWN = ("cassette", "fault", "pace")
_PACES = {"": None, "recorded": True, "none": False}
# Of one connection alone (RFC 9110 7.6.1), or of a body that is sent anew.
_OF_THE_HOP = frozenset(
    (
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)


class Controls(NamedTuple):
    """The cassette chosen, the faults as written, and whether times are waited for (None: as it is set)."""

    cassette: str = ""
    fault: str = ""
    pace: bool | None = None


def controls(query: str, headers: Iterable[tuple[str, str]]) -> tuple[Controls, str, list[tuple[str, str]]]:
    """Take what is meant for this server out of a query and headers. Raises BadInput.

    Returns it, the rest of the query, and the headers that go on to a provider.
    """
    asked = parse_qsl(query, keep_blank_values=True)
    ours = [pair for pair in asked if pair[0].lower().startswith(_PREFIX)]
    rest = urlencode([pair for pair in asked if pair not in ours]) if ours else query
    headers = list(headers)
    ours += [pair for pair in headers if pair[0].lower().startswith(_PREFIX)]
    passed = [pair for pair in headers if pair not in ours and pair[0].lower() not in _OF_THE_HOP]
    return _read(ours), rest, passed


def _read(pairs: Iterable[tuple[str, str]]) -> Controls:
    said: dict[str, list[str]] = {name: [] for name in _KNOWN}
    for name, value in pairs:
        word = name.lower().removeprefix(_PREFIX)
        if word not in said:
            raise BadInput(f'there is no "{_PREFIX}{word}"; {nearest(word, _KNOWN)} (each after "{_PREFIX}")')
        said[word].append(value.strip())
    pace = "".join(said["pace"][-1:]).lower()
    if pace not in _PACES:
        raise BadInput(f'{_PREFIX}pace is "{pace}"; use recorded, or none')
    return Controls("".join(said["cassette"][-1:]).strip("/"), ", ".join(said["fault"]), _PACES[pace])
