"""Embeddings over OpenAI's wire: texts in, one vector for each out.

https://platform.openai.com/docs/api-reference/embeddings
"""

from __future__ import annotations

import base64
import binascii
import math
import sys
from array import array
from collections.abc import Iterable, Mapping
from typing import Any

from replay.conversation import Json, Message, Object
from replay.providers import Unreadable, _errors, _shape
from replay.turn import ApiError, Reply, Request, Target, Turn


def send(texts: Iterable[str], target: Target, transport: Any, client: str, options: Object) -> Turn:
    """Ask for the vectors of these texts, once, through the official SDK.

    They are the reply's `extra["embeddings"]`, in the order of the texts. Raises SeamError, and BadInput for
    the settings.
    """
    from replay.providers._openai import call

    request = Request(target.model, tuple(Message("user", text) for text in texts))
    return call(request, target, transport, sys.modules[__name__], client, options, "/embeddings")


def encode(request: Request) -> Object:
    """Return the JSON body that asks for this: in base64, as the SDK asks, which is a third as long."""
    texts = [message.text for message in request.messages]
    return {"model": request.model, "input": texts, "encoding_format": "base64"}


def decode(body: Json) -> Reply:
    """Read a response body. Raises Unreadable."""
    if _errors.is_error(body) and not (isinstance(body, dict) and body.get("data")):
        raise Unreadable(_errors.told(body))
    try:
        return _reply(_shape.mapping(body, "the body"))
    except (ValueError, TypeError, OverflowError) as problem:
        raise Unreadable(ApiError("bad_response", message=f"not embeddings: {problem}")) from None


def decode_stream(events: Iterable[Mapping[str, str]]) -> Reply:
    """Raise Unreadable: embeddings do not come in a stream."""
    raise Unreadable(ApiError("bad_response", message=f"not embeddings: {len(list(events))} events"))


def is_end(_: Mapping[str, str]) -> bool:
    """Tell that no event is an end: there are none."""
    return False


def _reply(body: Object) -> Reply:
    data = _shape.mappings(body.get("data"), "data")
    if not data:
        raise ValueError("there is no data")
    ordered = sorted(enumerate(data), key=lambda pair: pair[1].get("index", pair[0]))
    vectors = [_vector(item.get("embedding"), f"data[{number}].embedding") for number, item in ordered]
    model = body.get("model")
    return Reply(
        Message("assistant"),
        model=model if isinstance(model, str) else None,
        extra={"embeddings": vectors},
    )


def _vector(said: Json, where: str) -> list[float]:
    """A vector as numbers, or as base64 of 32-bit floats, the least byte first."""
    if isinstance(said, str):
        floats = array("f", _bytes(said, where))
        if sys.byteorder == "big":
            floats.byteswap()
        said = floats.tolist()
    if not isinstance(said, list) or not said or not all(_finite(value) for value in said):
        raise ValueError(f"{where} is no list of numbers")
    return [float(value) for value in said]


def _bytes(text: str, where: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as problem:
        raise ValueError(f"{where} is no base64: {problem}") from None


def _finite(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
