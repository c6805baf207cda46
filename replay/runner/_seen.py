"""What is made of a play: oddities, and verdicts on what could not be judged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from replay.cassette.cassette import Cassette
from replay.cassette.redact import Redactor
from replay.conversation import Conversation, Object
from replay.faults import Faults
from replay.run import Result
from replay.suites import Entry
from replay.turn import Target, Transcript
from replay.verdict import Verdict

_MARKS = re.compile(r"\{\+|\+\}|\[-|-\]")  # around what a diff adds and takes away


def failed(kind: str, message: str) -> Verdict:
    """Return a failure that the seam itself has found."""
    return Verdict("seam", "failed", kind, message)


def odd(cassette: Cassette, faults: Faults) -> Iterator[tuple[str, str]]:
    """Yield kind and message of what is worth a look and no failure: with `strict` it is one.

    What a fault kept from being asked for is none.
    """
    for name in faults.idle:
        yield "fault", f"fault {name} was never played"
    if cassette.unplayed and cassette.mode != "all" and not faults:
        numbers = ", ".join(f"#{index + 1}" for index in cassette.unplayed)
        where = f"{cassette.path.parent.name}/{cassette.path.name}"
        yield "unplayed", f"recorded and not asked for: {numbers} of {where}"
    if cassette.elsewhere:
        yield "other_host", "recorded at {}, asked at {}".format(*cassette.elsewhere)


def as_recorded(target: Target, cassette: Cassette) -> Target:
    """Return a target that needs nothing of the environment: it is asked where its recording was.

    That is the next one that is not played.
    """
    uri = next((cassette.interactions[index].request.uri for index in cassette.unplayed), "")
    return replace(target, settings={**target.settings, "recorded_uri": uri})


def clean(transcript: Transcript, redactor: Redactor) -> Transcript:
    """Return a live transcript as its recording will play it: no secret is judged, shown or written."""
    raws = [turn.raw and redactor.text(turn.raw) for turn in transcript.turns]
    same = all(raw is turn.raw for raw, turn in zip(raws, transcript.turns, strict=True))
    turns = (replace(turn, raw=raw) for raw, turn in zip(raws, transcript.turns, strict=True))
    data = (transcript if same else replace(transcript, turns=tuple(turns))).to_json()
    kept = redactor.json(data)
    if same and kept is data:
        return transcript
    return replace(transcript, turns=Transcript.from_json(kept).turns)


def hidden(result: Result, redactor: Redactor) -> Result:
    """Return a result of which nothing is secret, whatever it was made from; the same one where it is clean.

    What names files stays as it is: the case, its id and its files.
    """
    transcript = clean(result.transcript, redactor)
    conversation = result.transcript.conversation
    verdicts = [_told(verdict, redactor) for verdict in result.verdicts]
    said: Object = {
        "conversation": conversation.to_json(),
        "verdicts": [verdict.to_json() for verdict in verdicts],
        "warnings": list(result.warnings),
    }
    kept = redactor.json(said)
    if kept is said:
        return result if transcript is result.transcript else replace(result, transcript=transcript)
    conversation = Conversation.from_json(conversation.name, kept["conversation"])
    return replace(
        result,
        transcript=replace(transcript, conversation=conversation),
        verdicts=tuple(map(Verdict.from_json, kept["verdicts"])),
        warnings=tuple(kept["warnings"]),
    )


def _told(verdict: Verdict, redactor: Redactor) -> Verdict:
    """Return a verdict without its diff where that shows a secret, if only in pieces."""
    secret = verdict.diff and redactor.find(_MARKS.sub("", verdict.diff))
    return replace(verdict, diff="") if secret else verdict


def expects_error(entry: Entry) -> bool:
    """Whether a case is there to see an error."""
    excused = (kind for assertion in entry.assertions for kind in getattr(assertion, "excuses", ()))
    return any(kind.startswith("error_") for kind in excused)


def without_answer(
    verdicts: tuple[Verdict, ...], transcript: Transcript, entry: Entry
) -> tuple[Verdict, ...]:
    """Turn failures into errors where the provider gave no answer to judge, unless an error is expected."""
    errors = {number for number, turn in enumerate(transcript.turns, 1) if turn.error}
    if not errors or expects_error(entry):
        return verdicts
    return tuple(
        replace(verdict, status="error")
        if verdict.status == "failed" and (verdict.turn is None or verdict.turn in errors)
        else verdict
        for verdict in verdicts
    )
