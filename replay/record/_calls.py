"""A logged exchange as a chat call: which provider's wire it is, which model, and from which address."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from replay.conversation import Json, Object
from replay.importers import Logged
from replay.jsontext import parse

_DEPLOYMENT = re.compile(r"^(?P<prefix>.*?)/+openai/deployments/(?P<deployment>[^/]+)/chat/completions/?$")
_CHAT = re.compile(r"/+chat/completions/?$")
_PLACEHOLDER = re.compile(r"^<([A-Za-z0-9_-]+)>")
# Other calls to models, by the end of their path. `[^/]` keeps a model's name out of the reason.
_OTHERS = {
    r"/responses(/[^/]*)?$": "the Responses endpoint",
    r"/messages(/count_tokens|/batches.*)?$": "the Anthropic Messages endpoint",
    r"(/engines/[^/]+)?/completions$": "the legacy completions endpoint",
    r"/embeddings$": "an embeddings request",
    r":(streamG|g)enerateContent$": "the Gemini generateContent endpoint",
    r":(rawPredict|streamRawPredict|predict)$": "the Vertex AI endpoint",
    r"/converse(-stream)?$": "the Bedrock Converse endpoint",
    r"/invoke(-with-response-stream)?$": "the Bedrock InvokeModel endpoint",
    r"/api/(chat|generate)$": "the Ollama endpoint",
    r"/v[12]/(chat|generate)$": "the Cohere endpoint",
    r"/interactions(/[^/]*)?$": "the Gemini Interactions endpoint",
    r"/(assistants|threads)(/.*)?$": "the Assistants endpoint",
}


class Refused(Exception):
    """This exchange does not become a conversation; says why."""


@dataclass(frozen=True, slots=True)
class Call:
    """A chat call: `body` is the request, `settings` what a target at that address needs to be given."""

    provider: str
    model: str
    body: Object
    settings: Object = field(default_factory=dict)


def chat_call(logged: Logged, model: str | None = None) -> Call:
    """Read a logged exchange as a chat call; `model` is taken where none is named. Raises Refused."""
    if logged.refused:
        raise Refused(logged.refused)
    path = _path(logged.url)
    if not _CHAT.search(path) and not _looks_like_chat(logged):
        raise Refused(_other(logged, path))
    if logged.response is not None and logged.status is None:
        raise Refused("no HTTP status is recorded")
    body = _body(logged)
    provider, settings = _address(logged.url)
    named = body.get("model") or settings.get("deployment") or _served(logged) or model
    named = named or (logged.url and "default")  # a server that is asked for no model takes any name
    if not isinstance(named, str) or not named:
        raise Refused("no model is named in it; give one with --model")
    return Call(provider, named, body, settings)


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError as problem:
        raise Refused(f"its URL cannot be read: {problem}") from None


def _body(logged: Logged) -> Object:
    if not logged.request.strip():
        raise Refused("no request body is recorded")
    try:
        body = parse(logged.request)
    except ValueError as problem:
        raise Refused(f"the request body is not JSON: {problem}") from None
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
        raise Refused("the request body has no messages")
    return body


def _looks_like_chat(logged: Logged) -> bool:
    """Tell by what was asked and answered; some servers take chat completions at a path of their own."""
    asked = _quiet(logged.request)
    if not isinstance(asked, dict) or not isinstance(asked.get("messages"), list):
        return False
    if logged.response is None:
        return not logged.url
    answered = _quiet(logged.response)
    if isinstance(answered, dict):
        return "choices" in answered or (not logged.url and "error" in answered)
    return re.search(rb'^data:\s*\{.*"choices"\s*:', logged.response, re.MULTILINE) is not None


def _other(logged: Logged, path: str) -> str:
    if logged.method != "POST":
        return f"{logged.method} {path or '/'} is not a chat completion"
    if logged.request.lstrip()[:1] == b"{" and _quiet(logged.request) is None:
        return "the request body is not JSON"
    for pattern, what in _OTHERS.items():
        if re.search(pattern, path.rstrip("/")):
            return f"{what}: no provider reads it yet"
    asked = _quiet(logged.request)
    if not path and isinstance(asked, dict):
        return _other_body(asked)
    return f"POST {path or '/'} is not a chat completion"


def _other_body(asked: Object) -> str:
    if "messages" in asked:
        return "its answer is not a chat completion"
    if "input" in asked:
        return "an embeddings or Responses request: no provider reads it yet"
    return "no messages"


def _address(url: str) -> tuple[str, Object]:
    """Return the provider whose wire is spoken at a URL, and the settings that lead a target there."""
    if not url or url.startswith("/"):
        return "openai", {}
    url = _PLACEHOLDER.sub(lambda match: f"https://{match[1].lower().replace('_', '-')}.invalid", url)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refused(f"its URL is no address: {url}")
    host = parts.netloc.rpartition("@")[2].removesuffix(":443" if parts.scheme == "https" else ":80")
    origin, query = f"{parts.scheme}://{host}", dict(parse_qsl(parts.query))
    deployed = _DEPLOYMENT.match(parts.path)
    if deployed:
        version = {"api_version": query["api-version"]} if "api-version" in query else {}
        return "azure", {
            "endpoint": origin + deployed["prefix"],
            "deployment": deployed["deployment"],
        } | version
    base = origin + _CHAT.sub("", parts.path).rstrip("/")
    if base == "https://api.openai.com/v1":
        return "openai", {}
    return "openai_compatible", {"base_url": base}


def _served(logged: Logged) -> str | None:
    """Return the model that answered, for servers which hold one model and are not asked for it by name."""
    found = re.search(rb'"model"\s*:\s*"([^"\\]+)"', logged.response or b"")
    return found[1].decode("utf-8", "replace") if found else None


def _quiet(data: bytes | None) -> Json:
    try:
        return parse(data or b"")
    except ValueError:
        return None
