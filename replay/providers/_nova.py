"""The bodies of Amazon's Nova models behind InvokeModel: Converse's own, but for some names.

https://docs.aws.amazon.com/nova/latest/userguide/complete-request-schema.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from replay.conversation import Json, Object
from replay.jsontext import parse
from replay.providers import _aws_frames, _converse, _native
from replay.turn import Reply, Request

WIRE = "bedrock_nova"
_VERSION = "messages-v1"
_OLDER = {"max_new_tokens": "maxTokens", "top_p": "topP"}  # names of parameters in older requests
_COUNTS = {
    "cacheReadInputTokenCount": "cacheReadInputTokens",
    "cacheWriteInputTokenCount": "cacheWriteInputTokens",
}
_EVENTS = ("messageS", "contentBlock", "metadata")  # how the names of events begin


def encode(request: Request) -> Object:
    """Return the JSON body that asks for this; older names of parameters where they were used."""
    own = _native.own(request.params, WIRE)
    body = _renamed(_converse.encode(request), "inferenceConfig", own.get("older", {}))
    version = own.get("version", _VERSION)
    return body | ({"schemaVersion": version} if version is not None else {})


def decode_request(body: Object) -> Request:
    """Read a request body: the inverse of `encode`. Raises Unreadable (`invalid_request`)."""
    if not isinstance(body, dict):
        return _converse.decode_request(body)
    held, version = body.get("inferenceConfig"), body.get("schemaVersion")
    names = {old: name for old, name in _OLDER.items() if isinstance(held, dict) and old in held}
    plain = _renamed(body, "inferenceConfig", names)
    request = _converse.decode_request({key: value for key, value in plain.items() if key != "schemaVersion"})
    own: Object = {"older": {name: old for old, name in names.items()}} if names else {}
    own |= {} if version == _VERSION else {"version": version}
    return replace(request, params=_native.merged(request.params, _native.keep(WIRE, own)))


def _renamed(body: Object, place: str, names: Mapping[str, str]) -> Object:
    held = body.get(place)
    if not isinstance(held, dict) or not names:
        return body
    return body | {place: {names.get(key, key): value for key, value in held.items()}}


def claims(asked: Json, _: bytes | None) -> bool:
    """Tell whether this names the version of its schema."""
    return isinstance(asked, dict) and asked.get("schemaVersion") == _VERSION


def decode(body: Json) -> Reply:
    """Read a response body that came with a success status. Raises Unreadable."""
    return _converse.decode(_renamed(body, "usage", _COUNTS) if isinstance(body, dict) else body)


def encode_reply(reply: Reply) -> Object:
    """Return the body of a response that says this: the inverse of `decode`."""
    return _renamed(_converse.encode_reply(reply), "usage", {name: count for count, name in _COUNTS.items()})


def is_end(event: Mapping[str, str]) -> bool:
    """Tell whether this is the last event."""
    return any(map(_converse.is_end, _opened(event)))


def decode_stream(events: Iterable[Mapping[str, str]]) -> Reply:
    """Read the events of InvokeModelWithResponseStream. Raises Unreadable with the partial reply."""
    return _converse.decode_stream(inner for event in events for inner in _opened(event))


def _opened(event: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """Yield the events of Converse that a chunk carries, each under its name, then what is beside them."""
    packed = _aws_frames.inside(event["data"].encode("utf-8", "surrogatepass"))
    said = _object(packed)
    if said is None:
        yield event
        return
    rest = {}
    for name, value in said.items():
        if name.startswith(_EVENTS) and isinstance(value, dict):
            yield {"event": name, "data": json.dumps(_renamed(value, "usage", _COUNTS))}
        else:
            rest[name] = value
    if rest:
        yield {"event": "", "data": json.dumps(rest)}


def _object(packed: bytes | None) -> Object | None:
    try:
        said = parse(packed or b"")
    except ValueError:
        return None
    return said if isinstance(said, dict) else None
