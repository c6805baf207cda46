"""What a framework calls the output of a call to a model, as the choices of an answer."""

from __future__ import annotations

from typing import Any

from replay.conversation import Json, Object
from replay.importers._generation import choices, usage
from replay.importers._messages import chat
from replay.importers._parts import as_text

_REASONS = ("finish_reason", "stop_reason", "finishReason", "stopReason", "done_reason")
_SAYS = {"role", "content", "tool_calls", "parts", "lc", "kwargs", "function_call", "toolCallId"}


def answered(value: Json, wire: str, reasons: list[Any] | None = None) -> list[Object]:
    """Read an output: text, a message, several, or an answer's whole body.

    `reasons` say why it ended where it does not do so itself. Raises ValueError.
    """
    value = _inner(value)
    if value is None or value in ({}, []):
        return []
    if isinstance(value, dict) and isinstance(value.get("choices"), list):
        return _several([one for one in value["choices"] if isinstance(one, dict)], wire)
    if isinstance(value, dict) and isinstance(value.get("generations"), list):
        return _generations(value["generations"], wire)
    said, ended = _ended(value)
    return choices(chat(said, "assistant", wire), ended or list(reasons or ()), many=len(ended) > 1)


def _inner(value: Json) -> Json:
    """Take an answer out of what a framework puts around it; an object that is no message is text."""
    if not isinstance(value, dict):
        return value
    for key in ("message", "messages", "output", "candidates", "completion"):
        inner = value.get(key)
        if inner and not value.keys() & (_SAYS | {"choices", "generations"}):
            beside = next((value[word] for word in _REASONS if value.get(word)), None)
            inner = inner[0] if key == "candidates" and isinstance(inner, list) else inner
            return inner | {"finish_reason": beside} if beside and isinstance(inner, dict) else inner
    if value.keys() & (_SAYS | {"choices", "generations"}) or value.get("type") in ("text", "ai"):
        return value
    if isinstance(value.get("text"), str):
        calls = value.get("toolCalls")
        pieces = [value["text"], *(calls if isinstance(calls, list) else [])]
        return {"role": "assistant", "content": pieces} | {
            key: value[key] for key in _REASONS if key in value
        }
    return {"role": "assistant", "content": as_text(value)}


def _ended(value: Json) -> tuple[Json, list[Any]]:
    """Return what was said and why it ended, for each message that says it."""
    if isinstance(value, dict):
        content = value.get("content")
        if isinstance(content, dict) and isinstance(content.get("parts"), list):  # a candidate of Gemini's
            return content, _reason(value)
        return value, _reason(value)
    each = [_reason(item) for item in value if isinstance(item, dict)] if isinstance(value, list) else []
    return value, [reason[0] for reason in each] if each and all(each) else []


def _reason(data: Object) -> list[Any]:
    """Return why a message ended, as its own field or in what LangChain keeps beside it."""
    inner: Object = data["kwargs"] if isinstance(data.get("kwargs"), dict) else data
    for place in (data, inner, inner.get("response_metadata"), data.get("generation_info")):
        if isinstance(place, dict):
            found = next((place[key] for key in _REASONS if isinstance(place.get(key), str)), None)
            if found:
                return [found]
    return []


def _several(items: list[Object], wire: str) -> list[Object]:
    found: list[Object] = []
    for item in items:
        said = item["message"] if isinstance(item.get("message"), dict) else {"content": item.get("text")}
        messages = chat({"role": "assistant"} | said, "assistant", wire)
        one = choices(messages, [item.get("finish_reason")])[-1]
        beside = {"logprobs": item["logprobs"]} if isinstance(item.get("logprobs"), dict) else {}
        found.append(one | {"index": len(found)} | beside)
    return found


def _generations(items: list[Any], wire: str) -> list[Object]:
    """Read LangChain's `LLMResult`: of a batch the first, with all its choices."""
    items = items[0] if items and isinstance(items[0], list) else items
    found: list[Object] = []
    for item in (one for one in items if isinstance(one, dict)):
        said = item["message"] if isinstance(item.get("message"), dict) else {"content": item.get("text")}
        reason = _reason(item) or _reason(said)
        one = choices(chat({"type": "ai"} | said, "assistant", wire), reason)[-1]
        found.append(one | {"index": len(found)})
    return found


def counted(value: Json) -> Object:
    """Return the usage of an output, as LangChain, LangSmith and OpenAI write it."""
    for place in _places(value):
        details = [
            place.get(key) for key in ("input_token_details", "prompt_tokens_details", "input_tokens_details")
        ]
        reasoned = [
            place.get(key)
            for key in ("output_token_details", "completion_tokens_details", "output_tokens_details")
        ]
        found = usage(
            place.get("input_tokens", place.get("prompt_tokens")),
            place.get("output_tokens", place.get("completion_tokens")),
            place.get("total_tokens"),
            _detail(details, "cache_read", "cached_tokens"),
            _detail(reasoned, "reasoning", "reasoning_tokens"),
        )
        if found:
            return found
    return {}


def _detail(places: list[Any], *names: str) -> Json:
    for place in (place for place in places if isinstance(place, dict)):
        # LangSmith writes a service tier before the word: `flex_cache_read`
        found = [value for key, value in place.items() if key.endswith(names)]
        if found:
            return found[0]
    return None


def _places(value: Json) -> list[Object]:
    if not isinstance(value, dict):
        return []
    places: list[Any] = [value.get("usage_metadata"), value.get("usage")]
    generations = value.get("generations")
    while isinstance(generations, list) and generations:
        generations = generations[0]
    for message in (generations.get("message") if isinstance(generations, dict) else None, value):
        inner = message.get("kwargs", message) if isinstance(message, dict) else {}
        if isinstance(inner, dict):
            told = inner.get("response_metadata")
            places += [
                inner.get("usage_metadata"),
                told.get("token_usage") if isinstance(told, dict) else None,
            ]
    spent = value.get("llm_output")
    places += [spent.get("token_usage") if isinstance(spent, dict) else None]
    return [place for place in places if isinstance(place, dict)]
