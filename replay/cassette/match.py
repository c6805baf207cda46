"""What makes two requests the same question: method, path, query, canonical body.

The host does not count, nor do headers, nor a key in the query.

Three things are levelled before bodies are compared. Ids of tool calls, which are minted anew each time,
count by the order they first appear in. A null or an empty tool list is the same as no key where the wire
reads it so. What `ignore` names is left out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from replay.cassette.interaction import RecordedRequest
from replay.conversation import Json
from replay.jsontext import canonical, parse

_ID_KEYS = ("tool_call_id", "tool_use_id", "call_id", "toolUseId")
_KEY = "key"  # of a query: the credential of Google's APIs, no more part of what is asked than a header's
_EMPTY_IS_ABSENT = ("tools", "tool_calls")
_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)


def key(request: RecordedRequest, ignore: Iterable[str] = ()) -> str:
    """Return the SHA-256 (hex) that equal requests share.

    `ignore` holds JSON paths of the body to leave out: `user`, `messages[0].content`, `metadata.*`; a leading
    `params.` is optional, as in fixtures.
    """
    try:
        text = canonical(levelled(request, ignore))
    except RecursionError:  # a body nested deeper than Python walks is compared by its bytes
        text = repr(raw_key(request))
    return hashlib.sha256(text.encode()).hexdigest()


def raw_key(request: RecordedRequest) -> tuple[str, str, str, bytes]:
    """Return what makes two requests the same byte for byte: cheap, and then `key` is the same too."""
    split = urlsplit(request.uri)
    return request.method, split.path, split.query, request.body


def levelled(request: RecordedRequest, ignore: Iterable[str] = ()) -> dict[str, Json]:
    """Return what is compared: `{method, path, query, body}`, with `body` a JSON value where it is one."""
    split = urlsplit(request.uri)
    return {
        "method": request.method.upper(),
        "path": unquote(split.path) or "/",  # `%3A` asks for the same as `:`
        "query": sorted(pair for pair in parse_qsl(split.query, keep_blank_values=True) if pair[0] != _KEY),
        "body": _body(request, ignore),
    }


def _body(request: RecordedRequest, ignore: Iterable[str]) -> Json:
    kind = request.headers.get("content-type", "").lower()
    if kind.startswith("multipart/"):
        return _without_boundary(request)
    if kind.startswith("application/x-www-form-urlencoded"):
        return sorted(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    try:
        body = parse(request.body)
    except ValueError:  # not JSON, and not UTF-8 either
        return _text(request.body)
    for path in ignore:
        _drop(body, _steps(path, body))
    return _renumbered(_settled(body), {})


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _without_boundary(request: RecordedRequest) -> str:
    """A multipart body with its boundary, which is drawn anew for each request, levelled."""
    found = _BOUNDARY.search(request.headers["content-type"])
    boundary = found.group(1).encode("latin-1", "replace") if found else b""
    return _text(request.body.replace(boundary, b"boundary") if boundary else request.body)


def _steps(path: str, body: Json) -> list[str]:
    steps = re.findall(r"[^.\[\]]+", path)
    fixture_word = steps[:1] == ["params"] and isinstance(body, dict) and "params" not in body
    return steps[1:] if fixture_word else steps


def _drop(value: Json, steps: list[str]) -> None:
    """Take what a path names out of a tree; in a list it becomes None, so that others keep their place."""
    if not steps or not isinstance(value, dict | list):
        return
    for place in _places(value, steps[0]):
        if len(steps) > 1:
            _drop(value[place], steps[1:])
        elif isinstance(value, dict):
            del value[place]
        else:
            value[place] = None


def _places(value: Any, step: str) -> list[Any]:
    everywhere = list(value) if isinstance(value, dict) else list(range(len(value)))
    if step == "*":
        return everywhere
    return [place for place in everywhere if str(place) == step]


def _settled(body: Json) -> Json:
    """Drop what says nothing at the top, in messages and in tool functions."""
    if not isinstance(body, dict):
        return body
    body = _without_nothing(body)
    if isinstance(body.get("messages"), list):
        body["messages"] = [_without_nothing(message) for message in body["messages"]]
    if isinstance(body.get("tools"), list):
        body["tools"] = [_tool(tool) for tool in body["tools"]]
    return body


def _tool(tool: Json) -> Json:
    if isinstance(tool, dict) and isinstance(tool.get("function"), dict):
        return tool | {"function": _without_nothing(tool["function"])}
    return tool


def _without_nothing(value: Json) -> Json:
    if not isinstance(value, dict):
        return value
    return {
        name: item
        for name, item in value.items()
        if item is not None and not (item == [] and name in _EMPTY_IS_ABSENT)
    }


def _renumbered(value: Json, seen: dict[str, str], *, in_calls: bool = False) -> Json:
    """Replace ids of tool calls, wherever they stand, by the order of their first appearance."""
    if isinstance(value, list):
        return [_renumbered(item, seen, in_calls=in_calls) for item in value]
    if not isinstance(value, dict):
        return value
    minted = (*_ID_KEYS, "id") if in_calls or _is_call(value) else _ID_KEYS
    return {
        name: seen.setdefault(item, f"#{len(seen) + 1}")
        if name in minted and isinstance(item, str)
        else _renumbered(item, seen, in_calls=name == "tool_calls")
        for name, item in sorted(value.items())  # the order of an object's fields says nothing
    }


def _is_call(value: dict[str, Json]) -> bool:
    """Whether this is Anthropic's `tool_use` block (and its server-side kin) or an item of Responses."""
    kind = value.get("type")
    return isinstance(kind, str) and kind.endswith(("tool_use", "_call"))
