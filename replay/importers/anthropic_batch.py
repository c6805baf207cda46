"""Anthropic's Message Batches: the requests that were sent, and the results.

Requests are `{custom_id, params}`, one a line or in the list `requests` of the call that made the batch;
lines of the results are `{custom_id, result}`, where the result's type is `succeeded` (with its `message`),
`errored`, `canceled` or `expired`. They come in any order and find each other by `custom_id`, given together
or in one folder.
https://docs.anthropic.com/en/docs/build-with-claude/batch-processing
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from replay.conversation import Object
from replay.importers import Logged
from replay.importers._items import beginnings
from replay.importers._join import Halves, Join, beside
from replay.importers._records import as_bytes, mapping, text
from replay.providers._anthropic_errors import STATUS

_URL = "https://api.anthropic.com/v1/messages"
_LIST = "requests"


def sniff(head: bytes) -> bool:
    """Tell whether records are requests or results of a batch."""
    found = beginnings(head, _LIST) if b'"custom_id"' in head else []
    return any("custom_id" in record and bool(record.keys() & {"params", "result"}) for record in found)


def read(path: Path) -> Iterator[Logged]:
    """Yield the calls of a file, together with the files beside it."""
    return together(beside(path, sniff))(path)


def together(paths: Sequence[Path]) -> Callable[[Path], Iterator[Logged]]:
    """Return what reads files that belong together: each result, and each request that has none."""
    return Join(paths, Halves(_asked, _answered, _logged, keys=(_LIST,))).read


def _asked(record: Object) -> str:
    return text(record.get("custom_id")) if "params" in record and "result" not in record else ""


def _answered(record: Object) -> str:
    return text(record.get("custom_id")) if "params" not in record else ""


def _logged(path: str, place: str, requests: list[Object], answer: Object | None) -> Logged:
    params = requests[0].get("params") if requests else None
    name = text((answer or requests[0]).get("custom_id"))
    logged = Logged(
        path,
        place,
        url=_URL,
        request=as_bytes(params) if params else b"",
        response_headers={"content-type": "application/json"},
        source={"id": name} if name else {},
        refused="" if isinstance(params, dict) else "its params are no request body",
    )
    return logged if answer is None else _result(logged, mapping(answer.get("result")))


def _result(logged: Logged, result: Object) -> Logged:
    kind = text(result.get("type"))
    if kind == "succeeded":
        return replace(logged, status=200, response=as_bytes(mapping(result.get("message"))))
    if kind == "errored":
        error = mapping(result.get("error"))
        status = STATUS.get(text(mapping(error.get("error") or error).get("type")))
        refused = "" if status else "an error of a kind that is not known"
        return replace(logged, status=status, response=as_bytes(error), refused=logged.refused or refused)
    if kind in ("canceled", "expired"):
        return replace(logged, notes=(f"it was not carried out: the request is {kind}",))
    return replace(logged, refused=logged.refused or "its result is of a type that is not known")
