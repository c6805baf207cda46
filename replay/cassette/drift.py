"""How a live answer differs from the recorded one: status, then bodies as JSON, streams event by event."""

from __future__ import annotations

from dataclasses import dataclass

from replay.cassette.interaction import RecordedRequest, RecordedResponse
from replay.conversation import Json
from replay.diff import Difference, differences
from replay.jsontext import parse


@dataclass(frozen=True, slots=True)
class Drift:
    """A live answer in mode `verify` beside the recorded one, which is None when there is none."""

    request: RecordedRequest
    live: RecordedResponse
    recorded: RecordedResponse | None
    differences: tuple[Difference, ...] = ()

    @property
    def shape(self) -> tuple[Difference, ...]:
        """The differences that are no mere other words: fields that came or went, values of another type."""
        return tuple(
            one
            for one in self.differences
            if one.kind != "changed" or _type(one.before) is not _type(one.after)
        )


def compare(
    request: RecordedRequest, live: RecordedResponse, recorded: RecordedResponse | None
) -> Drift | None:
    """Compare; None when nothing differs. `before` is what was recorded, `after` what came now."""
    if recorded is None:
        return Drift(request, live, None)
    found = differences(_comparable(recorded), _comparable(live))
    return Drift(request, live, recorded, tuple(found)) if found else None


def _comparable(response: RecordedResponse) -> dict[str, Json]:
    failure = response.failure.exception if response.failure else None
    return {"status": response.status, "failure": failure, "body": _body(response.body)}


def _body(body: bytes) -> Json:
    text = body.decode("utf-8", "replace")
    if text.lstrip().startswith(("data:", "event:", ":")):
        return [_json(line[5:].strip()) for line in text.splitlines() if line.startswith("data:")]
    return _json(text)


def _json(text: str) -> Json:
    try:
        return parse(text)
    except ValueError:
        return text


def _type(value: Json) -> type:
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)
