"""Chat Completions."""

from __future__ import annotations

from replay.export._call import Call
from replay.export.sdks._openai import through
from replay.export.sdks._script import Script


def script(call: Call) -> Script:
    """Ask through OpenAI's SDK."""
    return through(call, "chat.completions", "/chat/completions")
