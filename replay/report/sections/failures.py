"""What failed and why: failures grouped by identity, each with the command that runs it again."""

from __future__ import annotations

from typing import Any

from replay.report.page import fill
from replay.report.summary import RunSummary

order = 20

TEMPLATE = """
<h2>What failed</h2>
{% for group in run.groups %}
<details class="group {{ group.status }}"{% if loop.index <= 8 %} open{% endif %}>
<summary>
<span class="sign" aria-hidden="true"></span>
<span class="identity"><b>{{ group.assertion }}</b> <span>{{ group.kind }}</span></span>
{% if group.status == "error" %}<span class="tag">could not be judged</span>{% endif %}
<span class="number">{{ group.cases|count }} {{ "case" if group.cases == 1 else "cases" }}</span>
</summary>
<ul>
{% for row, message in group.first %}
<li>
<p><a class="case-link" href="{{ row.anchor }}">{{ row.id }}</a> <span class="why">{{ message }}</span></p>
<p class="command"><code data-copy>{{ row.command }}</code></p>
</li>
{% endfor %}
{% if group.cases > group.first|length %}
<li><a class="more" href="{{ group.anchor }}">Show all {{ group.cases|count }} cases</a></li>
{% endif %}
</ul>
</details>
{% endfor %}
"""


def html(run: RunSummary) -> Any:
    """Return the groups, those that failed before those that could not be judged, the largest first."""
    return fill(TEMPLATE, run=run) if run.groups else ""
