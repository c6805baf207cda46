"""OpenTelemetry's spans and logs of calls to models: OTLP as JSON, and what exporters print a line each.

Conventions: OpenTelemetry's own, of all their generations, and OpenLLMetry's (see `_gen_ai`), the Vercel AI
SDK's (`_vercel`), Logfire's and pydantic-ai's (`_logfire`). A call's events are found wherever they are among
the files of an import. https://opentelemetry.io/docs/specs/semconv/gen-ai/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from replay.importers import Logged, _lines
from replay.importers._traces import Traces

_DERIVED = "OpenTelemetry keeps messages, not bodies"
_SHAPE = re.compile(
    rb'"(resource_?(Spans|Logs|spans|logs)|span_?[iI]d|spanContext|parentSpanId|context\.span_id|event_name|eventName)"'
)
_WORDS = re.compile(rb'"(gen_ai\.|ai\.(model|prompt|response|operationId)|llm\.request\.|traceloop\.)')
_LOGFIRE = b'"request_data"'  # a name that an app's own log may use
_BATCH = re.compile(rb'"(resource|scope)_?([sS]pans|[lL]ogs)"')


def sniff(head: bytes) -> float:
    """Tell whether these are spans, or the events of spans: surely, where they speak of models."""
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] not in (b"{", b"[") or not _SHAPE.search(head):
        return 0.0
    if b"openinference.span.kind" in head and b'"gen_ai.' not in head:
        return 0.0
    if _WORDS.search(head):
        return 1.0
    return 0.6 if _BATCH.search(head) or _LOGFIRE in head else 0.4


def together(paths: Iterable[Path]) -> Callable[[Path], Iterator[Logged]]:
    """Return what reads these files, whose spans and events belong together."""
    return Traces(paths, _DERIVED).read


def read(path: Path) -> Iterator[Logged]:
    """Yield the calls of a file; events are looked for in the files beside it."""
    others = (other for other in sorted(path.parent.iterdir()) if other != path and other.is_file())
    return together([path, *(other for other in others if sniff(_lines.head(other)))])(path)
