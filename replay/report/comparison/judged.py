"""What was found of each assertion: rates, the difference with its margin and noise, the paired table."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from replay.comparison import OVERALL, Comparison, Judged, Side, Versus
from replay.report import numbers
from replay.report.comparison import curves, words
from replay.report.page import fill
from replay.report.plots import Scale, ticks

WIDTH, HEIGHT, MIDDLE = 300, 30, 15  # of an interval's drawing
TONES = {"not worse": "passed", "worse": "failed", "undecided": "error"}

TEMPLATE = """
<h2>Assertions</h2>
<div class="scroll">
<table class="judged">
<thead><tr><th scope="col">Assertion</th><th scope="col" class="rate">{{ baseline }}</th><th scope="col" class="rate">{{ candidate }}</th>
<th scope="col" class="plot"><span>Difference, points</span><svg viewBox="0 0 {{ width }} 14" aria-hidden="true">{% for x, text in axis %}<text x="{{ x }}" y="11">{{ text }}</text>{% endfor %}</svg></th><th scope="col">Finding</th></tr></thead>
{% for row in rows %}
<tbody class="{{ row.tone }}{% if row.overall %} overall{% endif %}">
<tr><th scope="row">{{ row.one.assertion }}</th>
<td class="rate" data-side="{{ baseline }}"><b>{{ row.one.baseline.rate.value|percent }}</b><small>{{ row.before }}</small></td>
<td class="rate" data-side="{{ candidate }}"><b>{{ row.one.candidate.rate.value|percent }}</b><small>{{ row.after }}</small></td>
<td class="plot">{{ row.plot }}<small>{{ row.difference }}</small></td>
<td class="finding"><span class="sign" aria-hidden="true"></span> <b>{{ row.one.finding }}</b><small>{{ row.one.reason }}</small>{% if row.evidence %}<small class="needed">{{ row.evidence }}</small>{% endif %}</td></tr>
<tr class="more"><td colspan="5"><details{% if row.overall %} open{% endif %}><summary>{{ row.counts }}</summary>
<div class="detail">
<table class="paired"><caption>Conversations, by most of their attempts</caption>
<thead><tr><td></td><th scope="col">{{ candidate }} passed</th><th scope="col">{{ candidate }} failed</th></tr></thead>
<tbody><tr><th scope="row">{{ baseline }} passed</th><td><b>{{ row.one.table.both|count }}</b> both</td><td class="{{ "failed" if row.one.table.lost }}"><b>{{ row.one.table.lost|count }}</b> lost</td></tr>
<tr><th scope="row">{{ baseline }} failed</th><td class="{{ "passed" if row.one.table.won }}"><b>{{ row.one.table.won|count }}</b> won</td><td><b>{{ row.one.table.neither|count }}</b> neither</td></tr></tbody></table>
<dl class="tests">{% for name, value in row.facts %}<div><dt>{{ name }}</dt><dd>{{ value }}</dd></div>{% endfor %}</dl>
{{ row.curves }}
</div></details></td></tr>
</tbody>
{% endfor %}
</table>
</div>
<p class="legend"><span><svg viewBox="0 0 20 12" aria-hidden="true"><line class="zero" x1="10" x2="10" y2="12"/></svg>no difference</span>
<span><svg viewBox="0 0 20 12" aria-hidden="true"><line class="margin" x1="10" x2="10" y2="12"/></svg>margin: so much worse still counts as not worse</span>
{% if noise %}<span><svg viewBox="0 0 20 12" aria-hidden="true"><rect class="noise" width="20" height="12"/></svg>noise floor: so much {{ baseline }} differs from itself</span>{% endif %}
<span>{{ confidence }}, p adjusted for their number (Holm)</span></p>
"""  # noqa: E501 - markup reads better unbroken

PLOT = """
<svg class="interval" viewBox="0 0 {{ width }} {{ height }}" role="img" aria-label="{{ label }}">
{% if noise %}<rect class="noise" x="{{ noise[0] }}" width="{{ noise[1] }}" height="{{ height }}"/>{% endif %}
<line class="zero" x1="{{ zero }}" x2="{{ zero }}" y2="{{ height }}"/><line class="margin" x1="{{ margin }}" x2="{{ margin }}" y2="{{ height }}"/>
{% if low is not none %}<path class="reach" d="M{{ low }} {{ middle }}H{{ high }}M{{ low }} {{ middle - 4 }}v8M{{ high }} {{ middle - 4 }}v8"/>{% endif %}
{% if value is not none %}<circle class="value" cx="{{ value }}" cy="{{ middle }}" r="4.5"/>{% endif %}
</svg>
"""  # noqa: E501 - markup reads better unbroken


class Row(NamedTuple):
    """An assertion as the table shows it."""

    one: Judged
    overall: bool
    tone: str
    before: str
    after: str
    difference: str
    counts: str
    evidence: str
    facts: list[tuple[str, str]]
    plot: Any
    curves: Any


def html(comparison: Comparison, versus: Versus) -> Any:
    """Return the table, empty where nothing was judged."""
    if not versus.judged:
        return ""
    scale = _scale(versus)
    marks = ticks(scale.low, scale.high, 6)
    return fill(
        TEMPLATE,
        baseline=comparison.baseline,
        candidate=versus.candidate,
        width=WIDTH,
        axis=[(scale(mark), numbers.points(mark).removesuffix(".0")) for mark in marks],
        rows=[_row(comparison, versus, one, scale) for one in versus.judged],
        noise=any(one.noise is not None for one in versus.judged),
        confidence=words.confidence(comparison),
    )


def _scale(versus: Versus) -> Scale:
    """One scale for all rows, with some room at both ends."""
    reach = [0.0, 0.01]
    for one in versus.judged:
        ends = (one.difference.low, one.difference.high, one.difference.value, -one.margin)
        noise = (one.noise, -one.noise) if one.noise is not None else ()
        reach += [end for end in (*ends, *noise) if end is not None and not math.isnan(end)]
    room = (max(reach) - min(reach)) / 20
    return Scale(min(reach) - room, max(reach) + room, 0, WIDTH)


def _row(comparison: Comparison, versus: Versus, one: Judged, scale: Scale) -> Row:
    return Row(
        one,
        one.assertion == OVERALL,
        TONES[one.finding],
        words.span(one.baseline.rate, numbers.percent),
        words.span(one.candidate.rate, numbers.percent),
        words.estimate(one.difference, numbers.points),
        _counts(one),
        words.evidence(one),
        list(_facts(comparison, versus, one)),
        _plot(one, scale),
        curves.html(comparison.baseline, versus.candidate, one),
    )


def _counts(one: Judged) -> str:
    table = one.table
    counts = f"{table.both:,} both · {table.lost:,} lost · {table.won:,} won · {table.neither:,} neither"
    return f"{counts} · p {numbers.chance(one.p)}"


def _facts(comparison: Comparison, versus: Versus, one: Judged) -> Iterator[tuple[str, str]]:
    yield "p, no difference", f"{numbers.chance(one.p)} ({one.test})"
    yield f"p, worse by {100 * one.margin:.3g} points or more", numbers.chance(one.p_margin)
    if one.noise is not None:
        yield "Noise floor", f"{100 * one.noise:.1f} points"
    yield comparison.baseline, _attempts(one.baseline)
    yield versus.candidate, _attempts(one.candidate)


def _attempts(side: Side) -> str:
    missing = f", {side.missing:,} gave nothing to judge" if side.missing else ""
    return f"{side.passed:,} of {numbers.plural(side.attempts, 'attempt')} passed{missing}"


def _plot(one: Judged, scale: Scale) -> Any:
    value, low, high = one.difference
    noise = one.noise and (scale(-one.noise), round(scale(one.noise) - scale(-one.noise), 1))
    return fill(
        PLOT,
        width=WIDTH,
        height=HEIGHT,
        middle=MIDDLE,
        label=_spoken(one),
        noise=noise,
        zero=scale(0),
        margin=scale(-one.margin),
        value=None if math.isnan(value) else scale(value),
        low=None if low is None else scale(low),
        high=None if high is None else scale(high),
    )


def _spoken(one: Judged) -> str:
    return f"{words.estimate(one.difference, numbers.points)} points, margin {numbers.points(-one.margin)}"
