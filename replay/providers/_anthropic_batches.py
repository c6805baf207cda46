"""Anthropic's Message Batches, through its SDK.

The requests are the list `requests` of `{custom_id, params}`; results are lines `{custom_id, result}`, where
the result's type is `succeeded` (with its `message`), `errored`, `canceled` or `expired`.
https://docs.anthropic.com/en/docs/build-with-claude/batch-processing
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import anthropic
import httpx2
from anthropic.types.messages import MessageBatch

from replay.conversation import Object
from replay.errors import BadInput
from replay.providers import _batches
from replay.providers._anthropic_errors import STATUS
from replay.providers._batches import Answer, State
from replay.providers._line import Line
from replay.providers._settings import headers, seconds
from replay.turn import Target

_SKEW = 600.0  # seconds that our clock may be ahead of theirs
_TRIES = 4  # of what may be asked twice


class AnthropicBatches:
    """The batches of a target. `options` is what the SDK's client is made with."""

    most, most_bytes = 100_000, 256_000_000
    head, between, tail = b'{"requests": [', b",\n", b"]}"

    def __init__(self, target: Target, transport: Any, options: Object) -> None:
        self._transport, self._line = transport, Line(seconds(target))
        self._query = "?beta=true" if target.settings.get("beta") else ""
        try:
            self._sdk = anthropic.Anthropic(**options, http_client=self._line.http, max_retries=0)
        except httpx2.InvalidURL as problem:
            raise BadInput(f'target "{target.name}": {problem}') from None
        self._sdk._custom_headers = headers(target)  # and not those of ANTHROPIC_CUSTOM_HEADERS

    def entry(self, name: str, body: Object) -> bytes:
        """See `Batches`."""
        return json.dumps({"custom_id": name, "params": body}).encode()

    def create(self, tag: str, file: IO[bytes]) -> str:  # noqa: ARG002
        """Make the batch; the SDK's `create` would hold all of the requests in memory."""
        file.seek(0)
        with self._asking(0) as sdk:
            return str(sdk.post(f"/v1/messages/batches{self._query}", cast_to=MessageBatch, content=file).id)

    def find(self, tag: str, began: float, count: int) -> list[str]:  # noqa: ARG002
        """List the batches of as many requests made since: this API keeps no tag."""
        found = []
        with self._asking(_TRIES) as sdk:
            for batch in sdk.messages.batches.list(limit=100):
                if batch.created_at.timestamp() < began - _SKEW:
                    break
                if sum(batch.request_counts.to_dict().values()) == count:
                    found.append(batch.id)
        return found[::-1]

    def state(self, batch: str) -> State:
        """See `Batches`. Requests count as done only when all of them are."""
        with self._asking(_TRIES) as sdk:
            found = sdk.messages.batches.retrieve(batch)
        counts = found.request_counts
        done = counts.succeeded + counts.errored + counts.canceled + counts.expired
        return State(found.processing_status, done, found.processing_status == "ended")

    def download(self, batch: str, file: IO[bytes]) -> None:
        """Write the results."""
        with (
            self._asking(_TRIES) as sdk,
            sdk.messages.batches.with_streaming_response.results(batch) as response,
        ):
            _batches.pieces(response, file)

    def answer(self, line: Object) -> Answer:
        """Read a line of the results."""
        result = line.get("result") or {}
        if result.get("type") == "succeeded":
            return _batches.as_answer(200, result.get("message"))
        if result.get("type") != "errored":
            return Answer(None, why=f"the request is {result.get('type')}")
        error = result.get("error") or {}
        kind = (error.get("error") or error).get("type")
        return _batches.as_answer(STATUS.get(str(kind), 500), error)

    @contextmanager
    def _asking(self, retries: int) -> Iterator[Any]:
        with (
            _batches.refusing(anthropic.APIStatusError, anthropic.AnthropicError),
            self._line.over(self._transport),
        ):
            self._sdk.max_retries = retries
            yield self._sdk
