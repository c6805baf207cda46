"""The decision: first on the page, with its reasons and the few numbers that matter most."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any, NamedTuple

from replay.comparison import Amount, Comparison, Decision, Versus
from replay.report import numbers
from replay.report.comparison import pareto, words
from replay.report.comparison.address import address
from replay.report.page import fill

HEAD = """
<h1 class="headline {{ tone }}">{{ headline }}</h1>
<p class="meta">{% for text in meta %}<span>{{ text }}</span>{% endfor %}{% if cases %}<a href="{{ cases }}">all cases</a>{% endif %}{% if command %}<code>{{ command }}</code>{% endif %}</p>
{{ body }}
{% if notes %}<ul class="notice notes" aria-label="Notes">{% for note in notes %}<li>{{ note }}</li>{% endfor %}</ul>{% endif %}
"""  # noqa: E501 - markup reads better unbroken

VERDICT = """
<ul class="reasons {{ tone }}">{% for reason in reasons %}<li>{{ reason }}</li>{% endfor %}</ul>
<dl class="facts">{% for name, value, detail in facts %}<div><dt>{{ name }}</dt><dd><b>{{ value }}</b><small>{{ detail }}</small></dd></div>{% endfor %}</dl>
"""  # noqa: E501 - markup reads better unbroken

OVERVIEW = """
<div class="overview">
<div class="scroll">
<table class="targets">
<thead><tr><th scope="col">Target</th><th scope="col">Decision</th><th scope="col">Pass rate</th><th scope="col">Cost</th><th scope="col">Latency</th><th scope="col">Lost, won</th></tr></thead>
<tbody>
{% for row in rows %}
<tr class="{{ row.tone }}"><th scope="row">{% if row.link %}<a href="{{ row.link }}">{{ row.name }}</a>{% else %}{{ row.name }}{% endif %}</th>
<td>{% if row.decision == "baseline" %}<span class="tag">baseline</span>{% else %}<span class="sign" aria-hidden="true"></span> {{ row.decision }}{% endif %}</td>
<td data-label="Pass rate"><b>{{ row.rate }}</b><small>{{ row.difference }}</small></td><td data-label="Cost">{{ row.cost }}</td><td data-label="Latency">{{ row.latency }}</td><td{% if row.changed %} data-label="Lost, won"{% endif %}>{{ row.changed }}</td></tr>
{% endfor %}
</tbody></table>
<p class="legend"><span>difference in points</span><span>cost: mean per attempt</span><span>latency: median</span>{% for row in rows if row.beaten %}<span>{{ row.name }} is dominated by {{ row.beaten }}</span>{% endfor %}</p>
</div>
{{ picture }}
</div>
"""  # noqa: E501 - markup reads better unbroken


class Row(NamedTuple):
    """A target in the overview."""

    name: str
    link: str
    tone: str
    decision: str
    rate: str
    difference: str
    cost: str
    latency: str
    changed: str
    beaten: str


def tone(comparison: Comparison) -> str:
    """The colour is that of the headline: of several candidates the best news decides."""
    found = {versus.decision for versus in comparison.versus}
    best: tuple[Decision, ...] = ("switch", "undecided", "do not switch")
    return words.TONES[next((one for one in best if one in found), "undecided")]


def headline(comparison: Comparison) -> str:
    """Say what to do, in one line."""
    if len(comparison.versus) == 1:
        return words.headline(comparison.versus[0])
    better = [versus.candidate for versus in comparison.versus if versus.decision == "switch"]
    if better:
        return words.HEADLINES["switch"].format(" or ".join(better))
    if any(versus.decision == "undecided" for versus in comparison.versus):
        return f"Not enough evidence to leave {comparison.baseline}"
    return f"Stay with {comparison.baseline}"


def html(comparison: Comparison, cases: str = "") -> Any:
    """Return the head of the page: of one candidate all of it, of several an overview.

    `cases` is the address of the page that has every case.
    """
    alone = len(comparison.versus) == 1
    return fill(
        HEAD,
        tone=tone(comparison),
        headline=headline(comparison),
        meta=[text for text in _meta(comparison) if text],
        cases=cases,
        command=_command(comparison),
        body=verdict(comparison.versus[0]) if alone else _overview(comparison),
        notes=comparison.notes,
    )


def _overview(comparison: Comparison) -> Any:
    found = pareto.points(comparison)
    return fill(OVERVIEW, rows=list(_rows(comparison, found)), picture=pareto.html(found))


def verdict(versus: Versus) -> Any:
    """Return the reasons of a decision and its main numbers."""
    facts = list(_facts(versus))
    return fill(VERDICT, tone=words.TONES[versus.decision], reasons=versus.reasons, facts=facts)


def _facts(versus: Versus) -> Iterator[tuple[str, str, str]]:
    if one := words.overall(versus):
        rates = one.baseline.rate.value, one.candidate.rate.value
        told = f"{words.estimate(one.difference, numbers.points)} points"
        yield "Pass rate", " → ".join(map(numbers.percent, rates)), told
    lost, won = (versus.changed.get(kind, 0) for kind in ("lost", "won"))
    of = f"of {numbers.plural(versus.conversations, 'conversation')}"
    yield "Lost, won", f"{lost:,}, {won:,}", of
    for amount in versus.amounts:
        if amount.name in ("cost", "latency"):
            yield words.title(amount.name), numbers.factor(amount.ratio.value), _medians(amount)


def _medians(amount: Amount) -> str:
    sides = (amount.baseline, amount.candidate)
    known = [words.quantity(amount.name, side.median) if side and side.count else "?" for side in sides]
    return f"median {' → '.join(known)}"


def _rows(comparison: Comparison, found: list[pareto.Point]) -> Iterator[Row]:
    yield from (_row(point, "", "skipped", "baseline", "", "") for point in found[:1])
    for versus, point in zip(comparison.versus, found[1:], strict=True):
        one = words.overall(versus)
        apart = words.estimate(one.difference, numbers.points) if one else ""
        lost, won = (versus.changed.get(kind, 0) for kind in ("lost", "won"))
        told = f"{lost:,}, {won:,}"
        yield _row(point, address(versus), words.TONES[versus.decision], versus.decision, apart, told)


def _row(point: pareto.Point, link: str, tone: str, decision: str, apart: str, changed: str) -> Row:
    return Row(
        point.target,
        link,
        tone,
        decision,
        numbers.percent(point.rate.value),
        apart or words.span(point.rate, numbers.percent),
        numbers.UNKNOWN if point.cost is None else numbers.dollars(point.cost),
        numbers.UNKNOWN if point.latency is None else numbers.milliseconds(point.latency),
        changed,
        ", ".join(point.beaten),
    )


def _meta(comparison: Comparison) -> Iterator[str]:
    header = comparison.header
    asked = header.get("compare")
    if len(comparison.versus) == 1:
        yield f"baseline {comparison.baseline}"
    repeats = asked.get("repeats") if isinstance(asked, dict) else None
    most = max((versus.conversations for versus in comparison.versus), default=0)
    yield numbers.plural(most, "conversation")
    yield numbers.plural(repeats, "repeat") if isinstance(repeats, int) else ""
    yield re.sub(r"(\+00:00|Z)$", " UTC", str(header.get("started") or "")).replace("T", " ", 1)


def _command(comparison: Comparison) -> str:
    words = comparison.header.get("command")
    return shlex.join(map(str, words)) if isinstance(words, list) else str(words or "")
