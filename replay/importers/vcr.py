"""Cassettes of vcrpy and its relatives, YAML or JSON, plain or gzipped.

Read are vcrpy 1-9 (also with `parsed_body`, with httpx's old `content`/`status_code`, and as the two lists
`requests`/`responses`), go-vcr, Ruby VCR, betamax, R's vcr, plain lists of interactions (PHP-VCR, ExVCR), and
ddapm's one interaction a file. A response that was saved without its request is reported as such.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from replay.cassette.encoding import decoded
from replay.cassette.tree import Reader, typed
from replay.conversation import Json
from replay.errors import BadInput
from replay.importers import Logged
from replay.importers._exchange import exchange
from replay.jsontext import parse

ALONE = True  # a cassette is one recording: its calls belong to no call of another file

_LISTS = ("interactions", "http_interactions")
_MARK = re.compile(
    rb'^"?(interactions|http_interactions|requests|request)"?\s*:|"(http_)?interactions"\s*:\s*\['
    rb'|^-\s+"?(request|response)"?\s*:|^\s*\[\s*\{\s*"(request|response)"\s*:'
    rb'|^\{\s*"requests"\s*:\s*\[\s*\{\s*"(method|uri|url|body|headers)"\s*:',
    re.MULTILINE,
)
_LAID_OUT = re.compile(rb'\s*\{[ \t]*\r?\n\s*"')
_RESPONSE_WORDS = {"choices", "object", "type", "candidates", "output"}


def sniff(head: bytes) -> float:
    """Tell whether this is a cassette; a JSON document that is laid out over lines may be an answer alone."""
    return 1.0 if _MARK.search(head) else 0.25 * bool(_LAID_OUT.match(head))


def read(path: Path) -> Iterator[Logged]:
    """Yield every interaction of a cassette in recorded order, as `interaction 0`, `interaction 1`, ..."""
    try:
        pairs = _pairs(_document(decoded(path.read_bytes(), "")))
    except BadInput as damage:
        fault = damage.faults[0]
        yield Logged(str(path), "", refused=f"line {fault.line}: {fault.message}")
        return
    except UnicodeDecodeError as problem:
        yield Logged(str(path), "", refused=f"not UTF-8 (byte {problem.start})")
        return
    except (ValueError, OSError) as problem:
        yield Logged(str(path), "", refused=str(problem))
        return
    for number, pair in enumerate(pairs):
        place = f"interaction {number}"
        try:
            yield exchange(
                str(path), place, pair.get("request"), pair.get("response"), pair.get("recorded_at")
            )
        except (ValueError, TypeError, AttributeError) as problem:
            yield Logged(str(path), place, refused=f"the interaction cannot be read: {problem}")


def _document(data: bytes) -> Json:
    if data.lstrip()[:1] in (b"{", b"["):
        try:
            return parse(data)
        except ValueError:
            pass  # YAML in flow style begins the same way
    reader = _Foreign(data.decode("utf-8-sig"), "")
    return typed(reader.read()) if reader.document() else None


class _Foreign(Reader):
    """The cassettes' reader, which knows what Ruby calls binary as well."""

    def _text(self, event: Any) -> str | bytes:
        if event.tag == "!binary":
            event.tag = "tag:yaml.org,2002:binary"
        return super()._text(event)


def _pairs(document: Json) -> list[Any]:
    """Return the interactions, each `{request, response}` in the recorder's own shape. Raises ValueError."""
    if isinstance(document, list) and all(isinstance(pair, dict) and "request" in pair for pair in document):
        return document
    if not isinstance(document, dict):
        raise ValueError("no cassette: the top level is not a mapping")
    for key in _LISTS:
        if isinstance(document.get(key), list):
            return list(document[key])
    requests, responses = document.get("requests"), document.get("responses")
    if isinstance(requests, list) and isinstance(responses, list):
        return [{"request": one, "response": other} for one, other in zip_longest(requests, responses)]
    if "request" in document or "response" in document:
        return [document]
    if document.keys() & _RESPONSE_WORDS:
        return [{"response": document}]
    raise ValueError('no cassette: it has no list "interactions"')
