"""`logprob: -0.5` (the mean of all tokens) or `logprob: {min_token: -4}`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from replay.assertions._found import Found, ReplyAssertion
from replay.conversation import Json
from replay.diff import short
from replay.turn import Reply


@dataclass(frozen=True)
class Logprob(ReplyAssertion):
    """How sure the model was: natural logarithms of probabilities, so 0 at most.

    `min_average` is the least mean over the reply's tokens, `min_token` the least of any one.
    """

    min_average: float | None = None
    min_token: float | None = None

    def __post_init__(self) -> None:
        """Refuse what is no logarithm of a probability."""
        super().__post_init__()
        limits = {name: getattr(self, name) for name in ("min_average", "min_token")}
        for name, limit in limits.items():
            if limit is not None and not (_number(limit) and limit <= 0):
                raise ValueError(f"{name} must be a number of at most 0, not {short(limit)}")
        if all(limit is None for limit in limits.values()):
            raise ValueError("logprob needs one of min_average, min_token")

    def of_reply(self, reply: Reply) -> Iterator[Found]:
        """Compare the mean and the least token."""
        tokens = _tokens(reply.logprobs)
        if not tokens:
            yield Found("not_recorded", "the reply has no logprobs (ask for them: params: {logprobs: true})")
            return
        mean = sum(value for _, value in tokens) / len(tokens)
        if self.min_average is not None and mean < self.min_average:
            message = f"expected a mean logprob of at least {self.min_average:g}, came {mean:.4g}"
            yield Found("average", message, self.min_average, mean)
        token, least = min(tokens, key=lambda item: item[1])
        if self.min_token is not None and least < self.min_token:
            message = f"expected no logprob under {self.min_token:g}, {short(token)} has {least:.4g}"
            yield Found("token", message, self.min_token, least)


def _number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _tokens(logprobs: Json) -> list[tuple[str, float]]:
    """Read the wire's shape: `{"content": [{"token", "logprob"}], "refusal": [...]}`."""
    if not isinstance(logprobs, dict):
        return []
    items = (logprobs.get("content") or []) + (logprobs.get("refusal") or [])
    return [(item["token"], item["logprob"]) for item in items if _number(item.get("logprob"))]
