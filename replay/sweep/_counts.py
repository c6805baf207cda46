"""What an app asked and what it wrote, told from its requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from replay.cassette.interaction import RecordedRequest
from replay.cassette.match import key
from replay.providers import placed

_READS = ("GET", "HEAD", "OPTIONS")


def calls(requests: Iterable[RecordedRequest]) -> Counter[str]:
    """Count the attempts at each call of a model."""
    return Counter(key(one) for one in requests if is_call(one))


def writes(requests: Iterable[RecordedRequest]) -> Counter[str]:
    """Count what was written over HTTP: requests that read nothing and are no call of a model."""
    return Counter(
        f"{one.method} {one.uri} {one.body.decode('utf-8', 'replace')}"
        for one in requests
        if one.method.upper() not in _READS and not is_call(one)
    )


def is_call(request: RecordedRequest) -> bool:
    """Tell whether a request is a call of a model."""
    try:
        return placed(request.method.upper(), request.uri) is not None
    except ValueError:
        return False
