"""OpenAI's Batch API, through its SDK; Azure's is the same with another client.

The file holds a line `{custom_id, method, url, body}` for each request; output and error file a line
`{custom_id, response: {status_code, request_id, body}, error: {code, message}}`.
https://platform.openai.com/docs/guides/batch, https://learn.microsoft.com/azure/ai-foundry/openai/how-to/batch
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import httpx2
import openai

from replay.conversation import Object
from replay.errors import BadInput
from replay.providers import _batches
from replay.providers._batches import Answer, Complaint, State
from replay.providers._line import Line
from replay.providers._settings import headers, seconds
from replay.turn import Target

_ENDED = ("completed", "failed", "expired", "cancelled")
_NOT_CARRIED_OUT = ("batch_expired", "batch_cancelled")
_STATUS = {"request_timeout": 408}  # of other codes without an answer it is 500
_TAG = "replay"
_ONE_DAY = 86_400.0
_LOOK = 1.0  # seconds between two looks at a file
_TRIES = 4  # of what may be asked twice


class OpenAIBatches:
    """The batches of a target. `client` is the SDK's class, `options` what it is made with.

    `path` is where one of the requests would be sent; with `model` it is asked for under that name.
    """

    most, most_bytes = 50_000, 200_000_000
    head, between, tail = b"", b"\n", b"\n"

    def __init__(
        self, target: Target, transport: Any, client: str, options: Object, path: str, model: str = ""
    ) -> None:
        self._path, self._model = path, model
        self._transport, self._line = transport, Line(seconds(target))
        try:
            self._sdk = getattr(openai, client)(
                **options, http_client=self._line.http, max_retries=0, default_headers=headers(target)
            )
        except httpx2.InvalidURL as problem:
            raise BadInput(f'target "{target.name}": {problem}') from None
        names = (target.settings.get(name) for name in ("organization", "project"))
        self._sdk.organization, self._sdk.project = names

    def entry(self, name: str, body: Object) -> bytes:
        """See `Batches`."""
        body = body | ({"model": self._model} if self._model else {})
        line = {"custom_id": name, "method": "POST", "url": self._path, "body": body}
        return json.dumps(line).encode()

    def create(self, tag: str, file: IO[bytes]) -> str:
        """Upload the file and make the batch; its metadata hold the tag."""
        with self._asking(_TRIES) as sdk:
            uploaded = sdk.files.create(file=(f"{tag}.jsonl", file), purpose="batch")
            while uploaded.status == "pending":  # Azure looks at a file before it may be used
                time.sleep(_LOOK)
                uploaded = sdk.files.retrieve(uploaded.id)
        with self._asking(0) as sdk:
            batch = sdk.batches.create(
                input_file_id=uploaded.id,
                endpoint=self._path,
                completion_window="24h",
                metadata={_TAG: tag},
            )
        return str(batch.id)

    def find(self, tag: str, began: float, count: int) -> list[str]:  # noqa: ARG002
        """Look for the tag in the metadata of what was made since, the newest first."""
        with self._asking(_TRIES) as sdk:
            for batch in sdk.batches.list(limit=100):
                if (batch.metadata or {}).get(_TAG) == tag:
                    return [batch.id]
                if batch.created_at < began - _ONE_DAY:
                    break
        return []

    def state(self, batch: str) -> State:
        """See `Batches`."""
        with self._asking(_TRIES) as sdk:
            found = sdk.batches.retrieve(batch)
        counts = found.request_counts
        complaints = tuple(
            Complaint(each.line, each.code or "", each.message or each.code or "")
            for each in (found.errors and found.errors.data) or ()
        )
        failed = found.status == "failed"
        return State(
            found.status,
            counts.completed + counts.failed if counts else 0,
            found.status in _ENDED,
            (complaints or (Complaint(None, "", "no reason given"),)) if failed else (),
        )

    def download(self, batch: str, file: IO[bytes]) -> None:
        """Write the output file and the error file, those that there are."""
        with self._asking(_TRIES) as sdk:
            found = sdk.batches.retrieve(batch)
            for name in filter(None, (found.output_file_id, found.error_file_id)):
                with sdk.files.with_streaming_response.content(name) as response:
                    _batches.pieces(response, file)

    def answer(self, line: Object) -> Answer:
        """Read a line of the output or the error file."""
        response, error = line.get("response"), line.get("error") or {}
        if isinstance(response, dict) and response.get("status_code"):
            named = {"x-request-id": response["request_id"]} if response.get("request_id") else {}
            return _batches.as_answer(response["status_code"], response.get("body"), named)
        code, message = str(error.get("code")), str(error.get("message") or error.get("code"))
        if code in _NOT_CARRIED_OUT:
            return Answer(None, why=message)
        return _batches.as_answer(_STATUS.get(code, 500), {"error": error})

    @contextmanager
    def _asking(self, retries: int) -> Iterator[Any]:
        with (
            _batches.refusing(openai.APIStatusError, openai.OpenAIError),
            self._line.over(self._transport),
        ):
            self._sdk.max_retries = retries
            yield self._sdk
