"""A log that keeps all calls in one form: its answer, put into the words of the provider that was asked."""

from __future__ import annotations

import json
from dataclasses import replace

from replay import providers
from replay.importers import Logged
from replay.providers import _wire
from replay.record._calls import Call, Refused


def in_its_own_words(logged: Logged, call: Call) -> Logged:
    """Return the exchange with the answer that `call.provider` would have sent. Raises Refused."""
    if call.wire == call.provider or logged.response is None or not _succeeded(logged.status):
        return logged
    codec = providers.registry.get(call.wire)
    read = _wire.answer(codec, logged.status, logged.response_headers, logged.response)
    if read.reply is None:
        raise Refused(f"the answer cannot be read: {read.error.message if read.error else 'it is empty'}")
    body = providers.registry.get(call.provider).encode_reply(read.reply)
    headers = {"content-type": "application/json"}
    return replace(logged, response=json.dumps(body).encode(), response_headers=headers)


def _succeeded(status: int | None) -> bool:
    return status is not None and 200 <= status < 300
