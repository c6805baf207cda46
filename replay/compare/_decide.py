"""From findings to a decision, with its reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from replay.compare._question import Question
from replay.comparison import Decision, Judged
from replay.report.comparison.words import evidence


def decided(judged: Sequence[Judged], question: Question) -> tuple[Decision, tuple[str, ...]]:
    """Decide, with reasons.

    Nothing on an unreliable baseline; against a switch where anything is worse; for it where all that has to
    be shown is.
    """
    if not judged:
        return "undecided", ("no conversation was judged for both",)
    if doubtful := tuple(doubts(judged, question)):
        return "undecided", doubtful
    if worse := tuple(f"{one.assertion}: {one.reason}" for one in judged if one.finding == "worse"):
        return "do not switch", worse
    primary = {one.assertion: one for one in judged if one.assertion in question.primary}
    unseen = tuple(
        f"{name}: was judged in no conversation" for name in question.primary if name not in primary
    )
    if unsettled := unseen + tuple(_open(one) for one in primary.values() if one.finding == "undecided"):
        return "undecided", unsettled
    return "switch", tuple(f"{one.assertion}: {one.reason}" for one in primary.values())


def doubts(judged: Sequence[Judged], question: Question) -> Iterator[str]:
    """Say why the baseline, or what was heard of either side, is nothing to measure by."""
    for one in (one for one in judged if one.assertion in question.primary):
        for name, side in (("baseline", one.baseline), ("candidate", one.candidate)):
            asked = side.attempts + side.missing
            if side.missing > question.silent * asked:
                silent = f"{side.missing} of {asked} attempts of the {name} gave nothing to judge"
                yield f"{one.assertion}: {silent}; ask again with --resume"
        if one.baseline.rate.value < question.least:
            yield (
                f"{one.assertion}: the baseline itself passes {one.baseline.rate.value:.0%}, less than "
                f"{question.least:.0%}; mend the assertion or the baseline first"
            )


def _open(one: Judged) -> str:
    needed = evidence(one)
    return f"{one.assertion}: {one.reason}" + (f"; need {needed}" if needed else "")
