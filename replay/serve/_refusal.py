"""What is refused, in the words of the wire, and with a status that no SDK tries again.

The SDKs of OpenAI and Anthropic, in all languages, try 408, 409, 429 and 5xx again, Google's those too when
they are told to try at all; `x-should-retry` has the last word with the former.
"""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass
from typing import Any

from replay.errors import ReplayError
from replay.providers import _refusals, registry
from replay.serve._journal import Call, Journal


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error that this server itself answers a call with."""

    call: Call
    code: str
    message: str

    @classmethod
    def of(cls, problem: BaseException, call: Call) -> Refusal:
        """Say what stands in the way of an answer, and note it in the call."""
        call.answer = call.answer if call.answer == "miss" else "refused"
        message = str(problem) if isinstance(problem, ReplayError) else _crash(problem)
        call.status, call.message = 400, message
        return cls(call, f"replay_{call.answer}", message)

    async def send(self, journal: Journal, send: Any) -> None:
        """Send it, as ASGI does."""
        wire = registry.get(self.call.wire) if self.call.wire else None
        refused = _refusals.of(wire).because(self.message, self.code)
        body = json.dumps(refused.body).encode()
        headers = {
            **refused.headers,
            "content-type": "application/json",
            "content-length": str(len(body)),
            "x-should-retry": "false",
            "x-replay-answer": self.code.removeprefix("replay_"),
        }
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        journal.end(self.call, "whole")
        await send({"type": "http.response.start", "status": refused.status, "headers": raw})
        await send({"type": "http.response.body", "body": body})


def _crash(problem: BaseException) -> str:
    """A fault of a project's own, or we, did something wrong: where."""
    place = traceback.extract_tb(problem.__traceback__)[-1:]
    where = "".join(f" at {one.filename}:{one.lineno}" for one in place)
    return f"{type(problem).__name__}: {problem}{where}"
