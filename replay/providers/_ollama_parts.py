"""What Ollama's two endpoints have in common: options, usage, images, streams.

https://docs.ollama.com/api
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from replay.conversation import Json, Message, Object
from replay.jsontext import parse
from replay.providers import Unreadable, _errors, _media, _native, _reading
from replay.providers._events import documents
from replay.turn import ApiError, Reply, Usage

_OPTIONS = {
    "num_predict": "max_completion_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "seed": "seed",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "repeat_penalty": "repetition_penalty",
}
_EFFORTS = ("low", "medium", "high")
_SCHEMA = "response"  # the name of a schema, which has none here
_FINISH = {"stop": "stop", "length": "length"}
_OURS = (*_FINISH, "load", "unload")
_END = re.compile(r'(?<!\\)"done"\s*:\s*true')
_GROWING = ("content", "response", "thinking")


def restored(made: Object, own: Object) -> Object:
    """Return what was said: what we make of it, with what was said beside it and without what was not."""
    unsaid = own.get("unsaid", ())
    rest = {key: value for key, value in own.items() if key != "unsaid"}
    return _native.merged({key: value for key, value in made.items() if key not in unsaid}, rest)


def restored_request(made: Object, params: Object, wire: str) -> Object:
    """Return a request as it was said; that it need not say `stream` holds only while it is streamed."""
    own = _native.own(params, wire)
    if not params.get("stream"):
        own = own | {"unsaid": [name for name in own.get("unsaid", ()) if name != "stream"]}
    return restored(made, own)


def kept(said: Object, made: Object) -> Object:
    """Return what `restored` needs to make `said` of `made`."""
    unsaid = sorted(made.keys() - said.keys())
    return _native.beyond(said, made) | ({"unsaid": unsaid} if unsaid else {})


def asked(params: Object) -> Object:
    """Return the parameters in Ollama's words; without `stream: false` it streams."""
    named = params | {"max_completion_tokens": params.get("max_completion_tokens", params.get("max_tokens"))}
    options = {native: named[name] for native, name in _OPTIONS.items() if named.get(name) is not None}
    stop = params.get("stop")
    options |= {} if stop is None else {"stop": [stop] if isinstance(stop, str) else stop}
    effort, wanted = params.get("reasoning_effort"), _format(params.get("response_format"))
    body: Object = {"stream": bool(params.get("stream"))} | ({"options": options} if options else {})
    body |= {"think": effort} if effort in _EFFORTS else {}
    body |= {"format": wanted} if wanted else {}
    return body | {
        name: params[name] for name in ("logprobs", "top_logprobs") if params.get(name) is not None
    }


def read_asked(body: Object) -> Object:
    """Return the parameters that Chat Completions has a word for."""
    options: Object = body["options"] if isinstance(body.get("options"), dict) else {}
    params = {name: options[native] for native, name in _OPTIONS.items() if _number(options.get(native))}
    if params.get("max_completion_tokens", 0) < 0:  # as many as there is room for
        del params["max_completion_tokens"]
    stop = options.get("stop")
    params |= {"stop": stop} if isinstance(stop, list) and all(isinstance(word, str) for word in stop) else {}
    params |= {"reasoning_effort": body["think"]} if body.get("think") in _EFFORTS else {}
    wanted = _read_format(body.get("format"))
    params |= {"response_format": wanted} if wanted else {}
    flags = {name: body[name] for name in ("logprobs", "top_logprobs") if _plain(body.get(name))}
    return params | flags | {"stream": body.get("stream") is not False}


def _number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain(value: Json) -> bool:
    return isinstance(value, int)


def _format(wanted: Json) -> Json:
    if not isinstance(wanted, dict):
        return None
    held = wanted.get("json_schema")
    schema = held.get("schema") if isinstance(held, dict) else None
    return (
        schema
        if wanted.get("type") == "json_schema"
        else {"json_object": "json"}.get(str(wanted.get("type")))
    )


def _read_format(held: Json) -> Object | None:
    if isinstance(held, dict) and held:
        return {"type": "json_schema", "json_schema": {"name": _SCHEMA, "schema": held}}
    return {"type": "json_object"} if held == "json" else None


def spoken(message: Message) -> tuple[str, list[str]]:
    """Return the text of a message, and its images in base64."""
    if not isinstance(message.content, list):
        return message.content or "", []
    urls = map(_media.image_url, message.content)
    images = [found[1] for url in urls if (found := _media.opened(url)) is not None]
    told = (
        part.get("refusal") if part.get("type") == "refusal" else part.get("text") for part in message.content
    )
    return "".join(text for text in told if isinstance(text, str)), images


def content(text: str, images: Json) -> str | list[Object]:
    """Return a message's content: text alone, or parts. `spoken` gives back what they were."""
    if not isinstance(images, list) or not images or not all(isinstance(image, str) for image in images):
        return text
    urls = (_media.url(_media.mime_of(image), image) for image in images)
    parts: list[Object] = [{"type": "text", "text": text}] if text else []
    return parts + [{"type": "image_url", "image_url": {"url": url}} for url in urls]


def finish(body: Object, *, called: bool = False) -> tuple[str | None, str | None]:
    """Return why an answer ended, in the common word and in Ollama's, which is `stop` also for calls."""
    native = body.get("done_reason")
    native = native if isinstance(native, str) and native else None
    return "tool_calls" if called and native == "stop" else _FINISH.get(native or ""), native


def native_finish(reply: Reply) -> Object:
    """Return `{done_reason}`, nothing where a reply does not say why it ended."""
    native = reply.native_finish_reason
    if native not in _OURS and reply.finish_reason is not None:
        native = "length" if reply.finish_reason == "length" else "stop"
    return {"done_reason": native} if native else {}


def usage_of(body: Object) -> Usage | None:
    """Read the counts; Ollama leaves out the prompt's where all of it was cached."""
    usage = Usage(_count(body.get("prompt_eval_count")), _count(body.get("eval_count")))
    return None if usage == Usage() else usage


def _count(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def ending(reply: Reply) -> Object:
    """Return what the last object of an answer says beside the text."""
    usage = reply.usage or Usage()
    counts = {"prompt_eval_count": usage.prompt_tokens, "eval_count": usage.completion_tokens}
    said = {key: count for key, count in counts.items() if count is not None}
    model = {"model": reply.model} if reply.model is not None else {}
    odds = (reply.logprobs or {}).get("content")
    return model | {"done": True} | native_finish(reply) | said | ({"logprobs": odds} if odds else {})


def logprobs(body: Object) -> Object | None:
    """Return the log probabilities as Chat Completions gives them."""
    held = body.get("logprobs")
    return (
        {"content": held} if isinstance(held, list) and all(isinstance(one, dict) for one in held) else None
    )


def first_of(answered: bytes | None) -> Object:
    """Return an answer's first JSON object, empty where it has none."""
    try:
        found = parse((answered or b"").lstrip().partition(b"\n")[0])
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def is_end(event: Mapping[str, str]) -> bool:
    """Tell whether this is the last object of a stream: it says that it is done."""
    return _END.search(event["data"]) is not None


def decode_stream(events: Iterable[Mapping[str, str]], decode: Callable[[Json], Reply]) -> Reply:
    """Read a stream of objects by what `decode` makes of them together. Raises Unreadable."""
    body, error = _together(events)
    return _reading.streamed(body, error, decode)


def _together(events: Iterable[Mapping[str, str]]) -> tuple[Object, ApiError | None]:
    """Return the object that the same answer would be without streaming, and what ended it too early."""
    body: Object = {}
    error = None
    try:
        for _, chunk in documents(events):
            if "error" in chunk:
                error = _errors.told(chunk, "stream_error")
                break
            _merge(body, chunk)
    except Unreadable as problem:
        error = problem.error
    except RecursionError:
        error = ApiError("bad_response", message="a chunk is nested too deeply")
    joined: Object = _joined(body)
    return joined, error


class _Text(list[str]):
    """Text that is still growing."""


def _merge(held: Object, chunk: Object) -> None:
    """Texts and lists grow, objects are merged, of all else the last counts."""
    for key, value in chunk.items():
        before: Any = held.get(key)
        if key in _GROWING and isinstance(value, str):
            held[key] = before if isinstance(before, _Text) else _Text()
            held[key].append(value)
        elif isinstance(value, list) and isinstance(before, list) and not isinstance(before, _Text):
            before.extend(value)
        elif isinstance(value, dict) and key == "message":
            held[key] = before if isinstance(before, dict) else {}
            _merge(held[key], value)
        else:
            held[key] = value


def _joined(value: Json) -> Json:
    if isinstance(value, _Text):
        return "".join(value)
    return {key: _joined(item) for key, item in value.items()} if isinstance(value, dict) else value
