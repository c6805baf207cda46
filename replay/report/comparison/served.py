"""Which models answered, and with which fingerprints: whether it was the one that was asked, and one only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from replay.assertions._served import served_as_asked
from replay.comparison import Comparison, Served, Versus
from replay.report import numbers
from replay.report.page import fill
from replay.turn import Target

SHOWN = 8  # models or fingerprints of a target
TEMPLATE = """
<h2>Served by</h2>
<div class="served">
{% for name, models, fingerprints, remarks in rows %}
<div><h3>{{ name }}</h3>
{% for remark in remarks %}<p class="warn">{{ remark }}</p>{% endfor %}
<ul>{% for text, number in models %}<li><span>{{ text }}</span> <small>{{ number }}</small></li>{% endfor %}</ul>
{% if fingerprints %}<ul class="fingerprints">{% for text, number in fingerprints %}<li><code>{{ text }}</code> <small>{{ number }}</small></li>{% endfor %}</ul>{% endif %}
</div>
{% endfor %}
</div>
"""  # noqa: E501 - markup reads better unbroken

Counted = list[tuple[str, str]]


def html(comparison: Comparison, versus: Versus, asked: Mapping[str, Target]) -> Any:
    """Return what answered for both sides; `asked` are the targets of the run by name."""
    names = [name for name in (comparison.baseline, versus.candidate) if name in comparison.served]
    rows = [_row(name, comparison.served[name], asked.get(name)) for name in names]
    return fill(TEMPLATE, rows=rows) if any(models for _, models, _, _ in rows) else ""


def _row(name: str, served: Served, asked: Target | None) -> tuple[str, Counted, Counted, list[str]]:
    return name, _counted(served.models), _counted(served.fingerprints), list(remarks(served, asked))


def remarks(served: Served, asked: Target | None) -> Iterator[str]:
    """Say where another model answered than was asked, or more than one, or one of changing fingerprints."""
    others = [model for model in served.models if asked and not served_as_asked(asked.model, model, asked)]
    if asked and others:
        yield f"asked for {asked.model}, also answered: {', '.join(sorted(others))}"
    if len(served.models) > 1:
        yield f"{len(served.models)} models answered"
    if len(served.fingerprints) > 1:
        yield f"{len(served.fingerprints)} fingerprints"


def _counted(counts: Mapping[str, int]) -> Counted:
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    rest = sum(number for _, number in ranked[SHOWN:])
    shown = [(text, numbers.plural(number, "time")) for text, number in ranked[:SHOWN]]
    return [*shown, (f"{len(ranked) - SHOWN} others", numbers.plural(rest, "time"))] if rest else shown
