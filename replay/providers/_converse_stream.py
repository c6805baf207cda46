"""The events of ConverseStream, merged into the body that the same answer would be without streaming.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
Linear in the number of events: text is kept in pieces and joined once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from replay.conversation import Json, Object
from replay.jsontext import parse
from replay.providers import Unreadable, _errors, _shape
from replay.providers._converse_messages import Written
from replay.providers._events import documents
from replay.turn import ApiError

_PADDING = "p"  # random, against guessing the text from the sizes of frames


class _Text(list[str]):
    """Text that is still growing."""


def body_of(events: Iterable[Mapping[str, str]]) -> tuple[Object, ApiError | None]:
    """Return the body so far, and what ended the stream before its end."""
    blocks: dict[int, Object] = {}
    message: Object = {}
    body: Object = {}
    error = None
    try:
        for event, said in documents(events):
            said.pop(_PADDING, None)
            if event.get("error"):
                error = _errors.told({"code": event["event"]} | said, "stream_error")
                break
            _add(body, message, blocks, event["event"], said)
    except Unreadable as problem:
        error = problem.error
    except (ValueError, RecursionError) as problem:
        error = ApiError("bad_response", message=f"an event cannot be read: {problem}")
    return _whole(body, message, blocks), error


def _add(body: Object, message: Object, blocks: dict[int, Object], event: str, said: Object) -> None:
    """Merge an event. Raises ValueError."""
    if event == "messageStart":
        message |= said
    elif event.startswith("contentBlock"):
        _add_to_block(blocks, event, said)
    else:  # messageStop, metadata, and what is still to come
        body |= said


def _whole(body: Object, message: Object, blocks: dict[int, Object]) -> Object:
    if not message and not blocks:
        return body
    content = [_finished(blocks[index]) for index in sorted(blocks)]
    return body | {"output": {"message": message | {"content": content}}}


def _add_to_block(blocks: dict[int, Object], event: str, said: Object) -> None:
    """Merge an event into the block it belongs to. Raises ValueError."""
    index = said.get("contentBlockIndex")
    if not isinstance(index, int):
        raise ValueError("contentBlockIndex is no number")
    block = blocks.setdefault(index, {})
    if event == "contentBlockStart":
        for kind, held in _shape.mapping(said.get("start"), "start").items():
            block[kind] = dict(_shape.mapping(held, f"start.{kind}"))
    elif event == "contentBlockDelta":
        for kind, piece in _shape.mapping(said.get("delta"), "delta").items():
            _grow(block, kind, piece)


def _grow(block: Object, kind: str, piece: Json) -> None:
    if kind == "citation":
        _list(block, "citations").append(piece)
    elif isinstance(piece, list):
        _list(_inner(block, kind), "content").extend(piece)
    elif isinstance(piece, dict):
        held = _inner(block, kind)
        reasoned = kind == "reasoningContent" and piece.keys() & {"text", "signature"}
        for name, value in piece.items():
            _more(_inner(held, "reasoningText") if reasoned else held, name, value)
    else:
        _more(block, kind, piece)


def _inner(held: Object, name: str) -> Object:
    """The object that `held` has under a name, made where there is none."""
    if not isinstance(held.get(name), dict):
        held[name] = {}
    found: Object = held[name]
    return found


def _list(held: Object, name: str) -> list[Json]:
    if not isinstance(held.get(name), list):
        held[name] = []
    found: list[Json] = held[name]
    return found


def _more(held: Object, name: str, value: Json) -> None:
    if isinstance(value, str):
        held[name] = held[name] if isinstance(held.get(name), _Text) else _Text()
        held[name].append(value)
    else:
        held[name] = value


def _finished(block: Object) -> Object:
    """The block as it is when it is not streamed: text that cites is a block of its own kind."""
    said: Object = _joined(block)
    call = said.get("toolUse")
    if isinstance(call, dict):
        call["input"] = _input(call)
    if isinstance(said.get("toolResult"), dict):
        said["toolResult"].setdefault("content", [])
    if "citations" in said:
        text = [{"text": said.pop("text")}] if "text" in said else []
        return {"citationsContent": {"content": text, "citations": said.pop("citations")} | said}
    return said or {"text": ""}


def _input(call: Object) -> Json:
    text = call.get("input")
    text = text if isinstance(text, str) else ""
    if call.get("type") != "server_tool_use":
        return Written(text)
    try:
        return parse(text)
    except ValueError:
        return text


def _joined(value: Json) -> Json:
    if isinstance(value, _Text):
        return "".join(value)
    if isinstance(value, dict):
        return {key: _joined(item) for key, item in value.items()}
    return value
