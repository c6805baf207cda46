"""Content parts of the Responses wire, and the parts of Chat Completions that they are."""

from __future__ import annotations

from collections.abc import Iterable

from replay.conversation import Json, Object
from replay.providers import _native

WIRE = "openai_responses"
_FILE = ("file_data", "file_id", "filename")


def read(content: Iterable[Object], role: str) -> tuple[list[Object], list[Object]]:
    """Return the parts, and for each what the wire says more of it."""
    pairs = [_read(part, _text_type(role)) for part in content]
    return [part for part, _ in pairs], [more for _, more in pairs]


def written(parts: Iterable[Object], role: str, more: Json = None) -> list[Object]:
    """Return the wire's parts: the inverse of `read`. Parts that it has no word for are left out."""
    rest = more if isinstance(more, list) else []
    told = (_written(part, _text_type(role)) for part in parts)
    found = [said for said in told if said is not None]
    for said, own in zip(found, rest, strict=False):
        said.update(own if isinstance(own, dict) else {})
    return found


def _text_type(role: str) -> str:
    return "output_text" if role == "assistant" else "input_text"


def _read(part: Object, usual: str) -> tuple[Object, Object]:  # noqa: PLR0911 - one case for each type
    match part:
        case {"type": "input_text" | "output_text" | "text" as kind, "text": str(text), **rest}:
            return {"type": "text", "text": text}, rest if kind == usual else rest | {"type": kind}
        case {"type": "refusal", "refusal": str(words), **rest}:
            return {"type": "refusal", "refusal": words}, rest
        case {"type": "input_image", "image_url": str(url), "detail": str(detail), **rest}:
            return {"type": "image_url", "image_url": {"url": url, "detail": detail}}, rest
        case {"type": "input_image", "image_url": str(url), **rest}:
            return {"type": "image_url", "image_url": {"url": url}}, rest
        case {"type": "input_audio", "input_audio": dict(audio), **rest}:
            return {"type": "input_audio", "input_audio": audio}, rest
        case {"type": "input_file", "file_data": str()} | {"type": "input_file", "file_id": str()}:
            file = {name: part[name] for name in _FILE if isinstance(part.get(name), str)}
            return {"type": "file", "file": file}, _without(part, "type", *file)
        case _:
            return _native.part(WIRE, {"part": part}), {}


def _written(part: Object, usual: str) -> Object | None:  # noqa: PLR0911 - one case for each type
    match part:
        case {"type": "text", "text": str(text)}:
            return {"type": usual, "text": text}
        case {"type": "refusal", "refusal": str(words)}:
            return {"type": "refusal", "refusal": words}
        case {"type": "image_url", "image_url": {"url": str(url)} as image}:
            detail = image.get("detail")
            return {"type": "input_image", "image_url": url} | ({"detail": detail} if detail else {})
        case {"type": "image_url", "image_url": str(url)}:
            return {"type": "input_image", "image_url": url}
        case {"type": "input_audio", "input_audio": dict(audio)}:
            return {"type": "input_audio", "input_audio": audio}
        case {"type": "file", "file": dict(file)}:
            return {"type": "input_file"} | {name: file[name] for name in _FILE if name in file}
        case {"type": _native.NATIVE, "openai_responses": {"part": dict(own)}}:
            return dict(own)
        case _:
            return None


def _without(data: Object, *names: str) -> Object:
    return {key: value for key, value in data.items() if key not in names}
