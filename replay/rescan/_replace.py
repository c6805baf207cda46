"""A file's new bytes: each kind of file rewritten so that it stays what it is and still matches."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from replay.cassette import emit
from replay.cassette import file as cassettes
from replay.cassette.forms import from_shape
from replay.cassette.interaction import Interaction
from replay.cassette.journal import line as journal_line
from replay.cassette.lock import take
from replay.cassette.redact import Redactor
from replay.cassette.shape import to_shape
from replay.conversation import Json
from replay.errors import BadInput
from replay.jsontext import parse
from replay.rescan._files import File
from replay.rescan._look import named, yaml_values
from replay.rescan._scalars import Scalar, rewritten

_CASSETTE = re.compile(rb"(?:---\s*\n)?interactions:")


def replaced(file: File, redactor: Redactor) -> bytes:
    """Return what the file is to hold. Raises BadInput for a file that is damaged or cannot be rewritten."""
    if b"\0" in file.data:
        raise file.fault("this is no text; remove it, or make it anew")
    if file.kind in (".html", ".htm"):
        raise file.fault("a page is not rewritten; rewrite its run, then: replay report RUN")
    if file.path.name.endswith(".journal"):
        return _journal(file, redactor)
    if file.kind in (".yaml", ".yml"):
        return _yaml(file, redactor)
    return _text(file, redactor)


def _yaml(file: File, redactor: Redactor) -> bytes:
    contents = cassettes.read(file.shown, file.data)
    of_vcrpy = contents.version in (None, "", cassettes.VERSION)
    if of_vcrpy and (contents.interactions or _CASSETTE.match(file.data)):
        done = (_interaction(one, redactor) for one in cassettes.whole(contents))
        return "".join(emit.pieces(done)).encode()
    values = yaml_values(file)
    if values is None:
        raise BadInput(contents.errors)
    return redactor.text(_respelled(file.data.decode(), values, redactor)).encode()


def _interaction(one: Interaction, redactor: Redactor) -> Interaction:
    response = redactor.response(one.response)
    source = redactor.json(response.source)
    return Interaction(redactor.request(one.request), replace(response, source=source))


def _respelled(text: str, values: list[Scalar], redactor: Redactor) -> str:
    """Return a YAML text in which only the values that had to have changed."""
    parts, done = list[str](), 0
    for scalar in values:
        new = _value(scalar, redactor)
        if new != scalar.value:
            source = text[scalar.start : scalar.end]
            parts += (text[done : scalar.start], rewritten(source, scalar, new))
            done = scalar.end
    return "".join((*parts, text[done:]))


def _value(scalar: Scalar, redactor: Redactor) -> str | bytes:
    if isinstance(scalar.value, bytes):
        return redactor.data(scalar.value)
    if pair := named(scalar):
        (clean,) = redactor.json(dict([pair])).values()
        return str(clean)
    return redactor.text(scalar.value)


def _journal(file: File, redactor: Redactor) -> bytes:
    """Rewrite what a dead recording left, for `replay cassette recover` to fold in."""
    with file.path.open("rb") as held:
        if not take(held.fileno()):
            raise file.fault("a recording that still runs writes this; wait for its end")
    header, *lines = file.data.splitlines(keepends=True)
    return header + b"".join(_journal_line(file, line, redactor) for line in lines)


def _journal_line(file: File, line: bytes, redactor: Redactor) -> bytes:
    try:
        one = from_shape(parse(line), file.shown, 0, [])
    except ValueError:
        one = None
    return journal_line(to_shape(_interaction(one, redactor))) if one else b""


def _text(file: File, redactor: Redactor) -> bytes:
    data = redactor.data(file.data)
    if file.kind != ".json":
        return b"".join(_json(line, redactor) for line in data.splitlines(keepends=True))
    try:
        parse(file.data)
    except ValueError as problem:
        raise file.fault(f"this is not JSON: {problem}") from None
    return _json(data, redactor, indent=2 if b"\n" in file.data.strip() else None)


def _json(text: bytes, redactor: Redactor, indent: int | None = None) -> bytes:
    """Rewrite streams that JSON keeps as texts; whatever holds none stays as it is."""
    if text.lstrip()[:1] not in (b"{", b"[") or b"\\n" not in text:
        return text
    try:
        value = parse(text)
    except ValueError:
        return text
    clean = _leaves(value, redactor)
    return text if clean == value else json.dumps(clean, indent=indent).encode() + b"\n"


def _leaves(value: Json, redactor: Redactor) -> Json:
    if isinstance(value, str):
        return redactor.text(value) if "\n" in value else value
    if isinstance(value, dict):
        return {name: _leaves(item, redactor) for name, item in value.items()}
    return [_leaves(item, redactor) for item in value] if isinstance(value, list) else value
