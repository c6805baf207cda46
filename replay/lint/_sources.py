"""What is looked at: fixtures, the exchanges of logs, and requests as they are pasted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from replay import fixtures, importers, providers
from replay.config import Project
from replay.conversation import Json, Object
from replay.errors import BadInput, Fault
from replay.fixtures._find import SUFFIXES
from replay.importers import Logged
from replay.jsontext import parse
from replay.lint._places import InBody, InFixture, Place
from replay.lint._recent import Threads, digest, histories, system_of
from replay.lint.subject import SYSTEM, Around, Earlier, Subject
from replay.record._calls import Refused
from replay.record._facts import Facts, facts
from replay.record._files import Log, head, logs
from replay.record._progress import Progress
from replay.record._reading import Reading
from replay.turn import Request, Target

PASTED = "-"
_LIKELY = 0.5  # how sure an importer is where other formats are not ruled out
_FIXTURE = re.compile(rb"^messages:|^\{?\s*\"messages\":", re.MULTILINE)
_UNREAD = ("the request cannot be read", "the request body has no messages")
_TARGET = Target("", "", "")


@dataclass
class Sources:
    """Reads files into subjects.

    `target` says what fixtures are asked of, `skipped` counts what could not be looked at, by the reason.
    """

    project: Project
    around: Around
    log_format: str = "auto"
    model: str | None = None
    target: Target = _TARGET
    skipped: Counter[str] = field(default_factory=Counter)

    def read(self, paths: Iterable[Path], pasted: bytes = b"") -> Iterator[tuple[Subject, Place]]:
        """Yield what stands in files and folders; `-` is a request that was pasted. Raises BadInput."""
        named = list(paths)
        if Path(PASTED) in named:
            try:
                yield self._pasted(pasted, PASTED)
            except Refused as why:
                raise BadInput([Fault("standard input", 0, 0, str(why))]) from None
        files = logs(path for path in named if path != Path(PASTED)) if set(named) - {Path(PASTED)} else []
        reading = Reading(
            (log for log in files if not self._is_fixture(log.path)), self.log_format, Progress()
        )
        threads = Threads()
        for log in files:
            if self._is_fixture(log.path):
                yield self._fixture(log.path)
            elif (one := self._one(log, reading)) is not None:
                yield from one
            else:
                threads = Threads() if reading.alone(log) else threads
                yield from self._log(reading, log, threads)

    def _is_fixture(self, path: Path) -> bool:
        return path.suffix in SUFFIXES and path.is_relative_to(self.project.conversations)

    def _fixture(self, path: Path) -> tuple[Subject, Place]:
        warnings: list[Fault] = []
        place = InFixture(self.project.shown(path), path)
        try:
            read = fixtures.load(path, self.project, warnings=warnings)
        except BadInput as problem:
            return Subject(Request("", ()), self.around, tuple(problem.faults)), place
        asked = Request(self.target.model, read.messages, read.tools, read.params)
        named, source = bool(self.target.name), read.source
        found = Subject(
            asked,
            self.around,
            tuple(warnings),
            self.target.provider,
            self.target.settings,
            addressed=named,
            tool_results=read.tool_results,
            answered=bool(source.get("id")) and not named,
            partial=_is_partial(asked, _stated(read.params), derived=bool(source.get("derived"))),
        )
        return found, place

    def _one(self, log: Log, reading: Reading) -> list[tuple[Subject, Place]] | None:
        """Read a file that is no log: a request's body, a list of models, a fixture kept elsewhere."""
        name = reading.format(log)
        first = head(log.path)
        if self.log_format != "auto" or (name and importers.registry.get(name).sniff(first) >= _LIKELY):
            return None
        shown = self.project.shown(log.path)
        body = _document(log.path) if first.lstrip()[:1] == b"{" else None
        if self._is_list_of_models(body, shown):
            return []
        with suppress(Refused):
            if _claimed(body):
                return [self._pasted(log.path.read_bytes(), shown)]
        if log.path.suffix in SUFFIXES and _FIXTURE.search(first):
            return [self._fixture(log.path)]
        return None

    def _pasted(self, data: bytes, path: str) -> tuple[Subject, Place]:
        return self._subject(facts(Logged(path, "", request=data), self.model), path)

    def _log(self, reading: Reading, log: Log, threads: Threads) -> Iterator[tuple[Subject, Place]]:
        path = self.project.shown(log.path)
        for logged in reading.exchanges(log):
            if self._learns(logged, path):
                continue
            try:
                found = facts(logged, self.model)
            except (Refused, RecursionError) as why:
                yield from self._refused(logged, path, str(why))
            else:
                subject, place = self._subject(found, path)
                yield _in_thread(subject, place, found, threads), place

    def _subject(self, found: Facts, path: str) -> tuple[Subject, InBody]:
        request = found.request
        told = {"messages": [one.to_json() for one in request.messages]}
        told["tools"] = [one.to_wire() for one in request.tools]
        place = InBody(path, found.logged.place, found.call.body, told, histories(request.messages))
        subject = Subject(
            request,
            self.around,
            provider=found.call.provider,
            settings=found.call.settings,
            addressed=bool(found.logged.url or found.logged.provider),
            body=found.call.body,
            recorded=not found.logged.derived,
            partial=_is_partial(request, found.call.body, derived=bool(found.logged.derived)),
            reply=found.reply,
            error=found.error,
            system=system_of(request.messages),
        )
        return subject, place

    def _refused(self, logged: Logged, path: str, why: str) -> Iterator[tuple[Subject, Place]]:
        if why.startswith(_UNREAD):
            yield (
                Subject(Request("", ()), self.around, (Fault(path, 0, 0, why),)),
                InBody(path, logged.place, {}),
            )
        else:
            self.skipped[why] += 1

    def _learns(self, logged: Logged, path: str) -> bool:
        """Take in a recorded list of models."""
        if logged.method != "GET" or not urlsplit(logged.url).path.rstrip("/").endswith("/models"):
            return False
        try:
            return self._is_list_of_models(parse(logged.response or b""), f"{path}, {logged.place}")
        except ValueError:
            return False

    def _is_list_of_models(self, body: Json, source: str) -> bool:
        listed = (
            isinstance(body, dict) and body.get("object") == "list" and isinstance(body.get("data"), list)
        )
        if listed:
            self.around.shutdowns.learn(body["data"], source)
        return listed


def _document(path: Path) -> Json:
    try:
        return parse(path.read_bytes())
    except (OSError, ValueError):
        return None


def _claimed(body: Json) -> bool:
    """Tell whether a JSON value is the body of a request to some provider."""
    names = providers.registry.names()
    return isinstance(body, dict) and any(providers.registry.get(name).claims(body, None) for name in names)


def _in_thread(subject: Subject, place: InBody, found: Facts, threads: Threads) -> Subject:
    """Return the subject with what came before it, and remember it for what comes after."""
    asked = digest(b"", [place.path, found.logged.url, found.call.body])
    before, failed = threads.before(subject.messages, place.history), threads.failed(asked)
    known = replace(subject, before=_seen_from(before, place.path), failed=failed)
    reply = found.whole
    tokens = reply.usage.prompt_tokens if reply and reply.usage else None
    finish = reply.finish_reason if reply else None
    earlier = Earlier(
        place.path, place.record, subject.system, len(subject.messages), finish, tokens, found.error
    )
    threads.add(earlier, asked, place.history, reply.message if reply else None)
    return known


def _seen_from(earlier: Earlier | None, path: str) -> Earlier | None:
    """Name the file of an earlier exchange, where it is another one."""
    if earlier is None or earlier.path == path:
        return earlier
    return replace(earlier, place=f"{earlier.path}, {earlier.place}")


def _is_partial(asked: Request, said: Object, *, derived: bool) -> bool:
    """Tell whether a request is the end of a history only: the provider has the rest, or another record."""
    if said.get("previous_response_id") or said.get("conversation"):
        return True
    return derived and next((one.role for one in asked.messages if one.role not in SYSTEM), "user") != "user"


def _stated(params: Object) -> Object:
    """What only the Responses wire can say, as a fixture keeps it."""
    native = params.get("native")
    said = native.get("openai_responses") if isinstance(native, dict) else None
    return said if isinstance(said, dict) else {}
