"""Every case: a search field, filters, and the list that the page's script fills."""

from __future__ import annotations

from typing import Any

from replay.report.page import fill
from replay.report.summary import OUTCOMES, RunSummary

order = 1000  # the list is long: what comes after it would not be found

TEMPLATE = """
<div class="toolbar" role="search">
<h2>Cases</h2>
<div class="search"><input type="search" id="search" placeholder="Search names, failures and every message" aria-label="Search" aria-describedby="searched" autocomplete="off" spellcheck="false"><kbd>/</kbd></div>
<div class="statuses" role="group" aria-label="Status">
{% for outcome in outcomes if run.counts[outcome] %}
<button type="button" class="count {{ outcome }}" data-status="{{ outcome }}" aria-pressed="false"><span class="sign" aria-hidden="true"></span><span class="word">{{ outcome }}</span> <b>{{ run.counts[outcome]|count }}</b></button>
{% endfor %}
</div>
<div class="picks">
{% for name, label in picks %}
<select data-pick="{{ name }}" aria-label="{{ label }}"><option value="">{{ label }}</option></select>
{% endfor %}
<select data-sort aria-label="Order"><option value="">Failures first</option><option value="run">Order of the run</option><option value="slow">Slowest first</option><option value="tokens">Most tokens first</option><option value="cost">Costliest first</option></select>
</div>
<p class="found"><span id="found" role="status"></span> <span id="searched"></span> <a href="#" id="clear" hidden>clear</a></p>
</div>
<div id="list" role="list" aria-label="Cases"></div>
"""  # noqa: E501 - markup reads better unbroken

PICKS = (
    ("suite", "All suites"),
    ("target", "All targets"),
    ("tag", "All tags"),
    ("identity", "All failures"),
)


def html(run: RunSummary) -> Any:
    """Return the toolbar and the empty list; nothing where the run has no cases."""
    return fill(TEMPLATE, run=run, outcomes=OUTCOMES, picks=PICKS) if run.rows else ""
