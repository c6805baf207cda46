"""The Messages wire, both directions. All of it is pure.

https://docs.claude.com/en/api/messages
"""

from __future__ import annotations

import re

from replay.conversation import Json, Object
from replay.jsontext import parse
from replay.providers._anthropic_reply import decode, encode_reply
from replay.providers._anthropic_request import decode_request, encode
from replay.providers._anthropic_stream import decode_stream, is_end

__all__ = ["claims", "decode", "decode_request", "decode_stream", "encode", "encode_reply", "is_end"]

_BEGUN = re.compile(rb'"type"\s*:\s*"message_start"')
_BLOCKS = ("tool_use", "tool_result", "thinking", "redacted_thinking", "document", "image", "server_tool_use")


def claims(asked: Json, answered: bytes | None) -> bool:
    """Tell whether this was asked and answered as messages are."""
    if not isinstance(asked, dict) or not isinstance(asked.get("messages"), list):
        return False
    if not answered:
        return _asks(asked)
    try:
        document = parse(answered)
    except ValueError:
        return _BEGUN.search(answered) is not None
    if not isinstance(document, dict):
        return False
    if document.get("type") == "error":
        return isinstance(document.get("error"), dict)
    return document.get("type") == "message" and isinstance(document.get("content"), list)


def _asks(asked: Object) -> bool:
    """Tell by the request alone: by what no other wire has."""
    said = "system" in asked or any("input_schema" in tool for tool in _objects(asked.get("tools")))
    blocks = (block for item in _objects(asked["messages"]) for block in _objects(item.get("content")))
    return "max_tokens" in asked and (said or any(block.get("type") in _BLOCKS for block in blocks))


def _objects(value: Json) -> list[Object]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
