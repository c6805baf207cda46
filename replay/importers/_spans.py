"""Spans and the events of logs, in any of the forms that OpenTelemetry's exporters write.

OTLP as JSON (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding; also with the names of the
protocol buffers), what the SDKs' own exporters print, Logfire's and Phoenix's records, and rows of a table
whose columns are `attributes.<name>`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from replay.conversation import Json, Object
from replay.importers._parts import as_text
from replay.jsontext import parse


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a span: `name`, its attributes, and (in logs) a body."""

    name: str
    attributes: Object = field(default_factory=dict)
    body: Json = None
    trace: str = ""
    span: str = ""
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A span. `attributes` have their plain values; `failed` is what its status says, None if it did not."""

    name: str = ""
    trace: str = ""
    id: str = ""
    parent: str = ""
    at: float | None = None
    attributes: Object = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    failed: str | None = None


_LAST = 1e11  # seconds since 1970: a number above is one of smaller units
_RESOURCES = ("resourceSpans", "resource_spans", "resourceLogs", "resource_logs")
_SCOPES = ("scopeSpans", "scope_spans", "scopeLogs", "scope_logs", "instrumentationLibrarySpans")


def is_batch(record: Json) -> bool:
    """Tell whether a record of a file holds spans or logs, and is none itself."""
    return isinstance(record, dict) and (
        not record.keys().isdisjoint((*_RESOURCES, *_SCOPES)) or _is_table(record)
    )


def found(record: Json) -> Iterator[Span | Event]:
    """Yield what a record holds: the spans or logs of a batch, one span, one log, or nothing."""
    if not isinstance(record, dict):
        return
    batches = _list(record, *_RESOURCES) or ([record] if _list(record, *_SCOPES) else [])
    items = _rows(record) if _is_table(record) else _items(batches) if batches else [record]
    for item in items:
        yield from _one(item)


def _items(batches: list[Any]) -> Iterator[Object]:
    for batch in _objects(batches):
        for scope in _objects(_list(batch, *_SCOPES)):
            yield from _objects(_list(scope, "spans", "logRecords", "log_records"))


def _is_table(record: Object) -> bool:
    """Tell a table written column by column, as pandas does: `{"attributes.llm.system": {"0": ...}}`."""
    columns = [key for key in record if key.startswith(("attributes.", "context."))]
    return bool(columns) and all(isinstance(record[key], dict) for key in ("name", *columns) if key in record)


def _rows(table: Object) -> Iterator[Object]:
    names = dict.fromkeys(name for column in table.values() if isinstance(column, dict) for name in column)
    for name in names:
        row = {
            key: column[name] for key, column in table.items() if isinstance(column, dict) and name in column
        }
        yield {"context.span_id": name} | row


def _one(data: Object) -> Iterator[Span | Event]:
    trace, span, parent = _ids(data)
    attributes = _attributes(data)
    named = data.get("eventName") or data.get("event_name") or attributes.get("event.name")
    at = _seconds(data)
    if isinstance(named, str) and ("body" in data or not _name(data)):
        yield Event(named, attributes, _value(data.get("body")), trace, span, at)
    elif attributes:
        events = tuple(_event(event) for event in _objects(_list(data, "events", "otel_events")))
        yield Span(_name(data), trace, span, parent, at, attributes, events, _failed(data))


def _event(data: Object) -> Event:
    attributes = _attributes(data)
    body = _value(data.get("body")) if "body" in data else None
    return Event(as_text(data.get("name") or data.get("event_name")), attributes, body, at=_seconds(data))


def _name(data: Object) -> str:
    return next((data[key] for key in ("name", "span_name") if isinstance(data.get(key), str)), "")


def _ids(data: Object) -> tuple[str, str, str]:
    """Return the ids of trace, span and parent; `0x` before them counts for nothing."""
    context: Object = {}
    for key in ("context", "spanContext", "span_context"):
        context |= data[key] if isinstance(data.get(key), dict) else {}
    upper = data["parentSpanContext"] if isinstance(data.get("parentSpanContext"), dict) else {}
    context = {key.removeprefix("context."): value for key, value in data.items()} | context
    trace = _id(context, "traceId", "trace_id")
    span = _id(context, "spanId", "span_id") or (_id(context, "id") if trace else "")
    above = _id(data, "parentSpanId", "parent_span_id", "parent_id", "parentId") or _id(upper, "spanId")
    return trace, span, above


def _id(data: Object, *keys: str) -> str:
    value = next((data[key] for key in keys if isinstance(data.get(key), str)), "")
    return value.removeprefix("0x")


def _attributes(data: Object) -> Object:
    """Return the attributes by name, with plain values."""
    given = data.get("attributes")
    if isinstance(given, str):
        given = _tree(given)
    if isinstance(given, list):
        return {as_text(item.get("key")): _value(item.get("value")) for item in _objects(given)}
    if isinstance(given, dict):
        return given
    start = "attributes."
    columns = {key.removeprefix(start): value for key, value in data.items() if key.startswith(start)}
    return {key: value for key, value in columns.items() if value is not None}


def _value(value: Json) -> Json:
    """Take a value out of OTLP's `AnyValue`; what is none stays as it is."""
    if not isinstance(value, dict) or len(value) != 1:
        return value
    kind, inner = next(iter(value.items()))
    kind = kind.lower().replace("_", "")
    if kind in ("stringvalue", "boolvalue", "doublevalue", "bytesvalue"):
        return inner
    if kind == "intvalue":
        return int(inner) if isinstance(inner, str) and inner.removeprefix("-").isdecimal() else inner
    values = _list(inner, "values") if isinstance(inner, dict) else []
    if kind == "arrayvalue":
        return [_value(item) for item in values]
    if kind == "kvlistvalue":
        return {as_text(item.get("key")): _value(item.get("value")) for item in _objects(values)}
    return value


def _seconds(data: Object) -> float | None:
    """Return when something began, in seconds since 1970, out of any of the forms of exporters."""
    for key in (
        "startTimeUnixNano",
        "start_time_unix_nano",
        "timeUnixNano",
        "observedTimeUnixNano",
        "time_unix_nano",
    ):
        digits = str(data.get(key) or "")
        if digits.isdecimal() and 15 < len(digits) < 20:
            return int(digits) / 1e9
    for key in ("start_time", "startTime", "start_timestamp", "timestamp", "observed_timestamp", "time"):
        at = seconds(data.get(key))
        if at is not None:
            return at
    return None


def seconds(value: Json) -> float | None:
    """Return a moment in seconds since 1970.

    It may be ISO 8601, `[seconds, nanoseconds]`, or a number of s, ms, us or ns.
    """
    if isinstance(value, list) and len(value) == 2 and all(isinstance(part, int) for part in value):
        value = value[0] + value[1] / 1e9 if value[0] < _LAST else None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < _LAST * 1e9:
        while value > _LAST:
            value /= 1000
        return float(value)
    return _moment(value) if isinstance(value, str) else None


def _moment(text: str) -> float | None:
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _failed(data: Object) -> str | None:
    status = data.get("status")
    if isinstance(status, dict):
        code, why = (
            status.get("code", status.get("status_code")),
            status.get("message") or status.get("description"),
        )
    else:
        code = data.get("status_code") or data.get("otel_status_code")
        why = data.get("status_message") or data.get("otel_status_message")
    failed = (
        code == 2 or str(code).upper().removeprefix("STATUS_CODE_").removeprefix("STATUSCODE.") == "ERROR"
    )
    return as_text(why) if failed else None


def _list(data: Object, *keys: str) -> list[Any]:
    for key in keys:
        value = data.get(key)
        value = _tree(value) if isinstance(value, str) else value
        if isinstance(value, list):
            return value
    return []


def _objects(values: list[Any]) -> Iterator[Object]:
    return (value for value in values if isinstance(value, dict))


def _tree(text: str) -> Json:
    try:
        return parse(text)
    except ValueError:
        return None
