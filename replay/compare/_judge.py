"""From counts to findings: each assertion tested, and told in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal

from replay import stats
from replay.compare._question import Question
from replay.compare._tally import Tally, differing, table
from replay.comparison import OVERALL, Amount, Finding, Judged, Side
from replay.stats import Difference, Pair

Where = Literal["baseline", "candidate"]


def judged(tally: Tally, question: Question, watched: Mapping[str, Finding] | None = None) -> list[Judged]:
    """Judge every assertion, OVERALL first, and next what has a margin of its own.

    Claims are adjusted for their number by Holm: those of a difference over all assertions that differ often
    enough to be claimed at all, those of none over what has to be shown, and over the others. What was
    `watched` while it came in is found by that alone: a test for one look does not hold for many.
    """
    names = sorted(tally.pairs, key=lambda name: (name != OVERALL, name not in question.primary))
    confidence = 1 - question.alpha
    apart = {name: stats.difference(tally.pairs[name], confidence) for name in names}
    p = _adjusted(tally, {name: found.p for name, found in apart.items()}, question.alpha)
    p_margin = _not_worse(tally, question, names)

    def found(name: str) -> Finding:
        if watched is not None:
            return watched.get(name, "undecided")
        return _finding(apart[name], p[name], p_margin[name], question.alpha)

    findings = {name: found(name) for name in names}
    levels = _levels(tally, question, findings, apart)
    return [
        _judged(tally, question, name, apart[name], p[name], p_margin[name], findings[name], levels[name])
        for name in names
    ]


def _adjusted(tally: Tally, raw: Mapping[str, float], alpha: float) -> dict[str, float]:
    """Adjust p by Holm over those that could be small.

    Where d conversations differ no p is below 2 ** (1 - d), whatever they say: what cannot be claimed need
    not be paid for (R. E. Tarone, Biometrics 46 (1990) 515).
    """
    return dict(raw) | stats.holm({name: p for name, p in raw.items() if _possible(tally, name, alpha)})


def _possible(tally: Tally, name: str, alpha: float) -> bool:
    return 2.0 ** (1 - differing(tally.pairs[name])) <= alpha


def _not_worse(tally: Tally, question: Question, names: Iterable[str]) -> dict[str, float]:
    margins = {name: stats.not_worse(tally.pairs[name], question.margin_of(name)) for name in names}
    primary = {name: p for name, p in margins.items() if name in question.primary}
    return stats.holm(primary) | stats.holm({name: p for name, p in margins.items() if name not in primary})


def _levels(
    tally: Tally, question: Question, findings: Mapping[str, Finding], apart: Mapping[str, Difference]
) -> dict[str, float]:
    """The alpha that more evidence is planned for: Holm's, over the claims that are still open beside it."""
    still = [name for name, finding in findings.items() if finding == "undecided"]
    worse = [name for name in still if _possible(tally, name, question.alpha)]

    def beside(name: str) -> list[str]:
        if apart[name].interval.value <= -question.margin_of(name):
            return worse
        return [other for other in still if (other in question.primary) == (name in question.primary)]

    return {name: question.alpha / max(len(beside(name)), 1) for name in findings}


def _judged(
    tally: Tally,
    question: Question,
    name: str,
    apart: Difference,
    p: float,
    p_margin: float,
    known: Finding,
    level: float,
) -> Judged:
    pairs, margin = tally.pairs[name], question.margin_of(name)
    noise = stats.noise(_counts(pairs, "baseline"), 1 - question.alpha)
    finding, reason = _told(known, apart, margin, noise)
    needed = stats.needed(pairs, margin, level, question.power) if finding == "undecided" else None
    return Judged(
        name,
        _side(tally, name, "baseline", question),
        _side(tally, name, "candidate", question),
        table(pairs),
        apart.interval,
        p,
        p_margin,
        apart.test,
        margin,
        noise,
        finding,
        reason,
        needed,
    )


def _finding(apart: Difference, p: float, p_margin: float, alpha: float) -> Finding:
    if p_margin <= alpha:
        return "not worse"
    return "worse" if p <= alpha and apart.interval.value < 0 else "undecided"


def _told(known: Finding, apart: Difference, margin: float, noise: float | None) -> tuple[Finding, str]:
    """Say a finding in words; a difference that the baseline has with itself is none."""
    value = apart.interval.value
    if known == "worse" and noise is not None and abs(value) <= noise:
        return (
            "undecided",
            f"{_points(value)} is no more than the baseline differs from itself (±{100 * noise:.1f})",
        )
    if known == "worse":
        return known, f"{_points(value)}, which is not by chance"
    if known == "not worse":
        return known, f"{_points(value)}; less than {100 * margin:g} points worse"
    return known, f"{_points(value)}; {100 * margin:g} points worse or more is not excluded"


def _points(share: float) -> str:
    """Write a difference of rates as points of a hundred."""
    sign = "+" if share > 0 else "−" if share < 0 else "±"
    return f"{sign}{abs(share) * 100:.1f} points"


def _side(tally: Tally, name: str, side: Where, question: Question) -> Side:
    counts = _counts(tally.pairs[name], side)
    target = tally.baseline if side == "baseline" else tally.candidate
    ks = range(1, max(attempts for _, attempts in counts) + 1)
    return Side(
        sum(passed * times for (passed, _), times in counts.items()),
        sum(attempts * times for (_, attempts), times in counts.items()),
        tally.missing[name, target],
        stats.rate(counts, 1 - question.alpha),
        tuple(stats.pass_at_k(counts, k) for k in ks),
        tuple(stats.pass_all_k(counts, k) for k in ks),
    )


def _counts(pairs: Mapping[Pair, int], side: Where) -> Counter[tuple[int, int]]:
    counts: Counter[tuple[int, int]] = Counter()
    for pair, times in pairs.items():
        counts[pair[:2] if side == "baseline" else pair[2:]] += times
    return counts


def amounts(tally: Tally, question: Question) -> list[Amount]:
    """Return what is known of tokens, cost and latency."""
    found = []
    for name, kept in tally.amounts.items():
        before, after = kept.baseline.spread(), kept.candidate.spread()
        if before.count or after.count:
            ratio = kept.ratio(1 - question.alpha)
            found.append(Amount(name, before, after, ratio, kept.conversations))
    return found
