"""Files, told apart: conversations of the project, logs, requests, lists of models."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from replay import importers, providers
from replay.config import Project
from replay.conversation import Json
from replay.errors import BadInput, Fault
from replay.fixtures import SUFFIXES
from replay.jsontext import parse
from replay.lint._exchanges import Exchanges
from replay.lint._fixtures import Conversations, Sighted
from replay.lint._recent import Threads
from replay.record import Log, Progress, Reading, Refused, head, logs

PASTED = Path("-")
_LIKELY = 0.5  # how sure an importer is where other formats are not ruled out
_FIXTURE = re.compile(rb"^messages:|^\{?\s*\"messages\":", re.MULTILINE)


@dataclass
class Sources:
    """Reads files of all kinds into subjects."""

    project: Project
    conversations: Conversations
    exchanges: Exchanges
    log_format: str = "auto"

    def read(self, paths: Iterable[Path], pasted: bytes) -> Iterator[Sighted]:
        """Yield what stands in files and folders; `-` is the request that was pasted. Raises BadInput."""
        named = list(paths)
        if PASTED in named:
            try:
                yield self.exchanges.pasted(pasted, str(PASTED))
            except Refused as why:
                raise BadInput([Fault("standard input", 0, 0, str(why))]) from None
        files = [path for path in named if path != PASTED]
        yield from self._files(logs(files) if files else [])

    def _files(self, files: list[Log]) -> Iterator[Sighted]:
        others = [log for log in files if not self.conversations.holds(log.path)]
        reading, threads = Reading(others, self.log_format, Progress()), Threads()
        for log in files:
            if self.conversations.holds(log.path):
                yield from self.conversations.read(log.path)
            elif (found := self._no_log(log, reading)) is not None:
                yield from found
            else:
                threads = Threads() if reading.alone(log) else threads
                shown = self.project.shown(log.path)
                each = (self.exchanges.logged(logged, shown, threads) for logged in reading.exchanges(log))
                yield from filter(None, each)

    def _no_log(self, log: Log, reading: Reading) -> list[Sighted] | None:
        """Read a file that is no log: a request's body, a list of models, a fixture kept elsewhere."""
        first = _beginning(log.path)
        if self.log_format != "auto" or _is_likely(reading.format(log), first):
            return None
        shown = self.project.shown(log.path)
        body = _document(log.path) if first.removeprefix(BOM_UTF8).lstrip()[:1] == b"{" else None
        if self.exchanges.list_of_models(body, shown):
            return []
        with suppress(Refused):
            if _is_claimed(body):
                return [self.exchanges.pasted(log.path.read_bytes(), shown)]
        is_fixture = log.path.suffix in SUFFIXES and _FIXTURE.search(first)
        return list(self.conversations.read(log.path)) if is_fixture else None


def _is_likely(name: str | None, first: bytes) -> bool:
    return name is not None and importers.registry.get(name).sniff(first) >= _LIKELY


def _is_claimed(body: Json) -> bool:
    names = providers.registry.names()
    return isinstance(body, dict) and any(providers.registry.get(name).claims(body, None) for name in names)


def _document(path: Path) -> Json:
    try:
        return parse(path.read_bytes())
    except (OSError, ValueError):
        return None


def _beginning(path: Path) -> bytes:
    try:
        return head(path)
    except OSError:  # whoever reads it says so
        return b""
