"""A streamed message, put together into the body that the same answer would be without streaming.

https://docs.claude.com/en/docs/build-with-claude/streaming

Bedrock wraps each event into `{"bytes": base64}`. Linear in the number of events: text is joined once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from replay.conversation import Json, Object
from replay.jsontext import parse
from replay.providers import Unreadable, _anthropic_reply, _aws_frames, _errors, _events, _shape
from replay.turn import ApiError, Reply

_END = "message_stop"


def is_end(event: Mapping[str, str]) -> bool:
    """Tell whether this is the stream's `message_stop`."""
    if event.get("event") in ("", "chunk"):  # without a name of its own, and Bedrock's frames
        data = _data(event)
        return _END in data and _type(data) == _END
    return event["event"] == _END


def decode_stream(events: Iterable[Mapping[str, str]]) -> Reply:
    """Read server-sent events (`{"event", "data"}`). Raises Unreadable with the partial reply.

    The reply is what `decode` makes of the same answer when it is not streamed, but for the arguments of
    calls, which are as the stream spelled them. One that ends before it says why it ended was cut.
    """
    message, error = _Message(), None
    try:
        for event in _documents(events):
            message.add(event)
    except Unreadable as told:
        error = told.error
    except ValueError as broken:
        error = ApiError("bad_response", message=str(broken))
    if not message.begun:
        raise Unreadable(error or ApiError("bad_response", message="the stream holds no message"))
    reply = _anthropic_reply.reply(message.body())
    if error is None and not message.ended:
        error = ApiError("cut", message="the stream ends before its message does")
    if error is not None:
        raise Unreadable(error, reply)
    return reply


def _documents(events: Iterable[Mapping[str, str]]) -> Iterator[Object]:
    for event, number, last in _events.numbered(events, _events.never):
        if document := _document(event, number, last=last):
            yield document
        if is_end(event):
            return


def _document(event: Mapping[str, str], number: int, *, last: bool) -> Object:
    data = _data(event)
    try:
        document = _events.parsed(data, number, last=last)
    except Unreadable:
        if not event.get("error") and event.get("event") != "error":
            raise
        document = data
    if event.get("error"):  # an exception that Bedrock sends as a frame
        told = _errors.told(document, "stream_error")
        raise Unreadable(ApiError("stream_error", message=told.message, code=told.code or event["event"]))
    if event.get("event") == "error" or (isinstance(document, dict) and document.get("error")):
        raise Unreadable(_errors.told(document, "stream_error"))
    return _shape.mapping(document, f"event {number}")


def _data(event: Mapping[str, str]) -> str:
    data = event["data"]
    inside = _aws_frames.inside(data.encode("utf-8", "surrogatepass")) if '"bytes"' in data[:16] else None
    return data if inside is None else inside.decode("utf-8", "replace")


def _type(data: str) -> Json:
    try:
        document = parse(data)
    except ValueError:
        return None
    return document.get("type") if isinstance(document, dict) else None


class _Message:
    """What has arrived of one streamed message."""

    def __init__(self) -> None:
        self.begun = self.ended = False
        self._top: Object = {}
        self._blocks: list[_Block] = []
        self._at: dict[int, _Block] = {}

    def add(self, event: Object) -> None:
        """Merge one event; those of a type that is not known say nothing. Raises ValueError."""
        add = {
            "message_start": self._start,
            "content_block_start": self._open,
            "content_block_delta": self._grow,
            "message_delta": self._close,
            _END: self._end,
        }.get(str(event.get("type")))
        if add is not None:
            add(event)
            self.begun = True

    def body(self) -> Object:
        """Return the body so far; the `input` of a call is text where it was spelled."""
        return self._top | {"content": [block.whole() for block in self._blocks]}

    def _start(self, event: Object) -> None:
        message = _shape.mapping(event.get("message"), "message")
        for block in _shape.mappings(message.get("content"), "message.content"):
            self._blocks.append(_Block(block))
        self._merge({key: value for key, value in message.items() if key != "content"})

    def _open(self, event: Object) -> None:
        self._place(event, _Block(_shape.mapping(event.get("content_block"), "content_block")))

    def _grow(self, event: Object) -> None:
        delta = _shape.mapping(event.get("delta"), "delta")
        block = self._at.get(_index(event))
        if block is None:
            block = self._place(event, _Block({"type": str(delta.get("type")).removesuffix("_delta")}))
        block.grow(delta)

    def _place(self, event: Object, block: _Block) -> _Block:
        self._blocks.append(block)
        self._at[_index(event)] = block
        return block

    def _close(self, event: Object) -> None:
        self._merge(_shape.mapping(event.get("delta"), "delta"))
        self._merge({key: value for key, value in event.items() if key not in ("type", "delta")})
        self.ended = self._top.get("stop_reason") is not None

    def _end(self, event: Object) -> None:
        self._merge({key: value for key, value in event.items() if key != "type"})
        self.ended = True

    def _merge(self, fields: Object) -> None:
        """Take what is said; counts of usage are totals so far, each in the place of the one before."""
        for key, value in fields.items():
            if key == "usage" and isinstance(value, dict) and isinstance(self._top.get(key), dict):
                self._top[key] |= {name: count for name, count in value.items() if count is not None}
            elif value is not None:
                self._top[key] = dict(value) if isinstance(value, dict) else value


class _Block:
    """One content block, while it grows."""

    def __init__(self, block: Object) -> None:
        self._block = dict(block)
        self._texts: dict[str, list[str]] = {}
        self._lists: dict[str, list[Json]] = {}

    def grow(self, delta: Object) -> None:
        """Add a delta: text to the field of its name, a citation to the list of them."""
        kind = delta.get("type")
        for name, value in delta.items():
            if name == "type" or value is None:
                continue
            if kind == "citations_delta" and name == "citation":
                self._lists.setdefault("citations", []).append(value)
            elif isinstance(value, str):
                self._texts.setdefault("input" if name == "partial_json" else name, []).append(value)
            else:
                self._block[name] = value

    def whole(self) -> Object:
        """Return the block so far."""
        block = dict(self._block)
        for name, items in self._lists.items():
            block[name] = [*(block.get(name) or ()), *items]
        for name, pieces in self._texts.items():
            begun = block.get(name)
            text = (begun if isinstance(begun, str) else "") + "".join(pieces)
            block[name] = _input(block, text) if name == "input" else text
        return block


def _input(block: Object, spelled: str) -> Json:
    """Return the exact text of a call's arguments; of other blocks, and where none came, their JSON."""
    if not spelled:
        return block.get("input")
    try:
        return spelled if block.get("type") == "tool_use" else parse(spelled)
    except ValueError:
        return spelled


def _index(event: Object) -> int:
    index = event.get("index")
    return index if isinstance(index, int) else -1
