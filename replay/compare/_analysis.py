"""From a run to what it says: one pass over its results, tests, a decision for each candidate."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from replay import runs
from replay.compare._decide import decided, doubts
from replay.compare._groups import groups
from replay.compare._heard import Heard, notes
from replay.compare._judge import amounts, judged
from replay.compare._question import Question
from replay.compare._tally import Tally
from replay.compare._watch import watched
from replay.comparison import Comparison, Finding, Served, Versus
from replay.conversation import Object
from replay.errors import BadInput, Fault


def compare(run: Path) -> Comparison:
    """Analyse a run that asked its targets the same (a folder, or its `run.jsonl`).

    Raises BadInput where the run is no comparison, or is not in the order of its cases.
    """
    path = runs.locate(run)
    header = runs.read(path).header
    if "compare" not in header:
        message = "this run compares nothing; type: replay compare BASELINE CANDIDATE"
        raise BadInput([Fault(str(path), 1, 0, message)])
    question, faults = Question.from_json(header["compare"]), list[Fault]()
    tallies = [Tally(question.baseline, candidate) for candidate in question.candidates]
    heard = {target: Heard() for target in question.targets}
    for group in groups(path, faults):
        for tally in tallies:
            tally.add(group)
        for target in heard.keys() & group.keys():
            for attempt in group[target]:
                heard[target].add(attempt)
    seen = _seen_before(path, question)
    return Comparison(
        header,
        question.baseline,
        tuple(_versus(tally, question, seen.get(tally.candidate)) for tally in tallies),
        {target: Served(dict(one.models), dict(one.fingerprints)) for target, one in heard.items()},
        (*notes(heard, header), *map(str, faults), *_unanswered(question, heard, header, path)),
    )


def _versus(tally: Tally, question: Question, seen: dict[str, Finding] | None) -> Versus:
    found = judged(tally, question, seen)
    if any(doubts(found, question)):  # more of the same would settle nothing
        found = [replace(one, needed=None) for one in found]
    decision, reasons = decided(found, question)
    return Versus(
        tally.candidate,
        decision,
        reasons,
        tuple(found),
        tuple(amounts(tally, question)),
        tuple(tally.changes),
        dict(tally.changed),
        tally.conversations,
    )


def _seen_before(path: Path, question: Question) -> dict[str, dict[str, Finding]]:
    """What was found while the run came in, where it was looked at then."""
    if not question.until:
        return {}
    return {name: watch.found for name, watch in watched(groups(path, []), question).items()}


def _unanswered(question: Question, heard: dict[str, Heard], header: Object, path: Path) -> Iterator[str]:
    missing = question.cases - sum(one.attempts for one in heard.values())
    if missing > 0 and not header.get("shard"):
        what = f"{missing} of {question.cases} cases have no answer"
        yield f"{what}; go on: replay compare --resume {shlex.quote(str(path.parent))}"
