"""What an exchange of a log says, read by its provider: as much as grouping, choosing and writing look at."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from replay import providers
from replay.conversation import Object
from replay.importers import Logged
from replay.providers import Unreadable, _errors, _wire
from replay.record._calls import Call, Refused, model_call
from replay.turn import ApiError, Reply, Request


@dataclass(frozen=True)
class Facts:
    """One exchange: what was logged, the call that it is, and what was asked in the common words."""

    logged: Logged
    call: Call
    request: Request

    @cached_property
    def answer(self) -> _wire.Answer | None:
        """What came back, None where the log holds neither an answer nor an error."""
        logged = self.logged
        if logged.response is None and logged.error is None:
            return None
        status = logged.status if logged.response is not None else None
        cut = _errors.failed(logged.error, begun=status is not None) if logged.error is not None else None
        codec = providers.registry.get(self.call.wire)
        return _wire.answer(codec, status, logged.response_headers, logged.response or b"", cut)

    @property
    def reply(self) -> Reply | None:
        """The reply, or the part of one that had arrived."""
        return self.answer.reply if self.answer else None

    @property
    def error(self) -> ApiError | None:
        """The error that came in place of a whole reply."""
        return self.answer.error if self.answer else None

    @property
    def whole(self) -> Reply | None:
        """The reply, if it came to its end."""
        return None if self.error else self.reply

    @property
    def moment(self) -> float | None:
        """When it was asked, in seconds since 1970."""
        if self.logged.at is not None:
            return self.logged.at if math.isfinite(self.logged.at) else None
        try:
            return datetime.fromisoformat(self.logged.source.get("recorded_at")).timestamp()  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            return None


def facts(logged: Logged, model: str | None = None) -> Facts:
    """Read an exchange; `model` is taken where none is named. Raises Refused."""
    call = model_call(logged, model)
    try:
        asked = providers.registry.get(call.wire).decode_request(call.body)
    except Unreadable as problem:
        raise Refused(f"the request cannot be read: {problem}") from None
    if not asked.messages:
        raise Refused("the request body has no messages")
    return Facts(logged, call, Request(call.model, asked.messages, asked.tools, _params(asked) | call.params))


def _params(asked: Request) -> Object:
    """An empty list of tools is no tools; a parameter it is not."""
    return {key: value for key, value in asked.params.items() if key != "tools"}
