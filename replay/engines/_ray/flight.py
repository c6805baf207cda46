"""A case under way: what is sent of it, and what has come home."""

from __future__ import annotations

from dataclasses import replace

from replay import atomic, baselines
from replay.cassette.interaction import Interaction
from replay.engines._ray import cargo
from replay.engines._ray.recording import Recording
from replay.engines._ray.worker import Landed, Task
from replay.errors import ReplayError
from replay.run import Result
from replay.runner import Planned, Runner, targets_of
from replay.verdict import Verdict

WRITING = ("once", "new_episodes", "all")  # the record modes that may change a cassette


class Flight:
    """One case on its way. `deaths` counts the workers that died while they played it.

    Raises what reading its files raises: BadInput, StorageError.
    """

    def __init__(self, planned: Planned, runner: Runner, places: cargo.Places) -> None:
        self.planned, self.deaths = planned, 0
        self._runner, self._places = runner, places
        self._path = runner.cassette_of(planned.case)
        self._conversation = runner.conversation(planned)
        self._recording: Recording | None = None
        if runner.mode in WRITING:
            redactor = runner.redactor(*targets_of(planned))
            self._recording = Recording(self._path, runner.mode, redactor, planned.entry.ignore)
        first = runner.mode == "once" and not self._path.exists()  # a second try is to play the first one's
        self._mode = "new_episodes" if first else runner.mode

    def packed(self) -> bytes:
        """Return the case as a worker takes it, with what it has been answered before."""
        case = self.planned.case
        baseline = baselines.path_for(self._runner.project, case.conversation, case.target)
        files = {path: atomic.read(path) for path in (self._path, baseline) if path.exists()}
        task = Task(self.planned, self._conversation, files, self._mode)
        return cargo.pack(task, self._places, self._runner.project)

    def hear(self, interaction: Interaction) -> None:
        """Keep what was recorded of it just now."""
        if self._recording is not None:
            self._recording.add(interaction)

    def landed(self, landed: Landed) -> Result:
        """Return the result of the case; its recording is in its cassette then."""
        self._runner.stopped.update(landed.stopped)
        return self._kept(replace(landed.result, files=self._runner.files(self.planned)))

    def failed(self, kind: str, message: str) -> Result:
        """Return the result of the case where no worker could give one."""
        verdict = Verdict("seam", "error", kind, message)
        return self._kept(self._runner.unplayed(self.planned, verdict, self._conversation))

    def _kept(self, result: Result) -> Result:
        """Return the result, or that of a case whose recording could not be kept."""
        try:
            self.close()
        except ReplayError as problem:
            verdict = self._runner.could_not_run(problem)
            return replace(result, verdicts=(*result.verdicts, verdict))
        return result

    def close(self) -> None:
        """Make what has come home a part of the cassette, from which a second try plays it.

        Raises StorageError where it cannot be written, BadInput where it is damaged.
        """
        if self._recording is not None:
            self._recording.close()
