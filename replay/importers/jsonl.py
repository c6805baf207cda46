"""JSON Lines: one logged call a line.

A line is a request body; `{request, response}` with bodies, or with whole HTTP messages (`{method, url,
headers, body}` and `{status, headers, body}`); or such a request message with its `response` inside, as in
batch files. A body is any provider's, which is told by it where there is no URL (`url` and `model` may stand
beside it). It may be JSON, JSON in a string, text (server-sent events), or a list of a stream's events. Other
names of the bodies are `request_body` and `response_body`, and in Bedrock's batches `modelInput` and
`modelOutput` (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-data.html). An `error`
that is text is the exception's class name. Lines are read one at a time, whatever the size of the file.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from replay.conversation import Json, Object
from replay.importers import Logged, _lines
from replay.importers._events import framed, is_event, stream_id
from replay.importers._exchange import exchange
from replay.importers._records import attempt, text, tree

_NAMES = {"request": ("request_body", "modelInput"), "response": ("response_body", "modelOutput")}
_UNFRAMED = "the events of a stream were logged without their framing"
REMEMBERED = 10_000  # how many response ids, and streams, are looked back at: memory stays constant


def sniff(head: bytes) -> float:
    """Tell whether some line is a whole JSON object, or the first one is longer than what is seen.

    Other formats are made of such lines as well; in a text with an example in it most lines begin otherwise.
    """
    lines = [line for line in head.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip()][:50]
    begun = [line for line in lines if line[:1] == b"{"]
    if len(lines) == 1 and len(head) >= 2**16:
        return 0.5 * (head.lstrip()[:1] == b"{")
    return 0.5 * (4 * len(begun) > len(lines) and any(isinstance(_lines.record(x)[0], dict) for x in begun))


def read(path: Path) -> Iterator[Logged]:
    """Yield every line as `line 1`, `line 2`, ...; the chunks of one stream come as one, when it is over."""
    seen, streams = _Repeats(), _Streams(str(path))
    try:
        with _lines.opened(path) as stream:
            for number, line in enumerate(_lines.lines(stream), 1):
                record, wrong = _lines.record(line)
                if is_event(record):
                    yield from streams.add(stream_id(record), number)
                else:
                    logged = _logged(str(path), f"line {number}", record, wrong)
                    yield seen.once(logged, _id(record))
    except _lines.DAMAGE as problem:
        yield Logged(str(path), "", refused=f"the file cannot be read to its end: {problem}")
    yield from streams.rest()


def _logged(path: str, place: str, record: Object, wrong: str) -> Logged:
    if not wrong and "messages" in record and "response" in record:
        wrong = "a record of another kind: neither a request body nor {request, response}"
    if wrong:
        return Logged(path, place, refused=wrong)
    return attempt(_exchange, path, place, _renamed(record))


def _renamed(record: Object) -> Object:
    """Return a record whose bodies have the usual names."""
    names = {other: name for name, others in _NAMES.items() for other in others if name not in record}
    return {names.get(key, key): value for key, value in record.items()}


def _exchange(path: str, place: str, record: Object) -> Logged:
    wrapped = bool(record.keys() & {"request", "body", "response"})
    response = _response(record) if wrapped else None
    when = record.get("recorded_at") or record.get("timestamp") or record.get("created_at")
    logged = exchange(path, place, _request(record), response, when if wrapped else None)
    if wrapped:
        logged = replace(logged, model=text(record.get("model")), derived=_derived(record))
    if response is None and logged.request:
        # a request alone is a conversation that is still to be recorded; a failed one has its error
        return replace(logged, refused="", error=(text(record.get("error")) or None) if wrapped else None)
    return logged


def _derived(record: Object) -> str:
    return _UNFRAMED if framed(tree(record.get("response"))) else ""


def _request(record: Object) -> Object | None:
    """Find the request as an HTTP message (`{body, url, ...}`), None when the line has none."""
    if "request" not in record and "response" in record and "body" not in record:
        return None
    request = tree(record.get("request", record))
    if not isinstance(request, dict) or _is_answer(request):
        return None
    where = {name: record[name] for name in ("url", "method") if "request" in record and name in record}
    return request if "body" in request else where | {"body": request}


def _is_answer(body: Object) -> bool:
    """Tell whether a body is a provider's answer."""
    whole = body.get("type") == "message" or body.get("object") == "response"
    return whole or bool(body.keys() & {"choices", "candidates"})


def _response(record: Object) -> Object | None:
    """Find the response as an HTTP message, None when the line has none. Raises ValueError."""
    response = tree(record.get("response"))
    if response is None and isinstance(record.get("error"), dict):
        response = {"error": record["error"]}
    if response is None or (isinstance(response, dict) and "body" in response):
        return response
    failed = response.get("error") if isinstance(response, dict) and not _is_answer(response) else None
    status = record.get("status_code") or (_error_status(failed) if failed else 200)
    return {"status": status, "body": framed(response) or response}


def _error_status(failed: Json) -> int:
    words = (failed.get("status"), failed.get("code")) if isinstance(failed, dict) else ()
    for word in words:
        if isinstance(word, int) and 400 <= word < 600:
            return word
    raise ValueError("an error without its HTTP status")


def _id(record: Any) -> str:
    """Return the id that the provider gave the response, or the empty string."""
    response = record.get("response") if isinstance(record, dict) else None
    for part in (response, response.get("body") if isinstance(response, dict) else None):
        if isinstance(part, dict) and isinstance(part.get("id"), str):
            return str(part["id"])
    return ""


class _Repeats:
    """The last responses' ids and where they stood."""

    def __init__(self) -> None:
        self._places: OrderedDict[str, str] = OrderedDict()

    def once(self, logged: Logged, name: str) -> Logged:
        """Return the call, refused when the same response was logged before."""
        if not name or logged.refused:
            return logged
        if name in self._places:
            return replace(logged, refused=f"the same response as {self._places[name]} ({name})")
        self._places[name] = logged.place
        if len(self._places) > REMEMBERED:
            self._places.popitem(last=False)
        return logged


class _Streams:
    """Stream chunks logged one a line, counted by the id of their stream."""

    def __init__(self, path: str) -> None:
        self._path, self._last = path, ""
        self._open: OrderedDict[str, list[int]] = OrderedDict()  # id -> first line, last line, chunks

    def add(self, name: str | None, line: int) -> Iterator[Logged]:
        """Count one chunk, of the stream before it where it names none; yield the oldest of too many."""
        name = self._last if name is None else name
        self._last = name
        span = self._open.setdefault(name, [line, line, 0])
        span[1:] = [line, span[2] + 1]
        if len(self._open) > REMEMBERED:
            yield self._refused(*self._open.popitem(last=False))

    def rest(self) -> Iterator[Logged]:
        """Yield the streams that are left."""
        return (self._refused(name, span) for name, span in self._open.items())

    def _refused(self, name: str, span: list[int]) -> Logged:
        why = f"no request is recorded: {span[2]} chunks of the stream {name or '(no id)'}"
        return Logged(self._path, f"lines {span[0]}-{span[1]}", refused=why)
