"""What the servers of a wire answer when they refuse, by kind: the other direction of `_errors`.

Statuses, types and codes are the providers' own; the sentences are ours, as no client should read them.
https://platform.openai.com/docs/guides/error-codes, https://docs.anthropic.com/en/api/errors,
https://ai.google.dev/gemini-api/docs/troubleshooting, https://cloud.google.com/apis/design/errors,
https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html,
https://learn.microsoft.com/azure/ai-services/openai/concepts/content-filter

A provider whose servers refuse otherwise than OpenAI's names its table `REFUSALS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from replay.conversation import Json, Object

MESSAGES = {
    "rate_limit": "Too many requests were sent; try again later.",
    "server": "Something went wrong while the request was processed.",
    "overloaded": "The service is overloaded; try again later.",
    "auth": "The API key is not valid.",
    "forbidden": "The key may not do this.",
    "content_filter": "The content was refused by a filter.",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is none: its status, its JSON body, and headers that go with it."""

    status: int
    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refusals:
    """The refusals of one wire.

    `codes` are status, type and code by kind; `body(status, type, code, message)` puts them together. `event`
    is what is sent inside a stream that had begun well: `{"event", "data", "error"}`, the data being JSON.
    """

    codes: Mapping[str, tuple[int, str, str]]
    body: Callable[[int, str, str, str], Json]
    event: Object
    headers: Callable[[str], Mapping[str, str]] = lambda _: {}
    own: Mapping[str, Refusal] = field(default_factory=dict)  # kinds that look otherwise

    def of(self, kind: str, status: int | None = None) -> Refusal:
        """Return the refusal of a kind; `status` takes the place of its own."""
        if kind in self.own and status is None:
            return self.own[kind]
        usual, named, code = self.codes[kind]
        body = self.body(status or usual, named, code, MESSAGES[kind])
        return Refusal(status or usual, body, self.headers(named))

    def because(self, message: str, code: str) -> Refusal:
        """Return the refusal of a request that nothing is wrong with but what `message` says."""
        status, named, _ = self.codes["invalid_request"]
        return Refusal(status, self.body(status, named, code, message), self.headers(named))


def of(provider: Any, url: str = "") -> Refusals:
    """Return the refusals of a provider's wire, as they are at this URL."""
    own: Refusals = getattr(provider, "REFUSALS", OPENAI)
    host = urlsplit(url).hostname or ""
    if own is OPENAI and host.endswith("googleapis.com"):
        return GEMINI_COMPATIBLE
    if own is ANTHROPIC and host.endswith("googleapis.com"):
        return ANTHROPIC_ON_VERTEX
    if own is GEMINI and host.endswith("aiplatform.googleapis.com"):
        return GEMINI_ON_VERTEX
    return AWS if own is ANTHROPIC and _AWS_HOST.search(host) else own


def _openai(_: int, named: str, code: str, message: str) -> Json:
    return {"error": {"message": message, "type": named, "param": None, "code": code or None}}


def _anthropic(_: int, named: str, __: str, message: str) -> Json:
    return {"type": "error", "error": {"type": named, "message": message}, "request_id": "req_replay"}


def _gemini(status: int, named: str, code: str, message: str) -> Json:
    reason = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": code, "domain": "googleapis.com"}
    details: Object = {"details": [reason]} if code else {}
    return {"error": {"code": status, "message": message, "status": named, **details}}


def _plain(_: int, __: str, ___: str, message: str) -> Json:
    return {"message": message}


def _filtered() -> Refusal:
    """Azure's filter, which is the one with a code of its own; OpenAI-compatible gateways follow it."""
    harmful = {name: {"filtered": name == "violence", "severity": "safe"} for name in ("hate", "violence")}
    harmful["violence"]["severity"] = "medium"
    inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": harmful}
    error = {"message": MESSAGES["content_filter"], "type": None, "param": "prompt", "code": "content_filter"}
    return Refusal(400, {"error": error | {"status": 400, "innererror": inner}})


_BROKEN = MESSAGES["server"]
_AWS_HOST = re.compile(r"\.amazonaws\.com(?:\.cn)?$")

OPENAI = Refusals(
    {
        "rate_limit": (429, "requests", "rate_limit_exceeded"),
        "server": (500, "server_error", ""),
        "overloaded": (503, "service_unavailable_error", "server_is_overloaded"),
        "auth": (401, "invalid_request_error", "invalid_api_key"),
        "forbidden": (403, "request_forbidden", "unsupported_country_region_territory"),
        "content_filter": (400, "invalid_request_error", "content_filter"),
        "invalid_request": (400, "invalid_request_error", ""),
    },
    _openai,
    {"data": _openai(500, "server_error", "", _BROKEN)},
    own={"content_filter": _filtered()},
)
# The reference has the error's fields beside the type; what is sent has them in an object, which SDKs raise.
OPENAI_RESPONSES = Refusals(
    OPENAI.codes,
    _openai,
    {
        "event": "error",
        "data": {"type": "error", "sequence_number": 0}
        | _openai(500, "server_error", "server_error", _BROKEN),
    },
    own=OPENAI.own,
)
ANTHROPIC = Refusals(
    {
        "rate_limit": (429, "rate_limit_error", ""),
        "server": (500, "api_error", ""),
        "overloaded": (529, "overloaded_error", ""),
        "auth": (401, "authentication_error", ""),
        "forbidden": (403, "permission_error", ""),
        "content_filter": (400, "invalid_request_error", ""),
        "invalid_request": (400, "invalid_request_error", ""),
    },
    _anthropic,
    {
        "event": "error",
        "data": {"type": "error", "error": {"type": "overloaded_error", "message": MESSAGES["overloaded"]}},
    },
)
_GOOGLE = {
    "rate_limit": (429, "RESOURCE_EXHAUSTED", ""),
    "server": (500, "INTERNAL", ""),
    "overloaded": (503, "UNAVAILABLE", ""),
    "auth": (400, "INVALID_ARGUMENT", "API_KEY_INVALID"),
    "forbidden": (403, "PERMISSION_DENIED", ""),
    "content_filter": (400, "INVALID_ARGUMENT", ""),
    "invalid_request": (400, "INVALID_ARGUMENT", ""),
}
GEMINI = Refusals(
    _GOOGLE,
    _gemini,
    {"data": _gemini(503, "UNAVAILABLE", "", MESSAGES["overloaded"])},
    own={"content_filter": Refusal(200, {"promptFeedback": {"blockReason": "SAFETY"}})},
)
# Vertex AI wants a token, where Google AI wants a key.
GEMINI_ON_VERTEX = replace(
    GEMINI, codes=_GOOGLE | {"auth": (401, "UNAUTHENTICATED", "ACCESS_TOKEN_TYPE_UNSUPPORTED")}
)
# Claude at another's: that one's door refuses, in its own words.
ANTHROPIC_ON_VERTEX = replace(GEMINI_ON_VERTEX, event=ANTHROPIC.event, own={})
# Google's compatible endpoint puts its errors into an array.
GEMINI_COMPATIBLE = Refusals(_GOOGLE, lambda *told: [_gemini(*told)], OPENAI.event)
AWS = Refusals(
    {
        "rate_limit": (429, "ThrottlingException", ""),
        "server": (500, "InternalServerException", ""),
        "overloaded": (503, "ServiceUnavailableException", ""),
        "auth": (403, "UnrecognizedClientException", ""),
        "forbidden": (403, "AccessDeniedException", ""),
        "content_filter": (400, "ValidationException", ""),
        "invalid_request": (400, "ValidationException", ""),
    },
    _plain,
    {"event": "modelStreamErrorException", "error": "exception", "data": {"message": _BROKEN}},
    lambda named: {"x-amzn-errortype": named},
)
_STATUSES = {
    "rate_limit": (429, "", ""),
    "server": (500, "", ""),
    "overloaded": (503, "", ""),
    "auth": (401, "", ""),
    "forbidden": (403, "", ""),
    "content_filter": (400, "", ""),
    "invalid_request": (400, "", ""),
}
COHERE = Refusals(
    _STATUSES,
    _plain,
    {
        "event": "message-end",
        "data": {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": _BROKEN}},
    },
)
COHERE_V1 = replace(
    COHERE, event={"data": {"is_finished": True, "event_type": "stream-end", "finish_reason": "ERROR"}}
)
OLLAMA = Refusals(
    _STATUSES, lambda _, __, ___, message: {"error": message}, {"data": {"error": MESSAGES["server"]}}
)
