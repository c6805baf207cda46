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
from replay.providers import _errors, registry
from replay.serve._journal import Call


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error that this server itself answers with."""

    status: int
    code: str
    message: str
    wire: str | None

    @classmethod
    def of(cls, problem: BaseException, call: Call) -> Refusal:
        """Say what stands in the way of an answer, and note it in the call."""
        call.answer = call.answer if call.answer == "miss" else "refused"
        call.status, code = 400, f"replay_{call.answer}"
        message = str(problem) if isinstance(problem, ReplayError) else _crash(problem)
        return cls(call.status, code, message, call.wire)

    async def send(self, _: Any, send: Any) -> None:
        """Send it, as ASGI does."""
        encode = getattr(registry.get(self.wire), "encode_error", None) if self.wire else None
        body = json.dumps((encode or _errors.encode)(self.status, self.message, self.code)).encode()
        headers = {
            "content-type": "application/json",
            "content-length": str(len(body)),
            "x-should-retry": "false",
            "x-replay-answer": self.code.removeprefix("replay_"),
        }
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        await send({"type": "http.response.body", "body": body})


def _crash(problem: BaseException) -> str:
    """A fault of a project's own, or we, did something wrong: where."""
    place = traceback.extract_tb(problem.__traceback__)[-1:]
    where = "".join(f" at {one.filename}:{one.lineno}" for one in place)
    return f"{type(problem).__name__}: {problem}{where}"
