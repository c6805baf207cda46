"""Tokens, cost and latency: both distributions one above the other, and the paired ratio."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from replay.comparison import Amount, Comparison, Versus
from replay.report import numbers
from replay.report.comparison import words
from replay.report.page import fill
from replay.report.plots import Scale
from replay.stats import Spread

WIDTH, TALL, GAP = 340, 44, 22  # of a histogram, and below it
BIN = 2**0.25  # a bin of a Spread ends at so many times its lower edge

TEMPLATE = """
<h2>Tokens, cost, latency <small>per attempt</small></h2>
<div class="amounts">
{% for card in cards %}
<figure class="amount">
<figcaption><b>{{ card.title }}</b> <span class="ratio {{ card.tone }}" title="ratio of geometric means, paired over {{ card.conversations }}">{{ card.ratio }}</span></figcaption>
{{ card.drawing }}
<table><thead><tr><td></td>{% for name in card.columns %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>{% for side, name, values in card.rows %}<tr class="{{ side }}"><th scope="row">{{ name }}</th>{% for value in values %}<td>{{ value }}</td>{% endfor %}</tr>{% endfor %}</tbody></table>
</figure>
{% endfor %}
</div>
"""  # noqa: E501 - markup reads better unbroken

DRAWING = """
<svg viewBox="0 0 {{ width }} {{ height }}" role="img" aria-label="{{ label }}">
{% for side in sides %}
{% for x, y, w, h, text in side.bars %}<rect class="bar {{ side.name }}" x="{{ x }}" y="{{ y }}" width="{{ w }}" height="{{ h }}"><title>{{ text }}</title></rect>{% endfor %}
<line class="grid" x1="0" x2="{{ width }}" y1="{{ side.floor }}" y2="{{ side.floor }}"/>
<line class="median" x1="{{ side.median }}" x2="{{ side.median }}" y1="{{ side.floor - tall }}" y2="{{ side.floor }}"/>
{% endfor %}
{% for x, text, at in axis %}<text class="{{ at }}" x="{{ x }}" y="{{ height - 2 }}">{{ text }}</text>{% endfor %}
</svg>
"""  # noqa: E501 - markup reads better unbroken

Bar = tuple[float, float, float, float, str]  # x, y, width, height, what it says


class Card(NamedTuple):
    """An amount as the page shows it."""

    title: str
    tone: str
    ratio: str
    conversations: str
    columns: tuple[str, ...]
    rows: list[tuple[str, str, list[str]]]
    drawing: Any


class Drawn(NamedTuple):
    """One side's histogram; `floor` is where its bars stand."""

    name: str
    floor: float
    median: float
    bars: list[Bar]


def html(comparison: Comparison, versus: Versus) -> Any:
    """Return a card for each amount that is known of either side."""
    cards = [_card(comparison, versus, amount) for amount in versus.amounts if _sides(amount)]
    return fill(TEMPLATE, cards=cards) if cards else ""


def _sides(amount: Amount) -> list[tuple[str, Spread]]:
    sides = (("baseline", amount.baseline), ("candidate", amount.candidate))
    return [(name, spread) for name, spread in sides if spread and spread.count]


def _card(comparison: Comparison, versus: Versus, amount: Amount) -> Card:
    names = {"baseline": comparison.baseline, "candidate": versus.candidate}
    return Card(
        words.title(amount.name),
        _tone(amount),
        words.estimate(amount.ratio, numbers.factor),
        numbers.plural(amount.conversations, "conversation"),
        ("median", "p95", "total" if _adds_up(amount.name) else "longest"),
        [(side, names[side], _values(amount.name, spread)) for side, spread in _sides(amount)],
        _drawing(amount, names),
    )


def _tone(amount: Amount) -> str:
    """Less is better, where the interval says that it is less."""
    _, low, high = amount.ratio
    if high is not None and high < 1:
        return "passed"
    return "failed" if low is not None and low > 1 else "skipped"


def _values(name: str, spread: Spread) -> list[str]:
    last = spread.total if _adds_up(name) else spread.most
    return [words.quantity(name, value) for value in (spread.median, spread.p95, last)]


def _adds_up(name: str) -> bool:
    """Whether a sum says something: attempts wait side by side, but each is paid for."""
    return name not in ("latency", "first_token")


def _drawing(amount: Amount, names: dict[str, str]) -> Any:
    sides = _sides(amount)
    scale = _scale([spread for _, spread in sides])
    tallest = max(count / spread.count for _, spread in sides for _, count in spread.histogram or [(0, 1)])
    height = len(sides) * (TALL + 4) + GAP
    return fill(
        DRAWING,
        width=WIDTH,
        height=height,
        tall=TALL,
        label="; ".join(_spoken(amount.name, names[side], spread) for side, spread in sides),
        sides=[
            _drawn(amount.name, side, spread, scale, tallest, (number + 1) * (TALL + 4))
            for number, (side, spread) in enumerate(sides)
        ],
        axis=_axis(amount.name, scale),
    )


def _scale(spreads: list[Spread]) -> Scale:
    """A logarithmic scale over all bins. Nothing at all (a bin from 0) stands at its beginning."""
    edges = [edge for spread in spreads for edge, _ in spread.histogram if edge > 0] or [1.0]
    low = min(edges) / (BIN if any(edge <= 0 for spread in spreads for edge, _ in spread.histogram) else 1)
    return Scale(low, max(edges) * BIN, 0, WIDTH, math.log2)


def _drawn(name: str, side: str, spread: Spread, scale: Scale, tallest: float, floor: float) -> Drawn:
    median = scale(max(spread.median, scale.low))
    return Drawn(side, floor, median, list(_bars(name, spread, scale, tallest, floor)))


def _bars(name: str, spread: Spread, scale: Scale, tallest: float, floor: float) -> Iterator[Bar]:
    for edge, count in spread.histogram:
        low = max(edge, scale.low)
        x, height = scale(low), round(TALL * count / spread.count / tallest, 1)
        text = f"{words.quantity(name, edge)} to {words.quantity(name, low * BIN)}: {count:,}"
        yield x, round(floor - height, 1), round(max(scale(low * BIN) - x - 1, 1), 1), height, text


def _axis(name: str, scale: Scale) -> list[tuple[float, str, str]]:
    middle = math.sqrt(scale.low * scale.high)
    places = ((scale.low, ""), (middle, "middle"), (scale.high, "end"))
    return [(scale(value), words.quantity(name, value), at) for value, at in places]


def _spoken(name: str, target: str, spread: Spread) -> str:
    median, p95, _ = _values(name, spread)
    return f"{target}: median {median}, 95% below {p95}"
