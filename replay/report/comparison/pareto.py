"""All targets at once: quality against cost against latency, and which of them another one beats."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from replay.comparison import Comparison, Versus
from replay.report import numbers
from replay.report.comparison import words
from replay.report.page import fill
from replay.report.plots import Scale, spread_out, ticks
from replay.stats import Interval, Spread

WIDTH, HEIGHT = 640, 340
LEFT, RIGHT, TOP, BOTTOM = 52, 620, 16, 290  # of the drawing within
SMALL, LARGE = 6.0, 17.0  # radius of the fastest and the slowest

TEMPLATE = """
<figure class="pareto">
<figcaption>Pass rate against cost; larger is slower{% if front %}; the line: the most for the money{% endif %}</figcaption>
<svg viewBox="0 0 {{ width }} {{ height }}" role="img" aria-label="{{ label }}">
{% for y, text in rows %}<line class="grid" x1="{{ left }}" x2="{{ right }}" y1="{{ y }}" y2="{{ y }}"/><text class="end" x="{{ left - 8 }}" y="{{ y + 4 }}">{{ text }}</text>{% endfor %}
{% for x, text in columns %}<text class="middle" x="{{ x }}" y="{{ bottom + 20 }}">{{ text }}</text>{% endfor %}
<text class="end" x="{{ right }}" y="{{ bottom + 40 }}">{{ axis }} per attempt →</text>
{% if front %}<polyline class="front" points="{{ front }}"/>{% endif %}
{% for dot in dots %}
<g class="{{ dot.kind }}"><title>{{ dot.told }}</title>{% if dot.reach %}<line class="reach" x1="{{ dot.x }}" x2="{{ dot.x }}" y1="{{ dot.reach[0] }}" y2="{{ dot.reach[1] }}"/>{% endif %}<circle cx="{{ dot.x }}" cy="{{ dot.y }}" r="{{ dot.radius }}"/>
<text class="{{ dot.at }}" x="{{ dot.label[0] }}" y="{{ dot.label[1] }}">{{ dot.name }}{% if dot.beaten %} <tspan>dominated</tspan>{% endif %}</text></g>
{% endfor %}
</svg></figure>
"""  # noqa: E501 - markup reads better unbroken


@dataclass(frozen=True, slots=True)
class Point:
    """A target: its pass rate, mean US dollars per attempt, median milliseconds; None is not known.

    `beaten` names the targets that are at least as good in all that is known, and better in something.
    """

    target: str
    rate: Interval
    cost: float | None
    latency: float | None
    tokens: float | None
    beaten: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dot:
    """A point as it is drawn."""

    name: str
    kind: str
    told: str
    beaten: bool
    x: float
    y: float
    radius: float
    reach: tuple[float, float] | None
    at: str
    label: tuple[float, float]


def points(comparison: Comparison) -> list[Point]:
    """Return the baseline, as it was against the first candidate, and every candidate."""
    sides = [(comparison.baseline, comparison.versus[0], "baseline")] if comparison.versus else []
    sides += [(versus.candidate, versus, "candidate") for versus in comparison.versus]
    found = [_point(*side) for side in sides]
    return [replace(point, beaten=tuple(_beating(point, found))) for point in found]


def _point(target: str, versus: Versus, side: str) -> Point:
    spreads: dict[str, Spread] = {
        amount.name: spread for amount in versus.amounts if (spread := getattr(amount, side)) and spread.count
    }
    means = {name: spread.total / spread.count for name, spread in spreads.items()}
    latency = spreads["latency"].median if "latency" in spreads else None
    one = words.overall(versus)
    rate = getattr(one, side).rate if one else Interval(math.nan, None, None)
    return Point(target, rate, means.get("cost"), latency, means.get("completion_tokens"))


def _beating(point: Point, others: Iterable[Point]) -> Iterator[str]:
    return (other.target for other in others if other is not point and _beats(other, point))


def _beats(one: Point, other: Point) -> bool:
    pairs = [(-one.rate.value, -other.rate.value), (one.cost, other.cost), (one.latency, other.latency)]
    known = [(a, b) for a, b in pairs if a is not None and b is not None]
    return all(a <= b for a, b in known) and any(a < b for a, b in known)


def html(found: Sequence[Point]) -> Any:
    """Return the picture; empty where fewer than two targets have a cost, or tokens in its place."""
    priced = all(point.cost is not None for point in found)
    placed = [
        (point, value) for point in found if (value := point.cost if priced else point.tokens) is not None
    ]
    placed = [(point, value) for point, value in placed if not math.isnan(point.rate.value)]
    if len(placed) < 2:
        return ""
    x, y = _scales(placed)
    form = numbers.dollars if priced else numbers.compact
    return fill(
        TEMPLATE,
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=RIGHT,
        bottom=BOTTOM,
        label="; ".join(told(point) for point, _ in placed),
        rows=[(y(value), f"{100 * value:.3g}%") for value in ticks(y.low, y.high)],
        columns=[(x(value), form(value)) for value in ticks(0, x.high)],
        axis="Cost" if priced else "Completion tokens",
        front=_front(placed, x, y),
        dots=_dots(placed, x, y),
    )


def told(point: Point) -> str:
    """`gpt-4o: 94.0%, $0.002, 840 ms; dominated by gpt-5-mini`."""
    facts = [numbers.percent(point.rate.value)]
    facts += [numbers.dollars(point.cost)] if point.cost is not None else []
    facts += [numbers.milliseconds(point.latency)] if point.latency is not None else []
    beaten = f"; dominated by {', '.join(point.beaten)}" if point.beaten else ""
    return f"{point.target}: {', '.join(facts)}{beaten}"


Placed = Sequence[tuple[Point, float]]


def _scales(placed: Placed) -> tuple[Scale, Scale]:
    lows = [point.rate.value if point.rate.low is None else point.rate.low for point, _ in placed]
    low = max(0.0, math.floor(20 * min(lows)) / 20)
    x = Scale(0, max(value for _, value in placed) * 1.1 or 1.0, LEFT, RIGHT)
    return x, Scale(low if low < 1 else 0.95, 1, BOTTOM, TOP + LARGE)


def _front(placed: Placed, x: Scale, y: Scale) -> str:
    """From the cheapest on, each target that passes more than all that cost less."""
    best: list[tuple[float, float]] = []
    for value, rate in sorted((value, point.rate.value) for point, value in placed):
        if not best or rate > best[-1][1]:
            best.append((value, rate))
    return " ".join(f"{x(value)},{y(rate)}" for value, rate in best) if len(best) > 1 else ""


def _dots(placed: Placed, x: Scale, y: Scale) -> list[Dot]:
    times = [point.latency for point, _ in placed if point.latency is not None] or [1.0]
    size = Scale(min(times), max(times), SMALL, LARGE)
    places = [(x(value), y(point.rate.value)) for point, value in placed]
    heights = spread_out([height + 4 for _, height in places], 16)
    return [
        _dot(point, number == 0, place, height, size, y)
        for number, ((point, _), place, height) in enumerate(zip(placed, places, heights, strict=True))
    ]


def _dot(
    point: Point, is_baseline: bool, place: tuple[float, float], height: float, size: Scale, y: Scale
) -> Dot:
    radius = size(point.latency) if point.latency is not None else SMALL
    _, low, high = point.rate
    reach = None if low is None or high is None else (y(low), y(high))
    left = place[0] > (LEFT + RIGHT) * 0.6
    label = (round(place[0] + (-radius - 6 if left else radius + 6), 1), height)
    kind = "baseline" if is_baseline else "candidate"
    kind += " beaten" if point.beaten else ""
    at = "end" if left else ""
    return Dot(point.target, kind, told(point), bool(point.beaten), *place, radius, reach, at, label)
