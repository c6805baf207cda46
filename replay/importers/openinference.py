"""OpenInference's spans of calls to models: OTLP as JSON, and Phoenix's exports (records, or a table's rows).

https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md and
https://arize.com/docs/phoenix/how-to/extract-data-from-spans. Where an instrumentation kept the provider's
own bodies (`input.value`, `output.value`), these are read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from replay.importers import Logged
from replay.importers._traces import Traces

_DERIVED = "OpenInference keeps messages, and bodies only as its instrumentation put them together"
_WORDS = re.compile(
    rb'openinference\.span\.kind|"(attributes\.)?llm\.(input_messages|model_name|token_count)|"openinference"'
)


def sniff(head: bytes) -> float:
    """Tell whether these are spans with OpenInference's attributes."""
    shaped = re.search(rb'"(resource_?[sS]pans|span_?[iI]d|spanContext|context\.span_id|span_kind)"', head)
    return 0.9 if shaped and _WORDS.search(head) else 0.0


def together(paths: Iterable[Path]) -> Callable[[Path], Iterator[Logged]]:
    """Return what reads these files."""
    return Traces(paths, _DERIVED).read


def read(path: Path) -> Iterator[Logged]:
    """Yield the calls of a file."""
    return together([path])(path)
