"""Logged traffic in; conversation fixtures, cassettes, baselines and a suite out.

Every exchange of a log becomes a conversation of its own, with its own cassette: equal requests mostly got
different answers, and it is their order that says which was which. What is written holds no secret, and the
same logs give the same files, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from replay.errors import BadInput
from replay.record._outcome import Outcome, Recorded
from replay.record._recording import Recording

__all__ = ["Outcome", "Recorded", "Recording", "record"]


def record(
    paths: Iterable[Path],
    out: Path,
    suite: str,
    *,
    format: str = "auto",  # noqa: A002 - the command line's own word
    model: str | None = None,
    strict: bool = False,
) -> Recorded:
    """Import logs into the project folder `out` as the suite `suite`; return what became of all of it.

    `format` is an importer's name, or `auto` to tell each file's by its beginning. `model` is taken for
    requests that name none. With `strict` nothing is written unless everything is imported as it was logged.
    Raises BadInput and StorageError. For logs that do not fit into memory, iterate
    over a `Recording` instead.
    """
    paths = list(paths)
    recording = Recording(paths, out, suite, format, model)
    if strict:
        _rehearse(paths, suite, format, model)
    outcomes = tuple(recording)
    targets = tuple(target.name for target in recording.targets.new)
    return Recorded(suite, len(recording.files), outcomes, targets)


def _rehearse(paths: list[Path], suite: str, log_format: str, model: str | None) -> None:
    """Import into a folder that is thrown away. Raises BadInput for all that is refused or odd."""
    with TemporaryDirectory() as folder:
        outcomes = list(Recording(paths, Path(folder), suite, log_format, model))
    faults = [fault for outcome in outcomes for fault in outcome.faults()]
    if faults:
        raise BadInput(faults)
