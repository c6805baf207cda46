"""pass@k and pass^k: how many conversations pass at least once, and always, in k attempts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from replay.comparison import Judged, Side
from replay.report import numbers
from replay.report.page import fill
from replay.report.plots import Scale, spread_out

WIDTH, HEIGHT = 340, 150
LEFT, RIGHT, TOP, BOTTOM = 38, 250, 10, 126  # of the drawing within
STEPS = (0.0, 0.5, 0.75, 0.9)  # where the scale may begin

TEMPLATE = """
<figure class="curves">
<figcaption>Of k attempts: at least one passed (@k), all did (^k)</figcaption>
<svg viewBox="0 0 {{ width }} {{ height }}" role="img" aria-label="{{ label }}">
{% for y, text in rows %}<line class="grid" x1="{{ left }}" x2="{{ right }}" y1="{{ y }}" y2="{{ y }}"/><text class="end" x="{{ left - 6 }}" y="{{ y + 4 }}">{{ text }}</text>{% endfor %}
{% for x, text in columns %}<text class="middle" x="{{ x }}" y="{{ bottom + 18 }}">{{ text }}</text>{% endfor %}
{% for line in lines %}<polyline class="{{ line.side }} {{ line.kind }}" points="{{ line.points }}"/>
{% endfor %}
{% for line in lines %}<text class="{{ line.side }}" x="{{ right + 6 }}" y="{{ line.place + 4 }}">{{ line.text }}</text>
{% endfor %}
</svg></figure>
"""  # noqa: E501 - markup reads better unbroken


class Line(NamedTuple):
    """A curve, and the text at its end."""

    side: str
    kind: str
    points: str
    text: str
    place: float


def html(baseline: str, candidate: str, one: Judged) -> Any:
    """Return the drawing, empty where each conversation had one attempt."""
    most = max(len(one.baseline.all_of), len(one.candidate.all_of))
    if most < 2:
        return ""
    values = [value for _, _, found in _found(one) for value in found]
    low = max(step for step in STEPS if step <= min(values))
    x, y = Scale(1, most, LEFT + 6, RIGHT), Scale(low, 1, BOTTOM, TOP)
    return fill(
        TEMPLATE,
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=RIGHT,
        bottom=BOTTOM,
        label=_label(baseline, candidate, one),
        rows=[(y(value), f"{100 * value:.3g}%") for value in (low, (1 + low) / 2, 1)],
        columns=[(x(k), f"k={k}" if k == 1 else k) for k in _shown(most)],
        lines=_lines(one, x, y),
    )


def _found(one: Judged) -> Iterator[tuple[str, str, Sequence[float]]]:
    for side, of in (("baseline", one.baseline), ("candidate", one.candidate)):
        yield side, "once", of.at_least_one
        yield side, "always", of.all_of


def _shown(most: int) -> range:
    return range(1, most + 1, max(1, most // 8))


def _lines(one: Judged, x: Scale, y: Scale) -> list[Line]:
    found = [item for item in _found(one) if item[2]]
    places = spread_out([y(values[-1]) for *_, values in found], 12)
    return [
        Line(
            side,
            kind,
            " ".join(f"{x(k)},{y(value)}" for k, value in enumerate(values, 1)),
            f"{'@' if kind == 'once' else '^'}{len(values)} {numbers.percent(values[-1])}",
            place,
        )
        for (side, kind, values), place in zip(found, places, strict=True)
    ]


def _label(baseline: str, candidate: str, one: Judged) -> str:
    return "; ".join((_spoken(baseline, one.baseline), _spoken(candidate, one.candidate)))


def _spoken(name: str, side: Side) -> str:
    pairs = enumerate(zip(side.at_least_one, side.all_of, strict=True), 1)
    told = (
        f"{k}: {numbers.percent(once)} once, {numbers.percent(always)} always" for k, (once, always) in pairs
    )
    return f"{name}, of k attempts, {', '.join(told)}"
