"""OpenAI's Batch API, and those like it (Azure, Groq, Mistral): input, output and error files.

Lines of the input are `{custom_id, method, url, body}`, of the output and of the error file `{custom_id,
response: {status_code, request_id, body}, error}`, in any order; they find each other by `custom_id`, given
together or in one folder. A line may hold both.
https://platform.openai.com/docs/guides/batch
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from replay.conversation import Object
from replay.importers import Logged
from replay.importers._exchange import exchange
from replay.importers._items import beginnings
from replay.importers._join import Halves, Join, beside
from replay.importers._records import mapping, text


def sniff(head: bytes) -> bool:
    """Tell whether records are lines of a batch."""
    found = beginnings(head) if b'"custom_id"' in head else []
    return any("custom_id" in record and bool(record.keys() & {"body", "response"}) for record in found)


def read(path: Path) -> Iterator[Logged]:
    """Yield the calls of a file, together with the files beside it."""
    return together(beside(path, sniff))(path)


def together(paths: Sequence[Path]) -> Callable[[Path], Iterator[Logged]]:
    """Return what reads files that belong together: each answer, and each request that has none."""
    return Join(paths, Halves(_asked, _answered, _logged)).read


def _asked(record: Object) -> str:
    has_result = record.get("response") is not None or record.get("error") is not None
    return text(record.get("custom_id")) if "body" in record and not has_result else ""


def _answered(record: Object) -> str:
    return text(record.get("custom_id")) if "body" not in record else ""


def _logged(path: str, place: str, requests: list[Object], answer: Object | None) -> Logged:
    asked = requests[0] if requests else {}
    got = mapping((answer or {}).get("response"))
    created = mapping(got.get("body")).get("created") or mapping(got.get("body")).get("created_at")
    if requests and not isinstance(asked.get("body"), dict):
        return Logged(path, place, refused="its body is no request")
    logged = exchange(path, place, asked, got or None, created)
    logged = replace(logged, source=logged.source | _source(answer or asked))
    return logged if got else replace(logged, refused="", notes=_why_none(answer or {}))


def _source(record: Object) -> Object:
    return {"id": name} if (name := text(record.get("custom_id"))) else {}


def _why_none(answer: Object) -> tuple[str, ...]:
    error = mapping(answer.get("error"))
    said = ": ".join(filter(None, (text(error.get("code")), text(error.get("message")))))
    return (f"it was not carried out: {said}",) if said else ()
