"""Writing a stream: what is common to the wires.

A reply that was never streamed has no chunks of its own. Its text is cut before each word, as models' tokens
mostly are.
"""

from __future__ import annotations

import json
import re

from replay.conversation import Json

_WORD = re.compile(r"\s*\S+|\s+\Z")


def pieces(text: str) -> list[str]:
    """Cut a text before each word; joined they are the text."""
    return _WORD.findall(text)


def event(document: Json, name: str = "") -> bytes:
    """Write one server-sent event."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(document)}\n\n".encode()


def line(document: Json) -> bytes:
    """Write one line of JSON Lines."""
    return json.dumps(document).encode() + b"\n"
