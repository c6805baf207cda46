"""`rate_limit`, `rate_limit: date` or `rate_limit: {retry_after: ms, seconds: 2, first: 2}`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from replay.faults._answer import Answer
from replay.faults._fault import Call, Instead
from replay.faults._scope import check_amount, check_word

VARIANTS = ("seconds", "date", "ms", "none")


@dataclass(frozen=True)
class RateLimit(Instead):
    """Status 429. `seconds` is when to come back, and `retry_after` how that is said.

    In `seconds`, by an HTTP `date`, in `ms` (the header `retry-after-ms`), or not at all (`none`).
    """

    retry_after: str = "seconds"
    seconds: float = 1

    def __post_init__(self) -> None:
        """Refuse a variant that there is not."""
        super().__post_init__()
        check_word("retry_after", self.retry_after, VARIANTS)
        check_amount("seconds", self.seconds)

    def answer(self, call: Call) -> Answer:
        """Refuse, in the words of the wire."""
        return Answer.refused(call.refusals.of("rate_limit"), self._headers())

    def _headers(self) -> dict[str, str]:
        if self.retry_after == "seconds":
            return {"retry-after": f"{self.seconds:g}"}
        if self.retry_after == "ms":
            return {"retry-after-ms": f"{self.seconds * 1000:g}"}
        if self.retry_after == "none":
            return {}
        now = datetime.now(UTC).replace(microsecond=0)  # of the client's own clock; a date has whole seconds
        then = now + timedelta(seconds=math.ceil(self.seconds))
        return {"date": format_datetime(now, usegmt=True), "retry-after": format_datetime(then, usegmt=True)}
