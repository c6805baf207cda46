"""Which conversations changed: a row each, which the page's script opens side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from replay.comparison import Change, Versus
from replay.report.comparison import words
from replay.report.comparison.address import key
from replay.report.page import fill

TONES = {"lost": "failed", "won": "passed", "changed": "skipped"}

TEMPLATE = """
<div class="toolbar" role="search">
<h2>Conversations</h2>
<div class="statuses" role="group" aria-label="How they changed">
{% for kind, tone, number in kinds %}
<button type="button" class="count {{ tone }}" data-kind="{{ kind }}" aria-pressed="false"><span class="sign" aria-hidden="true"></span><span class="word">{{ kind }}</span> <b>{{ number|count }}</b></button>
{% endfor %}
</div>
<div class="search"><input type="search" placeholder="Search names and failures" aria-label="Search" autocomplete="off" spellcheck="false"><kbd>/</kbd></div>
<p class="found"><span role="status">{{ told }}</span></p>
</div>
{% for row in rows %}
<details class="change {{ row.tone }}" data-kind="{{ row.kind }}" data-key="{{ row.key }}" data-before="{{ row.before }}" data-after="{{ row.after }}">
<summary><span class="sign" aria-hidden="true"></span><span class="kind">{{ row.kind }}</span><span class="row-id">{{ row.name }}</span><span class="row-why">{{ row.why }}</span><span class="row-number" title="attempts that passed: baseline → candidate">{{ row.passed }}</span></summary>
</details>
{% else %}<p class="empty">No conversation came out differently.</p>
{% endfor %}
{% if rest %}<p class="note">{{ rest|count }} more are not on this page.</p>{% endif %}
"""  # noqa: E501 - markup reads better unbroken

Places = Mapping[tuple[str, str], str]  # (suite, case id) -> block and place in it, as `3.12`


class Row(NamedTuple):
    """A conversation in the list. `before` and `after` are the places of its cases; empty where not found."""

    kind: str
    tone: str
    key: str
    before: str
    after: str
    name: str
    why: str
    passed: str


def html(versus: Versus, places: Places) -> Any:
    """Return the filters and the rows."""
    shown = words.in_order(versus.changes)
    total = sum(versus.changed.get(kind, 0) for kind in words.KINDS)
    return fill(
        TEMPLATE,
        kinds=[(kind, TONES[kind], count) for kind in words.KINDS if (count := versus.changed.get(kind, 0))],
        told=words.changed(versus),
        rows=[_row(change, places) for change in shown],
        rest=max(total - len(shown), 0),
    )


def _row(change: Change, places: Places) -> Row:
    return Row(
        change.kind,
        TONES[change.kind],
        key(change),
        places.get((change.suite, change.baseline_case), ""),
        places.get((change.suite, change.candidate_case), ""),
        change.conversation,
        ", ".join(words.failures(change)),
        words.passed(change),
    )


def wanted(changes: tuple[Change, ...]) -> set[tuple[str, str]]:
    """Return the `(suite, case id)` of both sides of all changes."""
    return {(one.suite, case) for one in changes for case in (one.baseline_case, one.candidate_case)}
