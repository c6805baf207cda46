"""A logged exchange as a call to a model: which provider's wire, which model, from which address."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from replay import providers
from replay.conversation import Json, Object
from replay.importers import Logged
from replay.jsontext import parse
from replay.providers import Place

# Other calls, by the end of their path. `[^/]` keeps a model's name out of the reason.
_OTHERS = {
    r"/embeddings$": "an embeddings request",
    r"/count_tokens|:countTokens$": "a count of tokens",
    r"/batches(/.*)?$": "a batch",
    r":(rawPredict|streamRawPredict|predict)$": "the Vertex AI endpoint of another vendor's model",
    r"/invoke(-with-response-stream)?$": "the Bedrock InvokeModel endpoint of another vendor's model",
    r"/interactions(/[^/]*)?$": "the Gemini Interactions endpoint",
    r"/(assistants|threads)(/.*)?$": "the Assistants endpoint",
    r"/(completions|chat|generate|messages|responses|converse)$": "an endpoint of a model",
}


UNNAMED = "not-named"  # the model of a derived log that names none: a replay takes any name


class Refused(Exception):
    """This exchange does not become a conversation; says why."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call to a model: `body` is the request, `params` what its URL says beside it.

    `wire` is the provider whose codec reads it; `provider` the one it is played at, which is another only
    where a log keeps all calls in one form. `settings` are what a target at that address needs to be given.
    """

    wire: str
    provider: str
    model: str
    body: Object
    params: Object = field(default_factory=dict)
    settings: Object = field(default_factory=dict)


def model_call(logged: Logged, model: str | None = None) -> Call:
    """Read a logged exchange as a call to a model; `model` is taken where none is named. Raises Refused."""
    if logged.refused:
        raise Refused(logged.refused)
    wire, place = _placed(logged)
    if logged.response is not None and logged.status is None:
        raise Refused("no HTTP status is recorded")
    body = _body(logged)
    named = body.get("model") or place.model or logged.model or _served(logged) or model
    # a server that is asked for no model takes any name, and so does a replay
    named = named or (logged.url and "default") or (logged.derived and UNNAMED)
    if not isinstance(named, str) or not named:
        raise Refused("no model is named in it; give one with --model")
    if not named.isprintable():
        raise Refused("the name of its model is no text that can be written down")
    return Call(wire, logged.provider or wire, named, body, place.params, place.settings)


def _placed(logged: Logged) -> tuple[str, Place]:
    """Tell the wire by what the log says, by the URL, else by what was asked and answered."""
    if logged.wire:
        return logged.wire, Place(settings=logged.settings)
    try:
        found = providers.placed(logged.method, logged.url) if logged.url else None
    except ValueError as problem:
        raise Refused(str(problem)) from None
    return found or _claimed(logged)


def _claimed(logged: Logged) -> tuple[str, Place]:
    """The wire by the body. Chat Completions is what all others are told from, and so comes last."""
    asked = _quiet(logged.request)
    names = [name for name in providers.registry.names() if name != "openai"]
    for name in (*names, "openai"):
        if providers.registry.get(name).claims(asked, logged.response):
            return _served_at(logged, name)
    raise Refused(_other(logged, asked))


def _served_at(logged: Logged, name: str) -> tuple[str, Place]:
    """Some servers take chat completions at a path of their own."""
    if not logged.url:
        return name, Place()
    if name != "openai" or logged.response is None:
        raise Refused(_other(logged, _quiet(logged.request)))
    parts = urlsplit(logged.url)
    base = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")
    return "openai_compatible", Place(settings={"base_url": base})


def _body(logged: Logged) -> Object:
    if not logged.request.strip():
        raise Refused("no request body is recorded")
    try:
        body = parse(logged.request)
    except ValueError as problem:
        raise Refused(f"the request body is not JSON: {problem}") from None
    if not isinstance(body, dict):
        raise Refused("the request body is no JSON object")
    return body


def _other(logged: Logged, asked: Json) -> str:
    path = urlsplit(logged.url).path
    if logged.method != "POST":
        return f"{logged.method} {path or '/'} is no call to a model"
    if asked is None and (logged.request.lstrip()[:1] == b"{" or (logged.request.strip() and not logged.url)):
        return "the request body is not JSON"
    for pattern, what in _OTHERS.items():
        if re.search(pattern, path.rstrip("/")):
            return f"{what}: no provider reads it"
    if not path and isinstance(asked, dict):
        return _other_body(asked)
    return f"POST {path or '/'} is no call to a model"


def _other_body(asked: Object) -> str:
    if not isinstance(asked.get("messages", []), list):
        return "its messages are no list"
    if "messages" in asked:
        return "its answer is not a chat completion"
    return "an embeddings request: no provider reads it" if "input" in asked else "no messages"


def _served(logged: Logged) -> str | None:
    """Return the model that answered, for servers which hold one model and are not asked for it by name."""
    found = re.search(rb'"model(?:Version)?"\s*:\s*"([^"\\]+)"', logged.response or b"")
    return found[1].decode("utf-8", "replace") if found else None


def _quiet(data: bytes | None) -> Json:
    try:
        return parse(data or b"")
    except ValueError:
        return None
