"""Trend lines as SVG: one chart of one measure (or two), its changes marked, each run a link to its page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from replay.history._trend import Change, Point, Trend
from replay.history._words import NAMES, rate, shown, told, when
from replay.report.page import fill
from replay.report.plots import Scale

WIDTH, HEIGHT = 560, 150
LEFT, RIGHT, TOP, BOTTOM = 66, 552, 12, 124  # of the plot
MANY = 120  # runs from which on only the first chart has a mark for each

TEMPLATE = """
<figure class="chart">
<figcaption>{{ title }} <b>{{ now }}</b></figcaption>
<svg viewBox="0 0 {{ width }} {{ height }}" role="img" aria-label="{{ spoken }}">
<g class="axis"><line x1="{{ left }}" x2="{{ right }}" y1="{{ top }}" y2="{{ top }}"/><line x1="{{ left }}" x2="{{ right }}" y1="{{ bottom }}" y2="{{ bottom }}"/>
<text x="{{ left - 8 }}" y="{{ top + 4 }}" class="end">{{ most }}</text><text x="{{ left - 8 }}" y="{{ bottom + 4 }}" class="end">{{ least }}</text>
<text x="{{ left }}" y="{{ bottom + 18 }}">{{ first }}</text><text x="{{ right }}" y="{{ bottom + 18 }}" class="end">{{ last }}</text></g>
{% for x, w, at, text in marks %}
<g class="change"><title>{{ text }}</title>{% if w %}<rect x="{{ x }}" y="{{ top }}" width="{{ w }}" height="{{ bottom - top }}"/>{% endif %}<line x1="{{ at }}" x2="{{ at }}" y1="{{ top }}" y2="{{ bottom }}"/></g>
{% endfor %}
{% if band %}<polygon class="band" points="{{ band }}"/>{% endif %}
{% for name, line in lines %}<polyline class="{{ name }}" points="{{ line }}"/>
{% endfor %}
{% for x1, x2, y in levels %}<line class="level" x1="{{ x1 }}" x2="{{ x2 }}" y1="{{ y }}" y2="{{ y }}"/>
{% endfor %}
{% for x, y, kind, href, text in dots %}
{% if href %}<a href="{{ href }}">{% endif %}<circle class="{{ kind }}" cx="{{ x }}" cy="{{ y }}" r="3"><title>{{ text }}</title></circle>{% if href %}</a>{% endif %}

{% endfor %}
</svg>
</figure>
"""  # noqa: E501 - markup reads better unbroken

Line = list[tuple[float, float]]


class Chart:
    """The first of `measures` with its levels and marks; the others are thin lines beside it."""

    def __init__(self, trend: Trend, measures: Sequence[str], pages: dict[str, str]) -> None:
        self.trend, self.measures, self.pages = trend, measures, pages
        self._x = Scale(0, len(trend.points) - 1, LEFT + 6, RIGHT - 6)
        self._y = Scale(*_range(trend, measures), BOTTOM, TOP)

    def html(self, title: str) -> Any:
        """Return the figure; nothing where no run has the measure."""
        main = self.measures[0]
        if all(point.value(main) is None for point in self.trend.points):
            return ""
        points = self.trend.points
        now = ", ".join(
            rate(self.trend.last) if measure == "rate" else shown(measure, self.trend.last.value(measure))
            for measure in self.measures
        )
        return fill(
            TEMPLATE,
            title=title,
            now=now,
            spoken=f"{title} of {self.trend.suite} on {self.trend.target} in {len(points)} runs, now {now}",
            most=shown(main, self._y.high),
            least=shown(main, self._y.low),
            first=f"{points[0].at:%Y-%m-%d}",
            last=f"{points[-1].at:%Y-%m-%d}" if len(points) > 1 else "",
            marks=list(self._marks()),
            band=_text(self._band()) if main == "rate" else "",
            lines=[(measure, _text(self._line(measure))) for measure in reversed(self.measures)],
            levels=[
                (self._x(a), self._x(b), self._y(value)) for a, b, value in self.trend.levels(main)
            ],
            dots=list(self._dots(main)),
            width=WIDTH, height=HEIGHT, left=LEFT, right=RIGHT, top=TOP, bottom=BOTTOM,
        )  # fmt: skip

    def _known(self, measure: str) -> Iterator[tuple[int, float]]:
        for place, point in enumerate(self.trend.points):
            value = point.value(measure)
            if value is not None and not point.partial:
                yield place, value

    def _line(self, measure: str) -> Line:
        return [(self._x(place), self._y(value)) for place, value in self._known(measure)]

    def _band(self) -> Line:
        ends = [
            (self._x(place), point.said["rate"][1:])
            for place, point in enumerate(self.trend.points)
            if not point.partial and point.said["rate"] and point.said["rate"][1] is not None
        ]
        return [(x, self._y(high)) for x, (_, high) in ends] + [
            (x, self._y(low)) for x, (low, _) in reversed(ends)
        ]

    def _marks(self) -> Iterator[tuple[float, float, float, str]]:
        """Yield a change's range, from where and how wide, its most likely place, and what it says."""
        for change in self.trend.changes:
            if change.measure in self.measures:
                start, end = self._place(change.earliest), self._place(change.latest)
                x = self._x(start - 0.5)
                wide = round(self._x(end - 0.5) - x, 1)
                text = f"{when(change)}: {told(change)}. There: {'; '.join(change.causes) or 'nothing else'}"
                yield x, wide, self._x(change.place - 0.5), text

    def _place(self, run: str) -> int:
        return next(place for place, point in enumerate(self.trend.points) if point.run == run)

    def _dots(self, measure: str) -> Iterator[tuple[float, float, str, str, str]]:
        if len(self.trend.points) > MANY and measure != "rate":
            return
        for place, point in enumerate(self.trend.points):
            value = point.value(measure)
            if value is not None:
                kind = "partial" if point.partial else ""
                href = self.pages.get(point.run, "")
                yield self._x(place), self._y(value), kind, href, self._said(point)

    def _said(self, point: Point) -> str:
        """What a run's mark says when pointed at."""
        values = [
            f"{NAMES[one]} {rate(point) if one == 'rate' else shown(one, point.value(one))}"
            for one in self.measures
        ]
        part = f"; only {point.said['conversations']} conversations, not judged" if point.partial else ""
        return f"{point.at:%Y-%m-%d %H:%M} {point.run}: {', '.join(values)}{part}"


def _range(trend: Trend, measures: Sequence[str]) -> tuple[float, float]:
    """The ends of the scale: a little more than what the lines need; rates go up to 1."""
    whole = [point for point in trend.points if not point.partial] or list(trend.points)
    if measures[0] == "rate":
        rates = [point.said["rate"] for point in whole if point.said["rate"]]
        lows = [value if low is None else low for value, low, _ in rates]
        return max(0.0, math.ceil(min(lows, default=0) * 20 - 1) / 20), 1.0
    values = [value for point in whole for one in measures if (value := point.value(one)) is not None]
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = (high - low) * 0.12 or high * 0.05 or 1.0
    return max(low - room, 0.0), high + room


def _text(line: Line) -> str:
    return " ".join(f"{x},{y}" for x, y in line)


def newest(changes: Sequence[Change]) -> dict[str, Change]:
    """Return the newest change of each measure; `changes` come the newest first."""
    return {change.measure: change for change in reversed(changes)}
