"""One self-contained page of all trends: the changes first, then each suite and target."""

from __future__ import annotations

import os
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

from replay.atomic import write
from replay.history._charts import Chart, newest
from replay.history._read import History
from replay.history._trend import Change, Trend
from replay.history._words import grouped, told, when, why
from replay.report import page
from replay.report.numbers import plural

ASSETS = Path(__file__).parent
CHARTS = (
    ("Pass rate", ("rate",)),
    ("Tokens of a case", ("tokens",)),
    ("Cost of a case", ("cost",)),
    ("Latency of a turn, median and p95", ("latency", "p95")),
)
NOSCRIPT = "Without JavaScript the page shows everything; only the switch between light and dark needs it."

HEAD = """
<h1 class="headline {{ tone }}">{{ headline }}</h1>
<p class="meta"><span>{{ runs }}</span><span>{{ span }}</span><span>{{ trends }}</span></p>
{% for fault in faults %}<p class="notice">run left out: {{ fault }}</p>
{% endfor %}
"""
CHANGES = """
<h2>What changed, the newest first</h2>
<ol class="changes">
{% for date, run, href, items in groups %}
<li><h3>{% if href %}<a href="{{ href }}">{{ date }}</a>{% else %}{{ date }}{% endif %}</h3>
<table>
{% for group, id, texts in items %}
<tr><th scope="row"><a href="#{{ id }}">{{ group[0].suite or "(no suite)" }} × {{ group[0].target }}</a></th>
<td>{% for change, text, range in texts %}<p class="{{ change.measure }}{{ " down" if change.after < change.before else " up" }}">{{ text }}{% if range %} <small>{{ range }}</small>{% endif %}</p>{% endfor %}</td>
<td class="why">{{ why(group[0]) }}</td></tr>
{% endfor %}
</table></li>
{% endfor %}
</ol>
"""  # noqa: E501 - markup reads better unbroken
TREND = """
<article class="trend" id="{{ id }}">
<h2>{{ suite or "(no suite)" }} <span>×</span> {{ target }} <small>{{ runs }}{% if partial %}, {{ partial }} partial{% endif %}</small></h2>
<div class="charts">{% for chart in charts if chart %}{{ chart }}{% endfor %}</div>
</article>
"""  # noqa: E501 - markup reads better unbroken
LEGEND = """
<p class="legend">A dashed line is a change: most likely there, and within the shade. A thick line is the level between changes,
the pale band Wilson's interval of one run. A hollow mark is a run of only some cases; it is not judged. Where nothing changes,
a line shows a change with a chance of at most 1 in 100.</p>
"""  # noqa: E501 - markup reads better unbroken


def draw(found: History, out: Path) -> Path:
    """Write the page to `out`, with links to the runs' own pages; return it. Raises StorageError."""
    pages = {
        point.run: quote(Path(os.path.relpath(point.path.with_name("index.html"), out.parent)).as_posix())
        for trend in found.trends
        for point in trend.points
        if point.path.with_name("index.html").is_file()
    }
    tone, headline = _headline(found)
    text = page.frame(
        ASSETS,
        tone=tone,
        title="History",
        name="history",
        skip="Skip to the trends",
        noscript=NOSCRIPT,
        sections=[
            ("head", _head(found, tone, headline)),
            ("changes", _changes(found, pages)),
            ("trends", _trends(found, pages)),
        ],
        beside="",
        index=page.island({}),
    )
    write(out, [text.replace(page.MARK, "").encode("utf-8", "replace")])
    return out


def _headline(found: History) -> tuple[str, str]:
    """Say how the pass rates stand since their newest change."""
    latest = [newest(trend.changes).get("rate") for trend in found.trends]
    fell = sum(change is not None and change.after < change.before for change in latest)
    rose = sum(change is not None and change.after > change.before for change in latest)
    if fell:
        return "failed", f"The pass rate fell in {fell} of {plural(len(latest), 'trend')}"
    if rose:
        return "passed", f"The pass rate rose in {rose} of {plural(len(latest), 'trend')}, and fell in none"
    return "passed", f"No pass rate changed in {plural(found.runs, 'run')}"


def _head(found: History, tone: str, headline: str) -> Any:
    times = [point.at for trend in found.trends for point in trend.points]
    return page.fill(
        HEAD,
        tone=tone,
        headline=headline,
        runs=plural(found.runs, "run"),
        span=f"{min(times):%Y-%m-%d} to {max(times):%Y-%m-%d}",
        trends=plural(len(found.trends), "trend"),
        faults=found.faults,
    )


def _changes(found: History, pages: dict[str, str]) -> Any:
    by_run = groupby(grouped(found.changes), lambda group: group[0].run)
    groups = [_of_run(run, list(items), pages) for run, items in by_run]
    return page.fill(CHANGES, groups=groups, why=why) if groups else ""


def _of_run(run: str, groups: list[list[Change]], pages: dict[str, str]) -> tuple[Any, ...]:
    """Return the date of a run, its name, its page, and its groups with their trend and what they say."""
    items = [
        (
            group,
            anchor(group[0].suite, group[0].target),
            [(c, told(c), when(c).partition(" ")[2]) for c in group],
        )
        for group in groups
    ]
    return f"{groups[0][0].at:%Y-%m-%d}", run, pages.get(run, ""), items


def _trends(found: History, pages: dict[str, str]) -> Any:
    from markupsafe import Markup

    return Markup("\n").join([*(_trend(trend, pages) for trend in found.trends), page.fill(LEGEND)])


def _trend(trend: Trend, pages: dict[str, str]) -> Any:
    return page.fill(
        TREND,
        id=anchor(trend.suite, trend.target),
        suite=trend.suite,
        target=trend.target,
        runs=plural(len(trend.points), "run"),
        partial=sum(point.partial for point in trend.points),
        charts=[Chart(trend, measures, pages).html(title) for title, measures in CHARTS],
    )


def anchor(suite: str, target: str) -> str:
    """Return the id of a trend on the page."""
    return quote(f"{suite}--{target}", safe="", errors="replace")
