"""Draws a comparison: what was found and the run it is of in, one self-contained page out.

The run is read once, line by line; only the cases of changed conversations go into the page, compressed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from replay.atomic import write
from replay.comparison import Comparison, Versus
from replay.report import page
from replay.report.blocks import Blocks, around
from replay.report.comparison import amounts, changes, head, judged, served, words
from replay.runs import Line, locate, scan
from replay.turn import Target

ASSETS = Path(__file__).parent
NOSCRIPT = "Opening a conversation side by side needs JavaScript. All else is here without it."

CANDIDATE = """
<section class="versus" data-candidate="{{ name }}">
{% if verdict %}<section class="section"><h2 class="decision {{ tone }}"><span class="sign" aria-hidden="true"></span> {{ headline }}</h2>
{{ verdict }}</section>{% endif %}
{% for part in parts if part %}
<section class="section">
{{ part }}
</section>
{% endfor %}
</section>
"""  # noqa: E501 - markup reads better unbroken

TABS = """
<div class="tabs" role="tablist" aria-label="Candidates">
{% for versus in candidates %}
<button type="button" role="tab" class="{{ tones[versus.decision] }}" data-tab="{{ versus.candidate }}"><span class="sign" aria-hidden="true"></span>{{ versus.candidate }}</button>
{% endfor %}
</div>
"""  # noqa: E501 - markup reads better unbroken


def render(comparison: Comparison, run_jsonl: Path, out: Path, cases: str = "") -> None:
    """Write the page of a comparison to `out`, whole or not at all; `run_jsonl` may be the run's folder.

    `cases` is the address of the page that has every case, seen from this one.

    Raises BadInput where there is no run to read, StorageError where the page cannot be written.
    """
    write(out, _pieces(comparison, locate(run_jsonl), out.parent, cases))


@dataclass(slots=True)
class Picked:
    """What a pass over the run keeps: where each wanted case is in the blocks, and the targets by name."""

    places: dict[tuple[str, str], str] = field(default_factory=dict)
    asked: dict[str, Target] = field(default_factory=dict)


def _pieces(comparison: Comparison, path: Path, folder: Path, cases: str) -> Iterator[bytes]:
    _, lines, _ = scan(path)
    wanted = {case for versus in comparison.versus for case in changes.wanted(versus.changes)}
    with tempfile.TemporaryFile(dir=folder) as spool:
        picked = _pick(lines, wanted, Blocks(spool))
        frame = _frame(comparison, path.resolve().parent.name, picked, cases)
        yield from around(frame, page.MARK, spool)


def _pick(lines: Iterable[Line], wanted: set[tuple[str, str]], blocks: Blocks) -> Picked:
    """Put the wanted cases into blocks. A case that comes again replaces the one before."""
    picked = Picked()
    for line in lines:
        _note(picked.asked, line.data["transcript"].get("target"))
        if line.key in wanted:
            picked.places[line.key] = blocks.place()
            blocks.add(line.text)
    blocks.flush()
    return picked


def _note(asked: dict[str, Target], target: Any) -> None:
    if isinstance(target, dict) and target.get("name") not in asked:
        name, provider, model = (str(target.get(key) or "") for key in ("name", "provider", "model"))
        asked[name] = Target(name, provider, model)


def _frame(comparison: Comparison, name: str, picked: Picked, cases: str) -> str:
    several = len(comparison.versus) > 1
    parts = [_candidate(comparison, versus, picked, several) for versus in comparison.versus]
    return page.frame(
        ASSETS,
        tone=head.tone(comparison),
        title=head.headline(comparison),
        name=name,
        skip="Skip to the conversations",
        noscript=NOSCRIPT,
        sections=[("verdict", head.html(comparison, cases)), ("candidates", _candidates(comparison, parts))],
        beside="",
        index=page.island({"baseline": comparison.baseline}),
    )


def _candidates(comparison: Comparison, parts: list[Any]) -> Any:
    tabs = page.fill(TABS, candidates=comparison.versus, tones=words.TONES) if len(parts) > 1 else ""
    return page.fill("{{ tabs }}{% for part in parts %}{{ part }}{% endfor %}", tabs=tabs, parts=parts)


def _candidate(comparison: Comparison, versus: Versus, picked: Picked, several: bool) -> Any:
    return page.fill(
        CANDIDATE,
        name=versus.candidate,
        tone=words.TONES[versus.decision],
        headline=words.headline(versus),
        verdict=head.verdict(versus) if several else "",
        parts=[
            judged.html(comparison, versus),
            amounts.html(comparison, versus),
            served.html(comparison, versus, picked.asked),
            changes.html(versus, picked.places),
        ],
    )
