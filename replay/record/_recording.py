"""One import: the logs are read once to see what is in them, and once more to write what is chosen."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from replay import schemas
from replay.cassette.redact import Redactor
from replay.errors import BadInput
from replay.record._choice import choose
from replay.record._conversation import Writing
from replay.record._coverage import Coverage
from replay.record._files import Log, logs, slug
from replay.record._hashes import Hashes
from replay.record._import import Import
from replay.record._index import database
from replay.record._outcome import Outcome
from replay.record._progress import Progress, size
from replay.record._project import project_at, salt_of, salted
from replay.record._reading import Reading
from replay.record._suite import SuiteWriter
from replay.record._survey import Survey
from replay.record._targets import Targets
from replay.record._threads import group
from replay.record._where import filters

_NAMED = 5  # files, in the suite's first lines


class Recording:
    """One import; see `replay.record.record` for what it is given.

    Iterating carries it out and yields what became of each exchange once that is settled, which need not be
    in the order of the log: `Outcome.number` is. Memory does not grow with the logs. An import that is
    stopped keeps what it has written; the next one adds the rest. Raises BadInput before anything is written
    (for a configuration that cannot be added to: when a target is met), StorageError at any time.
    """

    def __init__(
        self,
        paths: Iterable[Path],
        out: Path,
        suite: str,
        log_format: str = "auto",
        model: str | None = None,
        *,
        where: Iterable[str] = (),
        sample: int | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> None:
        paths = list(paths)
        if suite != slug(suite):
            raise BadInput(f'"{suite}" cannot be the name of a suite; use "{slug(suite)}"')
        if sample is not None and sample < 1:
            raise BadInput(f"--sample must be 1 or more, not {sample}")
        project = project_at(out, paths)
        self.files = logs(paths)
        self.coverage: Coverage | None = None
        self.project = salted(project, self.files)
        self.targets = Targets(self.project)
        self._progress = progress or Progress()
        self._reading = Reading(self.files, log_format, self._progress)
        self._where, self._sample, self._seed, self._model = filters(where), sample, seed, model
        self._hashes = Hashes(salt_of(self.project))
        self._redactor = Redactor.for_project(self.project, {})
        self._suite, self._name = SuiteWriter(self.project, suite), suite

    @property
    def suite(self) -> str:
        """The name of the suite's file, which is another than asked for where that one cannot be added to."""
        return self._suite.path.stem

    def __iter__(self) -> Iterator[Outcome]:
        schemas.write(self.project.root)
        self._suite.resume()
        try:
            with closing(database()) as db:
                self._survey(db)
                yield from self._import(db)
        finally:
            self._suite.close(self._origin())
            self._progress.close()

    def _survey(self, db: sqlite3.Connection) -> None:
        self._progress.begin("reading", _bytes(self.files))
        sampled = self._sample is not None
        survey = Survey(self._reading, self._hashes, self._redactor, self._model, self._where, sampled)
        survey.fill(db, self._progress)
        group(db)
        folder = self.project.conversations / self._name
        self.coverage = choose(db, self._hashes, folder, self._sample, self._seed)

    def _import(self, db: sqlite3.Connection) -> Iterator[Outcome]:
        writing = Writing(self._name, self.targets, self._redactor, self._model)
        work = Import(
            db, self._reading, self.project, self._suite, writing, self.targets, self._redactor, self._hashes
        )
        self._progress.begin("writing", _bytes(work.needed))
        for outcome in work.outcomes():
            self._progress.line(outcome.word)
            yield outcome

    def _origin(self) -> list[str]:
        """Say where the suite comes from."""
        names = [f"  {log.shown}" for log in self.files[:_NAMED]]
        more = [f"  and {len(self.files) - _NAMED} more files"] if len(self.files) > _NAMED else []
        note = "Edit it as you like: importing again adds what is new and changes nothing else."
        return ["Imported by `replay record` from", *names, *more, note]


def _bytes(files: Iterable[Log]) -> int:
    return sum(size(log.path) for log in files)
