"""What a turn cost, or will: usage times the target's price."""

from __future__ import annotations

import math

from replay.conversation import Json
from replay.turn import Turn, Usage

MILLION = 1_000_000


def cost_of(turn: Turn, price: Json) -> float | None:
    """Return what a turn cost in US dollars, None where usage or price is not known.

    The summaries that a context policy asked for on its way are part of it.
    """
    own = cost_of_usage(turn.reply.usage if turn.reply else None, price)
    summaries = turn.context.get("usage")
    beside = cost_of_usage(Usage(**summaries), price) if summaries else 0.0
    return None if own is None or beside is None else own + beside


def cost_of_usage(usage: Usage | None, price: Json) -> float | None:
    """Return what these tokens cost in US dollars, None where usage or price is not known.

    `price` is `{"prompt", "completion", "cached"}` in US dollars for a million tokens. Cached tokens are part
    of the prompt's, and cost as those where no price is given for them.
    """
    if usage is None or not isinstance(price, dict):
        return None
    cached = usage.cached_tokens or 0
    counts: list[Json] = [usage.prompt_tokens, usage.completion_tokens, cached]
    rates = [price.get("prompt"), price.get("completion"), price.get("cached", price.get("prompt"))]
    if not all(map(_known, counts + rates)):
        return None
    prompt, completion, _ = counts
    amounts = zip([prompt - cached, completion, cached], rates, strict=True)
    return float(sum(tokens * rate for tokens, rate in amounts) / MILLION)


def _known(value: Json) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and value >= 0
