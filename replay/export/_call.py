"""What goes over the wire for a turn of a case, as far as it may be told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from replay import providers
from replay.cassette.cassette import Cassette
from replay.cassette.interaction import RecordedRequest
from replay.cassette.redact import Redactor
from replay.choice import Chosen
from replay.config import CREDENTIALS
from replay.conversation import Object
from replay.errors import BadInput
from replay.providers import Place
from replay.providers._settings import RECORDED
from replay.runner import Runner, targets_of
from replay.turn import Request, Target

_STAND_IN = "not-needed"  # what a provider sends as a key where it replays


@dataclass(frozen=True, slots=True)
class Key:
    """Where a credential goes: `before` and the value of an environment variable, in a header."""

    variable: str
    header: str
    before: str


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request. `headers` are without the key's; `path` begins at the host and has the query.

    `place` is what the URL says to the provider. `key` is None where none is sent, or where AWS signs.
    """

    turn: int
    target: Target
    place: Place
    origin: str
    path: str
    headers: dict[str, str]
    body: Object
    key: Key | None
    redacted: bool

    @property
    def signed(self) -> bool:
        """Whether AWS wants a signature instead of a key."""
        return self.target.provider.startswith("bedrock") or self.target.settings.get("platform") == "bedrock"

    @property
    def streamed(self) -> bool:
        """Whether the answer comes as a stream."""
        return bool(self.body.get("stream") or self.place.params.get("stream"))


def calls_of(chosen: Chosen) -> tuple[Call, ...]:
    """Play a case offline and return what it asks. Raises BadInput where it asks nothing."""
    case = chosen.planned.case
    folder = chosen.cassette.parents[case.conversation.count("/") + 1]
    runner = Runner(chosen.project, folder=folder)
    result = runner.run(chosen.planned)
    redactor = runner.redactor(*targets_of(chosen.planned))
    target = _at_rest(chosen)
    found = tuple(
        _call(number, turn.request, target, redactor)
        for number, turn in enumerate(result.transcript.turns, 1)
    )
    if not found:
        raise BadInput(f"{case.id} asks nothing: {'; '.join(one.message for one in result.verdicts)}")
    return found


def _at_rest(chosen: Chosen) -> Target:
    """The target as a replay has it: asked where its recording was, with a stand-in for its key."""
    target = chosen.project.target(chosen.planned.case.target)
    recorded = Cassette(chosen.cassette).interactions
    uri = recorded[0].request.uri if recorded else ""
    return replace(target, settings=target.settings | {RECORDED: uri})


class _Wire:
    """A transport that keeps the request and answers nothing."""

    def __init__(self) -> None:
        self.asked: RecordedRequest | None = None

    def handle_request(self, request: Any) -> Any:
        import httpx2

        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked = RecordedRequest(request.method, str(request.url), headers, request.read())
        return httpx2.Response(200, content=b"{}", request=request)


def _call(number: int, request: Request, target: Target, redactor: Redactor) -> Call:
    provider, wire = providers.registry.get(target.provider), _Wire()
    provider.send(request, target, wire)
    if wire.asked is None:
        raise BadInput(f"turn {number}: provider {target.provider} sent nothing over HTTP")
    clean = redactor.request(wire.asked)
    parts = urlsplit(clean.uri)
    return Call(
        number,
        target,
        provider.place(clean.method, clean.uri) or Place(),
        f"{parts.scheme}://{parts.netloc}",
        parts.path + (f"?{parts.query}" if parts.query else ""),
        dict(_headers(clean, target, redactor)),
        json.loads(clean.body),
        next(_keys(wire.asked, target), None),
        (clean.uri, clean.body) != (wire.asked.uri, wire.asked.body),
    )


def _headers(clean: RecordedRequest, target: Target, redactor: Redactor) -> Iterator[tuple[str, str]]:
    """What the wire needs, and what the target adds to each call."""
    yield from ((name, value) for name, value in clean.headers.items() if name != "accept")
    for name, value in (target.settings.get("headers") or {}).items():
        yield name.lower(), redactor.text(str(value))


def _keys(asked: RecordedRequest, target: Target) -> Iterator[Key]:
    variables = [*providers.registry.get(target.provider).secrets(target)]
    if target.settings.get("platform") == "vertex":
        variables.append("GOOGLE_ACCESS_TOKEN")
    for name, value in asked.headers.items():
        if name in CREDENTIALS and _STAND_IN in value and variables:
            yield Key(variables[0], name, value.partition(_STAND_IN)[0])
