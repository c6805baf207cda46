"""A reply's body, both ways.

https://ai.google.dev/api/generate-content#generatecontentresponse. What a response says beside its common
words stands under `native` in the reply's `extra`: of the whole under `response`, of a candidate under
`candidate`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from replay.conversation import Json, Object
from replay.jsontext import same
from replay.providers import _gemini_contents as contents
from replay.providers import _native, _shape
from replay.providers._gemini_words import WIRE
from replay.turn import Reply, Usage

_FINISH = {  # a STOP with calls is for the calls
    "stop": ("STOP",),
    "length": ("MAX_TOKENS",),
    "content_filter": (
        "SAFETY",
        "BLOCKLIST",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "IMAGE_SAFETY",
        "LANGUAGE",
        "MODEL_ARMOR",
        "PROHIBITED_CONTENT",
        "RECITATION",
        "SPII",
    ),
}
_FINISH_REASON = {native: word for word, natives in _FINISH.items() for native in natives}
# The numbers that mean the same in both APIs' definitions.
_NUMBERED = dict(enumerate(("STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER"), 1))
_USAGE, _RESPONSE, _CANDIDATE, _LOGPROBS = "usageMetadata", "response", "candidate", "logprobsResult"


def read(body: Object) -> Reply:
    """Read a response that has candidates. Raises ValueError."""
    candidates = _shape.mappings(body.get("candidates"), "candidates")
    if not candidates:
        raise ValueError("there are no candidates")
    first, *others = (_choice(item, number) for number, item in enumerate(candidates))
    known = ("candidates", "modelVersion", "responseId", _USAGE)
    rest = {name: value for name, value in body.items() if name not in known}
    usage = _usage(body.get(_USAGE))
    if body.get(_USAGE) is not None and not (usage and same(_counted(usage), body[_USAGE])):
        rest[_USAGE] = body[_USAGE]
    named = {"id": body["responseId"]} if body.get("responseId") else {}
    own = _native.own(first.extra, WIRE) | ({_RESPONSE: rest} if rest else {})
    model = body.get("modelVersion")
    return replace(
        first,
        usage=usage,
        model=model if isinstance(model, str) else None,
        extra=named | _native.keep(WIRE, own),
        others=tuple(others),
    )


def _choice(candidate: Object, number: int) -> Reply:
    where = f"candidates[{number}]"
    said = _shape.mapping(candidate.get("content") or {}, f"{where}.content")
    message = contents.answer(said, f"{where}.content")
    native = _reason(candidate.get("finishReason"))
    finish = _FINISH_REASON.get(native or "")
    logprobs = _logprobs(candidate.get(_LOGPROBS))
    known = {"content": candidate.get("content"), "finishReason": native, "index": candidate.get("index")}
    rest = {name: value for name, value in candidate.items() if value != known.get(name)}
    if logprobs and same(_logged(logprobs), rest[_LOGPROBS]):
        del rest[_LOGPROBS]
    return Reply(
        message,
        "tool_calls" if finish == "stop" and message.tool_calls else finish,
        native,
        logprobs=logprobs,
        extra=_native.keep(WIRE, {_CANDIDATE: rest} if rest else {}),
    )


def _reason(native: Json) -> str | None:
    """The reason by name. Clients that ask for `$alt=json;enum-encoding=int` get numbers."""
    if isinstance(native, int) and not isinstance(native, bool):
        return _NUMBERED.get(native, str(native))
    return native if isinstance(native, str) and native else None


def write(reply: Reply) -> Object:
    """Return the body of a response that says this: the inverse of `read`."""
    rest = _native.own(reply.extra, WIRE).get(_RESPONSE) or {}
    body: Object = {"candidates": [_candidate(item, n) for n, item in enumerate(reply.choices())]}
    if reply.usage:
        body[_USAGE] = _counted(reply.usage)
    if reply.model is not None:
        body["modelVersion"] = reply.model
    if reply.extra.get("id"):
        body["responseId"] = reply.extra["id"]
    return body | rest


def _candidate(choice: Reply, number: int) -> Object:
    _, said = contents.write([choice.message], "")
    native = choice.native_finish_reason
    word = "stop" if choice.finish_reason == "tool_calls" else choice.finish_reason
    if word in _FINISH and _FINISH_REASON.get(native or "") != word:  # another wire's own word
        native = _FINISH[word][0]
    data: Object = {"content": said[0] if said else {"role": "model"}, "index": number}
    data |= {"finishReason": native} if native else {}
    data |= {_LOGPROBS: _logged(choice.logprobs)} if choice.logprobs else {}
    rest: Object = _native.own(choice.extra, WIRE).get(_CANDIDATE) or {}
    return data | rest


def _usage(said: Json) -> Usage | None:
    if not isinstance(said, dict):
        return None
    used = _count(said.get("toolUsePromptTokenCount"))
    thoughts = _count(said.get("thoughtsTokenCount"))
    usage = Usage(
        _sum(_count(said.get("promptTokenCount")), used),
        _sum(_count(said.get("candidatesTokenCount")), thoughts),
        _count(said.get("totalTokenCount")),
        _count(said.get("cachedContentTokenCount")),
        thoughts,
    )
    return None if usage == Usage() else usage


def _counted(usage: Usage) -> Object:
    completion = usage.completion_tokens
    if completion is not None and usage.reasoning_tokens is not None:
        completion = max(completion - usage.reasoning_tokens, 0)
    counts = {
        "promptTokenCount": usage.prompt_tokens,
        "candidatesTokenCount": completion,
        "thoughtsTokenCount": usage.reasoning_tokens,
        "cachedContentTokenCount": usage.cached_tokens,
        "totalTokenCount": usage.total_tokens,
    }
    return {name: count for name, count in counts.items() if count is not None}


def _count(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _sum(*counts: int | None) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _logprobs(result: Json) -> Object | None:
    """The tokens that were chosen, each with its alternatives."""
    if not isinstance(result, dict) or not isinstance(result.get("chosenCandidates"), list):
        return None
    chosen = result["chosenCandidates"]
    top = result.get("topCandidates")
    top = top if isinstance(top, list) else []
    alternatives = [step.get("candidates") if isinstance(step, dict) else None for step in top]
    alternatives += [None] * (len(chosen) - len(top))
    return {
        "content": [
            _token(token) | ({"top_logprobs": list(map(_token, others))} if isinstance(others, list) else {})
            for token, others in zip(chosen, alternatives, strict=False)
        ]
    }


def _token(said: Json) -> Object:
    said = said if isinstance(said, dict) else {}
    names = {"token": "token", "tokenId": "token_id", "logProbability": "logprob"}
    return {ours: said[name] for name, ours in names.items() if name in said}


def _logged(logprobs: Object) -> Object:
    tokens = [token for token in logprobs.get("content") or () if isinstance(token, dict)]
    found: Object = {"chosenCandidates": list(map(_said, tokens))}
    if any("top_logprobs" in token for token in tokens):
        steps: Iterable[list[Object]] = (token.get("top_logprobs") or [] for token in tokens)
        found["topCandidates"] = [{"candidates": list(map(_said, step))} for step in steps]
    return found


def _said(token: Object) -> Object:
    names = {"token": "token", "token_id": "tokenId", "logprob": "logProbability"}
    return {theirs: token[name] for name, theirs in names.items() if name in token}
