"""What of a transcript is accepted or not: what a person would look at."""

from __future__ import annotations

from replay.baselines._file import Turns
from replay.conversation import Object, ToolCall
from replay.jsontext import parse
from replay.providers import _native
from replay.turn import Reply, Transcript, Turn


def accepted(transcript: Transcript) -> Turns:
    """Return what a baseline keeps of a transcript: contents, tool calls, finish reasons, errors."""
    return [_turn(turn) for turn in transcript.turns]


def _turn(turn: Turn) -> Object:
    kept: Object = {}
    if turn.reply:
        kept = _reply(turn.reply)
        if turn.reply.others:
            kept["others"] = [_reply(other) for other in turn.reply.others]
    if turn.error:
        error = {"kind": turn.error.kind, "status": turn.error.status, "code": turn.error.code}
        kept["error"] = {key: value for key, value in error.items() if value is not None}
    return kept


def _reply(reply: Reply) -> Object:
    message = reply.message
    kept: Object = {
        "content": _said(message.content),
        "refusal": message.extra.get("refusal"),
        "tool_calls": [_call(call) for call in message.tool_calls] or None,
        "finish_reason": reply.finish_reason or reply.native_finish_reason,
    }
    return {key: value for key, value in kept.items() if value is not None}


def _said(content: str | list[Object] | None) -> str | list[Object] | None:
    """Keep what was said, without what one wire alone has to get back (signatures, thoughts)."""
    if not isinstance(content, list):
        return content
    parts = [_native.plain(part) for part in content if part.get("type") != _native.NATIVE]
    if parts == content or any(part.keys() != {"type", "text"} for part in parts):
        return parts
    return "".join(part["text"] for part in parts) or None


def _call(call: ToolCall) -> Object:
    """Keep the arguments as JSON where they are, else as the text they are."""
    try:
        if call.type != "custom":
            return {"name": call.name, "arguments": parse(call.arguments or "{}", strict=True)}
    except ValueError:
        pass
    return {"name": call.name, "arguments_text": call.arguments}
