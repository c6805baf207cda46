"""The smallest conversation as files of the project."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from replay.config import Project
from replay.minimise._found import Minimised
from replay.oracle import Opened, write
from replay.oracle._write import made

SUITE = "minimal"


def kept(found: Minimised, opened: Opened, project: Project, name: str = "") -> list[Path]:
    """Write the smallest as the conversation `name`, `<original>-minimal` where none is given.

    With it come its case in `suites/minimal.yaml` and, where a target was asked, the recording of an attempt
    that failed. Raises BadInput and StorageError.
    """
    probe = found.smallest
    original = found.original.conversation
    source = {key: said for key, said in original.source.items() if key == "format"}
    made_so = made("replay minimise", found.original, found.failure)
    conversation = replace(
        probe.conversation,
        name=name or f"{original.name}-minimal",
        tags=original.tags,
        source=source | made_so,
    )
    attempt = found.attempt
    recording = opened.recording(probe, attempt)
    if opened.live is None:
        return write(project, "", probe.of(conversation))
    return write(project, SUITE, probe.of(conversation), recording=recording)
