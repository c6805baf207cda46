"""Suites against targets: how many cases passed in each. Left out where there is only one of both."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from replay.report.page import fill
from replay.report.summary import RunSummary, anchor

order = 30
WIDEST = 12  # targets that a table can show side by side

TEMPLATE = """
<h2>By suite and target</h2>
<div class="scroll">
<table class="matrix">
<thead><tr><th scope="col">Suite</th>{% for target in targets %}<th scope="col">{{ target }}</th>{% endfor %}</tr></thead>
<tbody>
{% for suite in suites %}
<tr><th scope="row">{{ suite or "(no suite)" }}</th>
{% for target in targets %}
{% set cell = cells[suite, target] %}
<td>
{% if cell.total %}
<a href="{{ cell.anchor }}"><span{% if cell.bad %} class="bad"{% endif %}><b>{{ cell.good|count }}</b> / {{ cell.total|count }}</span>
<svg class="share" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect class="passed" width="{{ cell.good_share }}" height="4"/><rect class="failed" x="{{ 100 - cell.bad_share }}" width="{{ cell.bad_share }}" height="4"/></svg></a>
{% else %}<span class="none">none</span>{% endif %}
</td>
{% endfor %}</tr>
{% endfor %}
</tbody>
</table>
</div>
"""  # noqa: E501 - markup reads better unbroken


@dataclass(frozen=True, slots=True)
class Cell:
    """The cases of one suite against one target."""

    suite: str
    target: str
    counts: Counter[str]

    @property
    def total(self) -> int:
        """All of them."""
        return self.counts.total()

    @property
    def good(self) -> int:
        """Those that passed."""
        return self.counts["passed"]

    @property
    def bad(self) -> int:
        """Those that failed or could not be judged."""
        return self.counts["failed"] + self.counts["error"]

    @property
    def good_share(self) -> float:
        """Per cent that passed."""
        return round(100 * self.good / self.total, 2)

    @property
    def bad_share(self) -> float:
        """Per cent that failed."""
        return round(100 * self.bad / self.total, 2)

    @property
    def anchor(self) -> str:
        """The address of the list of these cases."""
        return anchor(suite=self.suite, target=self.target)


def html(run: RunSummary) -> Any:
    """Return the table, suites down and targets across, both in the order of the run."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for row in run.rows:
        counts.setdefault((row.suite, row.target), Counter())[row.outcome] += 1
    suites = list(dict.fromkeys(suite for suite, _ in counts))
    targets = list(dict.fromkeys(target for _, target in counts))
    if len(counts) < 2 or len(targets) > WIDEST:
        return ""
    cells = {(s, t): Cell(s, t, counts.get((s, t), Counter())) for s in suites for t in targets}
    return fill(TEMPLATE, suites=suites, targets=targets, cells=cells)
