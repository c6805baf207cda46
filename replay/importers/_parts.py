"""What a message says, piece by piece, in the words of any framework, as pieces of Chat Completions.

The shapes of OpenTelemetry's message parts, of OpenAI's, Anthropic's, Gemini's and Bedrock's content, and
of LangChain, the Vercel AI SDK, OpenInference and pydantic-ai are told apart by `type`, else by their keys.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from replay.conversation import Json, Object
from replay.providers import _native

_DEEP = 6  # how many wrappers may lie around one piece
_IDS = ("call_id", "toolCallId", "tool_call_id", "tool_use_id", "toolUseId", "id")
_RESULTS = ("response", "result", "output", "content")
_CALLS = ("tool_call", "function_call", "functionCall", "toolUse", "function")
_ANSWERS = ("function_response", "functionResponse", "toolResult", "tool_result", "tool_call_response")
_HOLDERS = (
    *("message_content", "source", "image", "audio", "video", "document", "file", "media", "input_audio"),
    *("inline_data", "inlineData", "file_data", "fileData", "s3Location", "image_url"),
)
_URLS = ("url", "uri", "fileUri", "file_uri", "image_url", "audio_url", "video_url", "file_url")
_DATA = ("data", "base64", "bytes", "content", "image", "audio", "file", "file_data")
_MIMES = ("mime_type", "mimeType", "media_type", "mediaType")
_KINDS = {"image": "image", "photo": "image", "audio": "audio", "video": "video"}


class NotCaptured(ValueError):
    """A piece of which only its kind was logged."""


@dataclass(slots=True)
class Said:
    """What one message says: content parts, tool calls, the answers of tools (messages), reasoning as text.

    `wire` is the provider under whose name is kept what Chat Completions has no word for.
    """

    wire: str
    parts: list[Object] = field(default_factory=list)
    calls: list[Object] = field(default_factory=list)
    answers: list[Object] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)

    def add(self, piece: Json) -> None:
        """Add one piece; text may be bare."""
        if isinstance(piece, str):
            self.parts.append(text(piece))
        elif isinstance(piece, dict):
            _READERS.get(_kind(piece), _unknown)(self, piece)
        elif piece is not None:
            self.parts.append(text(as_text(piece)))

    def add_all(self, pieces: Iterable[Json]) -> None:
        """Add pieces in order."""
        for piece in pieces:
            self.add(piece)


def text(words: str) -> Object:
    """Return a text part."""
    return {"type": "text", "text": words}


def as_text(value: Json) -> str:
    """Return text as it is, nothing as the empty text, any other value as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def call(piece: Object) -> Object:
    """Return a tool call as an item of `tool_calls`."""
    data = _inside(piece, _CALLS)
    if isinstance(data.get("custom"), dict):
        return {"id": _first(data, _IDS), "type": "custom", "custom": data["custom"]}
    arguments = next((data[key] for key in ("arguments", "args", "input") if key in data), None)
    function = {"name": _first(data, ("name", "toolName")), "arguments": as_text(arguments)}
    signature = data.get("thoughtSignature") or data.get("thought_signature")
    native = _native.keep("gemini", {"thoughtSignature": signature}) if isinstance(signature, str) else {}
    return {"id": _first(data, _IDS), "type": "function", "function": function} | native


def answer(piece: Object, wire: str) -> Object:
    """Return the answer of a tool as a message; `name` is the tool's where it is said."""
    data = _inside(piece, _ANSWERS)
    said = next((data[key] for key in _RESULTS if data.get(key) is not None), None)
    message: Object = {"role": "tool", "content": answered(said, wire)}
    ids = {"tool_call_id": _first(data, _IDS), "name": _first(data, ("name", "toolName"))}
    failed = (
        _native.keep("anthropic", {"result": {"is_error": True}}) if piece.get("is_error") is True else {}
    )
    return message | {key: value for key, value in ids.items() if value} | failed


def answered(value: Json, wire: str) -> str | list[Object]:
    """Return what a tool answered: text, content parts, or any other value as JSON."""
    if isinstance(value, dict) and "value" in value and str(value.get("type")) in _VALUES:
        return answered(value["value"], wire)
    if not isinstance(value, list) or not value or not all(_is_content(piece) for piece in value):
        return as_text(value)
    said = Said(wire)
    said.add_all(value)
    return said.parts


_VALUES = {"text", "json", "content", "error-text", "error-json"}


def _is_content(piece: Json) -> bool:
    return isinstance(piece, dict) and _READERS.get(_kind(piece)) in (_add_text, _add_media)


def _kind(piece: Object) -> str:
    """Tell a piece's kind by its `type`, else by the key that says it."""
    inner = piece.get("message_content")
    kind = (inner if isinstance(inner, dict) else piece).get("type")
    if isinstance(kind, str) and kind:
        return kind.lower().replace("_", "-")
    return next((key for key in _BY_KEY if key in piece), "")


def _add_text(said: Said, piece: Object) -> None:
    data = _inside(piece, ("message_content",))
    if data.keys().isdisjoint(("text", "content")):
        raise NotCaptured("its text was not captured")
    words = next((data[key] for key in ("text", "content") if data.get(key) is not None), "")
    if piece.get("thought") is True:  # Gemini's word for reasoning
        said.reasoning.append(as_text(words))
        return
    cache = {"cache_control": piece["cache_control"]} if piece.get("cache_control") else {}
    said.parts.append(text(as_text(words)) | cache)


def _add_call(said: Said, piece: Object) -> None:
    said.calls.append(call(piece))


def _add_answer(said: Said, piece: Object) -> None:
    said.answers.append(answer(piece, said.wire))


def _add_tool(said: Said, piece: Object) -> None:
    """Add what the Vercel AI SDK writes without a `type`: a call, or its answer."""
    add = _add_answer if "result" in piece or "output" in piece else _add_call
    add(said, piece)


def _add_refusal(said: Said, piece: Object) -> None:
    said.parts.append({"type": "refusal", "refusal": as_text(piece.get("refusal"))})


def _add_reasoning(said: Said, piece: Object) -> None:
    """Keep reasoning that has to go back as it was (signed, encrypted) whole; else its text."""
    signed = _inside(piece, ("reasoningContent", "reasoningText", "extras", "providerMetadata", "anthropic"))
    thought = _reasoned(signed)
    if piece.get("type") == "redacted_thinking":
        said.parts.append(_native.part("anthropic", piece))
    elif signed.get("signature"):
        whole = {"type": "thinking", "thinking": thought, "signature": signed["signature"]}
        said.parts.append(_native.part("anthropic", whole))
    elif piece.get("encrypted_content"):
        said.parts.append(_native.part("openai_responses", piece))
    elif thought:
        said.reasoning.append(thought)


def _reasoned(data: Object) -> str:
    for key in ("thinking", "reasoning", "text", "content", "summary"):
        value = data.get(key)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, list) and value:
            return "\n\n".join(as_text(item.get("text")) for item in value if isinstance(item, dict))
    return ""


def _add_media(said: Said, piece: Object) -> None:
    part = _media(piece)
    if part is None:
        _unknown(said, piece)
    else:
        said.parts.append(part)


def _media(piece: Object) -> Object | None:
    """Return an image, a sound or a file as a part of Chat Completions, None where it says no place."""
    kind = str(piece.get("type"))
    if isinstance(piece.get(kind), dict) and kind in ("image_url", "input_audio", "file"):
        return {"type": kind, kind: piece[kind]}
    data = _inside(piece, _HOLDERS)
    place, mime = _place(data), _mime(data, _kind(piece))
    if isinstance(data.get("file_id"), str):
        return {"type": "file", "file": {"file_id": data["file_id"]}}
    if not place:
        return None
    url = (
        place
        if place.startswith(("http:", "https:", "data:", "gs:", "s3:", "@@@"))
        else _data_url(mime, place)
    )
    return _at(url, mime, data)


def _at(url: str, mime: str, data: Object) -> Object:
    kind = mime.partition("/")[0]
    if kind == "image":
        detail = {"detail": data["detail"]} if isinstance(data.get("detail"), str) else {}
        return {"type": "image_url", "image_url": {"url": url} | detail}
    if kind == "audio" and url.startswith("data:"):
        sound = {"data": url.partition(",")[2], "format": mime.partition("/")[2]}
        return {"type": "input_audio", "input_audio": sound}
    name = _first(data, ("filename", "title", "name"))
    return {"type": "file", "file": {"file_data": url} | ({"filename": name} if name else {})}


def _place(data: Object) -> str:
    return _first(data, _URLS) or _first(data, _DATA)


def _data_url(mime: str, data: str) -> str:
    return f"data:{mime};base64,{data}"


def _mime(data: Object, kind: str) -> str:
    """Return the media type, as far as it is said: `image/*` where only the modality is."""
    said = _first(data, _MIMES)
    if "/" in said:
        return said
    modality = str(data.get("modality") or "") or next((word for word in _KINDS if word in kind), "")
    modality = _KINDS.get(modality) or next((word for word in _KINDS.values() if word in data), "application")
    form = data.get("format")
    form = form if isinstance(form, str) else {"image": "png", "audio": "wav"}.get(modality, "octet-stream")
    return f"{modality}/{form}"


def _unknown(said: Said, piece: Object) -> None:
    """Keep what no reader knows for the provider that was asked, whose words it may be."""
    said.parts.append(_native.part(said.wire, piece))


def _inside(piece: Object, holders: tuple[str, ...]) -> Object:
    """Return a piece together with what lies in its holders, the innermost winning."""
    data = piece
    for _ in range(_DEEP):
        inner = next((data[key] for key in holders if isinstance(data.get(key), dict)), None)
        if inner is None:
            return data
        data = {key: value for key, value in data.items() if value is not inner} | inner
    return data


def _first(data: Object, keys: Iterable[str]) -> str:
    return next((data[key] for key in keys if isinstance(data.get(key), str) and data[key]), "")


_Reader = Callable[[Said, Object], None]
_TEXT = ("text", "input-text", "output-text", "summary-text")
_CALL = (
    "tool-call",
    "tool-use",
    "function-call",
    "function",
    "custom",
    "custom-tool-call",
    "functionCall",
    "toolUse",
)
_RESULT = (
    "tool-result",
    "tool-call-response",
    "function-response",
    "function-call-output",
    "functionResponse",
    "toolResult",
)
_MEDIA = (
    *("image", "image-url", "input-image", "audio", "audio-url", "input-audio", "video", "video-url", "file"),
    *(
        "input-file",
        "document",
        "document-url",
        "uri",
        "blob",
        "binary",
        "media",
        "inline_data",
        "inlineData",
    ),
    *("file_data", "fileData"),
)
_THOUGHT = ("reasoning", "thinking", "redacted-thinking", "reasoningContent")
_READERS: dict[str, _Reader] = {
    **dict.fromkeys(_TEXT, _add_text),
    **dict.fromkeys(_CALL, _add_call),
    **dict.fromkeys(_RESULT, _add_answer),
    **dict.fromkeys(_MEDIA, _add_media),
    **dict.fromkeys(_THOUGHT, _add_reasoning),
    "refusal": _add_refusal,
    "function_call": _add_call,
    "function_response": _add_answer,
    "toolCallId": _add_tool,
}
_BY_KEY = (
    *("functionCall", "function_call", "toolUse", "functionResponse", "function_response", "toolResult"),
    *(
        "toolCallId",
        "reasoningContent",
        "inlineData",
        "inline_data",
        "fileData",
        "file_data",
        "image",
        "document",
        "text",
    ),
)
