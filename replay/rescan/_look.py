"""What a file holds that must not be there, whatever it is wrapped in."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from bisect import bisect_right
from collections.abc import Iterator

from replay.cassette.encoding import Bomb, decoded
from replay.cassette.redact import Redactor
from replay.conversation import Json
from replay.jsontext import parse, strings
from replay.rescan._files import File
from replay.rescan._scalars import NotYaml, Scalar, scalars

Hit = tuple[int, str]  # line, kind

# Headers that say whose account it was: recordings never keep them.
IDENTIFYING = frozenset(
    (
        "authorization",
        "cookie",
        "set-cookie",
        "openai-organization",
        "openai-project",
        "anthropic-organization-id",
    )
)
SHORT = 2048  # characters of a value that is looked at together with its name
_GZIP = re.compile(rb"H4sI[A-Za-z0-9+/]{40,}={0,2}")  # gzip in base64, as a report keeps what is folded


def hits(file: File, redactor: Redactor) -> Iterator[Hit]:
    """Yield `(line, kind)` of everything, some of it more than once."""
    values = yaml_values(file)
    if values is None:
        yield from _in_lines(file.data, redactor.find(file.data))
        yield from _in_json(file.data, redactor)
    else:
        yield from _in_yaml(file.data, values, redactor)
    yield from _in_gzip(file.data, redactor)


def yaml_values(file: File) -> list[Scalar] | None:
    """Return the values of a YAML file; None for a file that is none."""
    if file.kind not in (".yaml", ".yml"):
        return None
    try:
        return list(scalars(file.data.decode()))
    except (NotYaml, UnicodeDecodeError):
        return None


def named(scalar: Scalar) -> tuple[str, str] | None:
    """Return a value with the name that its secrecy is judged by; None where it is judged alone."""
    if not scalar.key or not isinstance(scalar.value, str) or len(scalar.value) > SHORT:
        return None
    return "authorization" if scalar.key.lower() in IDENTIFYING else scalar.key, scalar.value


def _in_lines(data: bytes, found: list[tuple[str, int]]) -> Iterator[Hit]:
    line = done = 0
    for kind, offset in found:
        line, done = line + data.count(b"\n", done, offset), offset
        yield line + 1, kind


def _in_yaml(data: bytes, values: list[Scalar], redactor: Redactor) -> Iterator[Hit]:
    for scalar in values:
        yield from _in_scalar(scalar, redactor)
    text = data.decode()
    starts = [scalar.start for scalar in values]
    for kind, offset in redactor.find(text):  # comments and names are not in any value
        before = bisect_right(starts, offset) - 1
        if before < 0 or values[before].end <= offset:
            yield text.count("\n", 0, offset) + 1, kind


def _in_scalar(scalar: Scalar, redactor: Redactor) -> Iterator[Hit]:
    value = scalar.value if isinstance(scalar.value, bytes) else scalar.value.encode("utf-8", "replace")
    literal = scalar.style == "|" and isinstance(scalar.value, str)
    for line, kind in _in_lines(data := _unpacked(value), redactor.find(data)):
        yield scalar.line + (line - 1 if literal else 0), kind
    if pair := named(scalar):
        kinds = {kind for kind, _ in redactor.find(json.dumps(dict([pair]))) if kind.startswith("field ")}
        yield from (
            (scalar.line, kind if pair[0] == scalar.key else f"header {scalar.key}") for kind in kinds
        )


def _in_json(data: bytes, redactor: Redactor) -> Iterator[Hit]:
    """Look into the texts of JSON, each by itself: a stream kept as one is joined there."""
    for line, value in _documents(data):
        for leaf in strings(value):
            if "\n" in leaf:
                yield from ((line, kind) for kind, _ in redactor.find(leaf))


def _documents(data: bytes) -> Iterator[tuple[int, Json]]:
    if data.lstrip()[:1] not in (b"{", b"["):
        return
    try:
        yield 1, parse(data)
    except ValueError:
        for number, line in enumerate(data.split(b"\n"), 1):
            yield number, _parsed(line)


def _parsed(line: bytes) -> Json:
    try:
        return parse(line)
    except ValueError:
        return None


def _in_gzip(data: bytes, redactor: Redactor) -> Iterator[Hit]:
    for run in _GZIP.finditer(data):
        line, inner = data.count(b"\n", 0, run.start()) + 1, _unpacked(b64decode(run[0] + b"==="))
        yield from ((line, kind) for kind, _ in redactor.find(inner))
        yield from ((line, kind) for _, kind in _in_json(inner, redactor))


def _unpacked(data: bytes) -> bytes:
    try:
        return decoded(data, "gzip")
    except (Bomb, ValueError):
        return data
