"""How often a bug report can be seen again, in which ways, and what changes that."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from replay.errors import BadInput
from replay.oracle import Failure, Measured, Opened, Probe, write
from replay.oracle._write import made
from replay.reproduce._found import Reproduced, Way, ways
from replay.reproduce._source import FOLDER, Source, renamed, source
from replay.reproduce._trials import Trial, Tried, asked, compared

__all__ = ["Reproduced", "Source", "Trial", "Tried", "Way", "expected", "kept", "reproduce", "source"]


def reproduce(probe: Probe, opened: Opened, repeats: int, trials: Sequence[Trial] = ()) -> Reproduced:
    """Ask `repeats` times, and as often with each of the trials, side by side.

    Raises Ended; BadInput where trials need scipy and it is not there.
    """
    if trials and find_spec("scipy") is None:
        raise BadInput(
            "comparing parameters needs scipy; type: pip install 'conversation-replay[compare]', or --no-try"
        )
    others = {trial: other for trial in trials if (other := trial.of(probe)) is not None}
    before, *rest = asked([probe, *others.values()], opened.oracle, repeats)
    failing = [attempt for attempt, one in enumerate(before, 1) if opened.failure.of(one)]
    return Reproduced(
        probe,
        opened.failure,
        Measured(len(failing), repeats, 0.0),
        ways(before),
        tuple(compared(list(others), before, rest, opened.failure)) if others else (),
        failing[0] if failing else None,
        opened.oracle.asked,
        opened.oracle.known,
    )


def kept(found: Reproduced, given: Source, opened: Opened) -> list[Path]:
    """Write what shows the failure: a conversation, a case in `suites/reproduced.yaml`, a recorded attempt.

    Raises BadInput and StorageError.
    """
    probe = renamed(found.probe, given.name, made("replay reproduce", found.probe, found.failure))
    recording = opened.recording(found.probe, found.attempt)
    return write(given.project, FOLDER, probe, judges=given.judges, recording=recording)


def expected(given: Source, failure: Failure) -> Failure:
    """Return the failure that is meant: where nobody says, the one in the log."""
    if failure.kind or given.logged is None:
        return failure
    identity = failure.of(given.logged)
    return Failure(*identity) if identity else failure
