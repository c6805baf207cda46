"""Logged traffic in; conversation fixtures, cassettes, baselines and a suite out.

The calls of one growing conversation become one conversation with its turns; what is asked again and answered
again is another one. What is written holds no secret, the same logs give the same files, byte for byte, and a
longer log adds files and changes none.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from replay.errors import BadInput
from replay.record._calls import Refused
from replay.record._facts import Facts, facts
from replay.record._files import Log, head, logs
from replay.record._outcome import Outcome
from replay.record._progress import Bar, Progress
from replay.record._reading import Reading
from replay.record._recording import Recording
from replay.record._tally import Recorded, Tally

__all__ = [
    "Bar",
    "Facts",
    "Log",
    "Outcome",
    "Progress",
    "Reading",
    "Recorded",
    "Recording",
    "Refused",
    "Tally",
    "facts",
    "head",
    "logs",
    "record",
    "rehearse",
]


def record(
    paths: Iterable[Path],
    out: Path,
    suite: str,
    *,
    format: str = "auto",  # noqa: A002 - the command line's own word
    model: str | None = None,
    where: Iterable[str] = (),
    sample: int | None = None,
    seed: int = 0,
    strict: bool = False,
) -> Recorded:
    """Import logs into the project folder `out` as the suite `suite`; return what became of all of it.

    `format` is an importer's name, or `auto` to tell each file's by its beginning. `model` is taken for
    requests that name none. `where` are conditions (`status>=400`) that some exchange of a conversation has
    to meet, all of them; `sample` is how many conversations are written, those that cover most of what occurs
    (see `replay.record._sample`), ties settled by `seed`. With `strict` nothing is written unless everything
    is imported as it was logged. Raises BadInput and StorageError. For logs that do not fit into memory,
    iterate over a `Recording` instead.
    """
    options: dict[str, Any] = {"model": model, "where": tuple(where), "sample": sample, "seed": seed}
    recording = Recording(paths := list(paths), out, suite, format, **options)
    if strict:
        rehearse(paths, suite, format, **options)
    outcomes = tuple(sorted(recording, key=lambda outcome: outcome.number))
    targets = tuple(target.name for target in recording.targets.new)
    return Recorded(recording.suite, len(recording.files), outcomes, targets, recording.coverage)


def rehearse(paths: Iterable[Path], suite: str, log_format: str, **options: Any) -> None:
    """Import into a folder that is thrown away. Raises BadInput for all that is refused or odd."""
    with TemporaryDirectory() as folder:
        recording = Recording(paths, Path(folder), suite, log_format, **options)
        faults = [fault for outcome in recording for fault in outcome.faults()]
    if faults:
        raise BadInput(faults)
