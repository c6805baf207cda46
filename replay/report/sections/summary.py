"""The first thing on the page: how many cases failed, what the run cost, and how it was started."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

from replay.conversation import Json
from replay.report import numbers
from replay.report.page import fill
from replay.report.summary import RunSummary

order = 10

TEMPLATE = """
<h1 class="headline {{ worst }}">{{ headline }}</h1>
{% if meta or command %}
<p class="meta">{% for text in meta %}<span>{{ text }}</span>{% endfor %}{% if command %}<code>{{ command }}</code>{% endif %}</p>
{% endif %}
{% for fault in run.faults %}
<p class="notice" role="alert">{{ fault }}</p>
{% endfor %}
{% if run.rows %}
<svg class="share" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="{{ spoken }}">
{% for outcome, x, width in bars %}
<rect class="{{ outcome }}" x="{{ x }}" width="{{ width }}" height="10"/>
{% endfor %}
</svg>
<p class="counts">
{% for outcome, number in run.counts.items() if number %}
<a href="#status={{ outcome }}" class="count {{ outcome }}"><span class="sign" aria-hidden="true"></span><b>{{ number|count }}</b> {{ outcome }}</a>
{% endfor %}
</p>
<dl class="facts">
{% for name, value, detail in facts %}
<div><dt>{{ name }}</dt><dd><b>{{ value }}</b>{% if detail %}<small>{{ detail }}</small>{% endif %}</dd></div>
{% endfor %}
</dl>
{% endif %}
"""  # noqa: E501 - markup reads better unbroken

TOKENS = """{{ t.prompt_tokens|compact }} prompt · {{ t.completion_tokens|compact }} completion
{%- if t.cached_tokens %} · {{ t.cached_tokens|compact }} cached{% endif %}
{%- if t.reasoning_tokens %} · {{ t.reasoning_tokens|compact }} reasoning{% endif %}"""

MEDIAN = "{{ t|percentile(0.5)|milliseconds }}"
SPREAD = "median · {{ t|percentile(0.95)|milliseconds }} p95 · {{ t[-1]|milliseconds }} longest"

Fact = tuple[str, str, str]  # name, value, detail


def html(run: RunSummary) -> Any:
    """Return the headline, the counts as a bar and as links, and the facts of the run."""
    bad = run.counts["failed"] + run.counts["error"]
    worst = next((outcome for outcome, number in run.counts.items() if number), "skipped")
    return fill(
        TEMPLATE,
        run=run,
        worst=worst,
        headline=_headline(bad, len(run.rows)),
        spoken=", ".join(f"{number} {outcome}" for outcome, number in run.counts.items()),
        bars=_bars(run),
        facts=[*_cost(run), *_latency(run)],
        meta=[text for text in _meta(run) if text],
        command=_command(run.header.get("command")),
    )


def _headline(bad: int, cases: int) -> str:
    if not cases:
        return "No case has a result"
    if not bad:
        return f"All {cases:,} cases passed" if cases > 1 else "The case passed"
    return f"{bad:,} of {cases:,} cases failed" if cases > 1 else "The case failed"


def _bars(run: RunSummary) -> list[tuple[str, float, float]]:
    bars, x = [], 0.0
    for outcome, number in run.counts.items():
        width = 1000 * number / max(len(run.rows), 1)
        bars.append((outcome, round(x, 2), round(width, 2)))
        x += width
    return bars


def _cost(run: RunSummary) -> list[Fact]:
    totals = run.totals
    every = totals.tokens["prompt_tokens"] + totals.tokens["completion_tokens"]
    facts: list[Fact] = []
    if every:
        facts.append(("Tokens", numbers.compact(every), fill(TOKENS, t=totals.tokens)))
    if totals.unpriced < len(run.rows):
        detail = f"{numbers.plural(totals.unpriced, 'case')} without a price" if totals.unpriced else ""
        facts.append(("Cost", numbers.dollars(totals.cost), detail))
    return facts


def _latency(run: RunSummary) -> list[Fact]:
    named = (("Latency", run.totals.total_ms), ("First token", run.totals.first_token_ms))
    return [(name, fill(MEDIAN, t=times), fill(SPREAD, t=times)) for name, times in named if times]


def _meta(run: RunSummary) -> Iterator[str]:
    header = run.header
    duration, versions = header.get("duration_s"), header.get("versions")
    yield re.sub(r"(\+00:00|Z)$", " UTC", str(header.get("started") or "")).replace("T", " ", 1)
    yield numbers.seconds(duration) if isinstance(duration, int | float) else ""
    yield numbers.plural(run.totals.turns, "turn")
    yield f"record mode {header['mode']}" if header.get("mode") else ""
    if isinstance(versions, dict):
        yield ", ".join(f"{name} {version}" for name, version in versions.items())


def _command(words: Json) -> str:
    if isinstance(words, list):
        return shlex.join(map(str, words))
    return str(words or "")
