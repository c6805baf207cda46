"""What `replay verify` tells a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from replay.report.numbers import chance, compact, dollars, percent, plural
from replay.report.text import visible
from replay.verify._drift import TIERS
from replay.verify._plan import Command
from replay.verify._shown import Drift
from replay.verify._stale import Audit, Group

_LISTED = 5  # cassettes, conversations or files that a line names
_LINES = 6  # of a difference
_WORST = 4  # differences of each tier


def audit_text(audit: Audit) -> str:
    """Return what is stale and why, what records it, and what needs no recording."""
    return visible("\n".join(_audit_lines(audit)))


def _audit_lines(audit: Audit) -> Iterator[str]:
    cassettes = {one.wanted.cassette for one in audit.stale}
    yield f"{plural(audit.fresh, 'case')} up to date, {plural(len(audit.stale), 'case')} stale" + (
        f" ({plural(len(cassettes), 'cassette')})" if cassettes else ""
    )
    for group in audit.groups:
        yield from _group_lines(group)
    if audit.commands:
        yield "to record, the cheapest first:"
        yield from (f"  {command.text}\n    {_estimate(command)}" for command in audit.commands)
    for path, numbers in audit.unused.items():
        yield f"no longer asked for: {', '.join(f'#{number}' for number in numbers)} of {path}"
    if audit.orphans:
        yield f"cassettes of no suite's case (does an app or a test play them?): {_named(audit.orphans)}"
    if audit.unnamed:
        yield f"conversations that no suite names, for which nothing is recorded: {_named(audit.unnamed)}"


def _group_lines(group: Group) -> Iterator[str]:
    yield f"{group.cause}: {plural(len(group.cassettes), 'cassette')} stale"
    yield from (f"  {line}" for line in group.cause.diff.splitlines()[:_LINES])
    yield f"  {_named(group.cassettes)}"


def _estimate(command: Command) -> str:
    prompt, completion = command.tokens
    parts = [plural(len(command.calls), "call")]
    if command.unknown < len(command.calls):
        parts.append(f"about {compact(prompt)} prompt and {compact(completion)} completion tokens")
    if command.unpriced < len(command.calls):
        parts.append(f"about {dollars(command.cost)}")
    if command.unknown:
        parts.append(f"{plural(command.unknown, 'call')} of unknown length")
    elif command.unpriced:
        parts.append(f"{plural(command.unpriced, 'call')} without a price")
    return ", ".join(parts)


def _named(names: Sequence[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def drift_text(drift: Drift) -> str:
    """Return what was asked, how much of each tier drifted, and the worst of each."""
    return visible("\n".join(_drift_lines(drift)))


def _drift_lines(drift: Drift) -> Iterator[str]:
    yield (
        f"{drift.cassettes} of {plural(drift.known, 'cassette')} asked again (seed {drift.seed}): "
        f"{plural(drift.requests, 'request')}, {plural(drift.calls, 'answer')}, {dollars(drift.cost)}"
    )
    served = ", ".join(f"{model} ({count})" for model, count in drift.served.most_common())
    yield from [f"served by {served}"] if served else []
    for (was, now), count in drift.fingerprints.items():
        yield f"fingerprint {was} is now {now} ({plural(count, 'answer')})"
    yield f"{'':10}  drifted" + ("  noise" if drift.repeats > 1 else "")
    for tier in TIERS:
        drifted, noisy = drift.count(tier)
        yield f"{tier:10}  {drifted:7}" + (f"  {noisy:5}" if drift.repeats > 1 else "")
    if drift.wording:
        more, less, p = drift.wording
        yield f"texts: {more} further from the recording than from each other, {less} nearer (p {_p(p)})"
    yield from _worst(drift)
    reasons: dict[str, list[str]] = {}
    for case, why in drift.unanswered.items():
        reasons.setdefault(why, []).append(case)
    yield from (f"no answer: {_named(cases)}: {why}" for why, cases in reasons.items())
    if drift.stale:
        yield f"stale, not asked (see --stale): {_named(drift.stale)}"


def _worst(drift: Drift) -> Iterator[str]:
    shown: Counter[str] = Counter()
    for finding, where in drift.worst:
        shown[finding.tier] += 1
        if shown[finding.tier] <= _WORST:
            edited = f", {percent(finding.size)} edited" if finding.tier == "text" else ""
            more = f" and {plural(len(where) - 1, 'more request')}" if len(where) > 1 else ""
            yield f"{finding.tier}: {where[0].case}, turn {where[0].turn}{more}{edited}"
            yield from (f"  {line}" for line in finding.diff.splitlines()[:_LINES])
    for tier, count in shown.items():
        if count > _WORST:
            yield f"{tier}: and {count - _WORST} more (--json lists them)"


def _p(p: float) -> str:
    text = chance(p)
    return f"< {text[1:]}" if text.startswith("<") else f"= {text}"
