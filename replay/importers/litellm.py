"""LiteLLM's logs: its StandardLoggingPayload, one a line, and rows of its table LiteLLM_SpendLogs.

Both are LiteLLM's own account of a call, in the form of Chat Completions whatever provider was asked. Rows
have the request as the proxy got it in `proxy_server_request`; their JSON columns may be text.
https://docs.litellm.ai/docs/proxy/logging_spec
https://github.com/BerriAI/litellm/blob/main/schema.prisma
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from replay.conversation import Json, Object
from replay.importers import Logged
from replay.importers._derived import asked_of, chat, origin
from replay.importers._items import beginnings
from replay.importers._records import as_bytes, each, given, mapping, text, tree

_LISTS = ("data", "logs")
_DERIVED = "litellm fills in its answers: a finish_reason where there was none, tool_calls for stop, usage 0"
_STATUS = {  # of its exceptions that have no HTTP status among their words
    "APIConnectionError": "ConnectError",
    "Timeout": "ReadTimeout",
}
_CODE = {
    "AuthenticationError": 401,
    "BadRequestError": 400,
    "ContentPolicyViolationError": 400,
    "ContextWindowExceededError": 400,
    "UnsupportedParamsError": 400,
    "PermissionDeniedError": 403,
    "NotFoundError": 404,
    "UnprocessableEntityError": 422,
    "RateLimitError": 429,
    "InternalServerError": 500,
    "BadGatewayError": 502,
    "ServiceUnavailableError": 503,
}
_CUT = re.compile(rb"litellm_truncated|litellm_content_filter", re.IGNORECASE)
# What the proxy adds to a request before it logs it.
_PROXY = (
    "litellm_call_id",
    "litellm_logging_obj",
    "litellm_metadata",
    "proxy_server_request",
    "secret_fields",
)


def sniff(head: bytes) -> bool:
    """Tell whether records are LiteLLM's."""
    found = beginnings(head, *_LISTS) if b'"call_type"' in head else []
    return any(
        "call_type" in record and bool(record.keys() & {"startTime", "start_time"}) for record in found
    )


def read(path: Path) -> Iterator[Logged]:
    """Yield every record that is a call to a model."""
    return each(path, _logged, *_LISTS)


def _logged(path: str, place: str, record: Object) -> Logged:
    kind = text(record.get("call_type"))
    if "embedding" in kind:
        return Logged(path, place, refused="an embeddings request: its vectors are not logged")
    request = _request(record)
    if not request.keys() & {"messages", "input", "prompt"}:
        return Logged(path, place, refused="no prompt is logged (store_prompts_in_spend_logs is off)")
    logged = chat(path, place, request, None, _DERIVED, **_known(record))
    logged = _failed(logged, record) if record.get("status") == "failure" else _answered(logged, record)
    if _CUT.search(logged.request + (logged.response or b"")):
        logged = replace(logged, notes=(*logged.notes, "litellm has cut a text of it short"))
    return logged


def _request(record: Object) -> Object:
    """Return the body that was asked with: as the proxy got it, or put together."""
    asked = mapping(record.get("proxy_server_request"))
    if asked:
        return {"model": record.get("model"), **given(mapping(asked.get("body")) or asked, *_PROXY)}
    messages = tree(record.get("messages"))
    responses = "responses" in text(record.get("call_type"))
    said = {"input" if responses else "messages": messages} if messages else {}
    if isinstance(messages, str) and not responses:
        said = {"messages": [{"role": "user", "content": messages}]}
    return given({"model": record.get("model"), **said, **mapping(record.get("model_parameters"))})


def _known(record: Object) -> dict[str, Any]:
    """Return what the record says beside the bodies."""
    metadata = mapping(record.get("metadata"))
    tags = tree(record.get("request_tags"))
    group = text(record.get("model_group"))
    named = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    thread = record.get("session_id") or record.get("litellm_session_id") or metadata.get("session_id")
    when = record.get("startTime") or record.get("start_time")
    model = text(record.get("model"))
    return {
        **asked_of(text(record.get("custom_llm_provider")), text(record.get("api_base")), model),
        **origin(text(record.get("id") or record.get("request_id")), when),
        "model": model,
        "thread": text(thread or record.get("trace_id")),
        "tags": (*named, *((f"model_group:{group}",) if group else ())),
    }


def _answered(logged: Logged, record: Object) -> Logged:
    answer = mapping(record.get("response"))
    if not answer:
        return replace(logged, refused="no answer is logged (store_prompts_in_spend_logs is off)")
    if "choices" not in answer:  # an answer in the provider's own form: its codec knows it
        return replace(logged, status=200, response=as_bytes(answer), wire="", provider="", settings={})
    body = given(answer) | {"choices": [_choice(choice) for choice in answer["choices"]]}
    if not any(_counts(mapping(answer.get("usage")))):
        body.pop("usage", None)
    return replace(logged, status=200, response=as_bytes(body))


def _choice(choice: Json) -> Json:
    """Return a choice without the fields that LiteLLM adds to say nothing."""
    if not isinstance(choice, dict):
        return choice
    message = choice.get("message")
    plain = given(choice, *_empty(choice))
    return plain | {"message": given(message, *_empty(message))} if isinstance(message, dict) else plain


def _empty(said: Object) -> tuple[str, ...]:
    own = mapping(said.get("provider_specific_fields"))
    return () if any(own.values()) else ("provider_specific_fields",)


def _counts(usage: Object) -> Iterator[Json]:
    return (usage.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens"))


def _failed(logged: Logged, record: Object) -> Logged:
    """Return a call that failed, by what LiteLLM's exception was."""
    told = mapping(record.get("error_information"))
    told = told or mapping(mapping(record.get("metadata")).get("error_information"))
    name, code = text(told.get("error_class")), str(told.get("error_code") or "")
    if name in _STATUS:
        return replace(logged, error=_STATUS[name])
    status = int(code) if re.fullmatch("[45][0-9][0-9]", code) else _CODE.get(name)
    if status is None:
        return replace(
            logged, refused=f"it failed, and its HTTP status is not logged ({name or 'no error class'})"
        )
    message = text(told.get("error_message")) or text(record.get("error_str"))
    error = {"message": message, "type": name, "code": None if code == str(status) else code or None}
    return replace(logged, status=status, response=as_bytes({"error": given(error)}))
