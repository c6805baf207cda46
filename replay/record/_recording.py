"""From logged exchanges to the files of a project."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from replay import baselines, fixtures, importers, providers, schemas
from replay.baselines import Baseline
from replay.cassette import file as cassettes
from replay.cassette.interaction import Failure, Interaction, RecordedRequest, RecordedResponse
from replay.cassette.match import levelled
from replay.cassette.redact import Redactor
from replay.config import Project
from replay.conversation import Conversation, Object
from replay.diff import differences
from replay.errors import BadInput, StorageError
from replay.importers import Logged
from replay.providers import Unreadable
from replay.record._calls import Call, Refused, model_call
from replay.record._files import Log, head, logs, names, slug, sniffed
from replay.record._outcome import Outcome
from replay.record._playback import played
from replay.record._propose import proposals
from replay.record._suite import SuiteWriter
from replay.record._targets import Targets, save
from replay.record._translate import in_its_own_words
from replay.turn import Request, Target, Transcript

_MASKED = re.compile(r"\*{3,}|[\[<(]?redacted\S*", re.IGNORECASE)


class Recording:
    """One import. Iterating carries it out and yields each exchange's outcome when its files are written.

    Memory does not grow with the logs. Raises BadInput before anything is written, StorageError at any time.
    """

    def __init__(
        self, paths: Iterable[Path], out: Path, suite: str, log_format: str = "auto", model: str | None = None
    ) -> None:
        paths = list(paths)
        if suite != slug(suite):
            raise BadInput(f'"{suite}" cannot be the name of a suite; use "{slug(suite)}"')
        project = _project(out, paths)
        self.files = logs(paths)
        self.project = _salted(project, self.files)
        self.targets = Targets(self.project.targets)
        self._names = names(self.files)
        self._format = None if log_format == "auto" else importers.registry.get(log_format) and log_format
        self._suite, self._model = SuiteWriter(self.project, suite), model
        self._redactor = Redactor.for_project(self.project, {})
        self._folder = suite
        self._readers: dict[str, Callable[[Path], Iterator[Logged]]] = {}

    def __iter__(self) -> Iterator[Outcome]:
        try:
            schemas.write(self.project.root)
            for log in self.files:
                for source, logged in self._exchanges(log):
                    yield self._outcome(log, source, logged)
            save(self.targets.new, self.project)
            self._suite.close()
        finally:
            self._suite.discard()

    def _exchanges(self, log: Log) -> Iterator[tuple[str, Logged]]:
        try:
            name = self._format_of(log)
        except OSError as problem:
            yield "", Logged(log.shown, "", refused=f"cannot be read ({problem.strerror})")
            return
        if name is None:
            yield "", Logged(log.shown, "", refused="in no format that is known; name it with --format")
            return
        found = False
        for logged in self._reader(name)(log.path):
            found = True
            yield name, logged
        if not found and not importers.is_spread(name):  # the answers to its requests may all be elsewhere
            yield name, Logged(log.shown, "", refused="holds no exchange")

    def _format_of(self, log: Log) -> str | None:
        return self._format or sniffed(head(log.path))

    def _reader(self, name: str) -> Callable[[Path], Iterator[Logged]]:
        """Return what reads the files of a format; it is one for all of them."""
        if name not in self._readers:
            self._readers[name] = importers.reader(name, self._alike(name))
        return self._readers[name]

    def _alike(self, name: str) -> Iterator[Path]:
        for log in self.files:
            with contextlib.suppress(OSError):
                if self._format_of(log) == name:
                    yield log.path

    def _outcome(self, log: Log, log_format: str, logged: Logged) -> Outcome:
        try:
            clean = self._clean(logged)
            call = model_call(clean, self._model)
            number = re.search(r"\d+", logged.place)
            name = f"{self._folder}/{self._names[log]}-{number[0] if number else 0}"
            source = {"format": log_format, "file": log.shown, "place": logged.place} | logged.source
            return self._imported(clean, call, _conversation(name, call, source))
        except Refused as why:
            return Outcome(log.shown, logged.place, refused=str(why))
        except RecursionError:
            return Outcome(log.shown, logged.place, refused="nested too deeply")

    def _clean(self, logged: Logged) -> Logged:
        """Return the exchange without secrets; from here on nothing else is looked at."""
        asked = RecordedRequest(logged.method, logged.url, logged.request_headers, logged.request)
        asked = self._redactor.request(asked)
        logged = replace(logged, url=asked.uri, request_headers=asked.headers, request=asked.body)
        if logged.response is None:
            return logged
        headers = {name: [value] for name, value in logged.response_headers.items() if value.isascii()}
        got = self._redactor.response(RecordedResponse(logged.status, "", headers, logged.response))
        kept = {name: values[0] for name, values in got.headers.items()}
        return replace(logged, response_headers=kept, response=got.body)

    def _imported(self, logged: Logged, call: Call, conversation: Conversation) -> Outcome:
        target = self.targets.of(call)
        notes = [*logged.notes, *_masked(conversation)]
        if logged.response is None and logged.error is None:
            self._keep(conversation)
            self._suite.add(conversation.name, target.name, [])
            notes.append("no response is recorded: record it with pytest --record-mode=once")
        else:
            notes += self._recorded(logged, call, conversation, target)
        self.targets.keep(target)
        where = conversation.source
        return Outcome(where["file"], where["place"], conversation.name, target.name, notes=tuple(notes))

    def _keep(self, conversation: Conversation) -> None:
        """Write a fixture that loads: one that does not would take the whole suite with it."""
        path = self.project.conversations / f"{conversation.name}.yaml"
        try:
            _write(path, fixtures.dump(conversation))
            fixtures.load(path, self.project)
        except BadInput as problem:
            path.unlink()
            raise Refused(f"the request is no fixture: {problem.faults[0].message}") from None
        except ValueError as problem:
            raise Refused(f"the request cannot be written as a fixture: {problem}") from None

    def _recorded(
        self, logged: Logged, call: Call, conversation: Conversation, target: Target
    ) -> Iterator[str]:
        """Write all files of a conversation; yield how what is played differs from what was logged."""
        response = _response(in_its_own_words(logged, call))
        asked = Request(target.model, conversation.messages, conversation.tools, conversation.params)
        try:
            sent, turn = played(asked, target, response)
        except BadInput as problem:
            raise Refused(f"it cannot be sent again: {problem.faults[0].message}") from None
        self._keep(conversation)
        deviations = _deviations(logged, sent) if call.wire == call.provider else {}
        source = conversation.source | deviations
        interaction = Interaction(self._redactor.request(sent), replace(response, source=source))
        self._store(Transcript(conversation, target, (turn,)), interaction)
        if "uri" in deviations:
            yield f"was sent to {deviations['uri']}, is played at {sent.uri}"
        yield from (f"is sent otherwise: {change}" for change in deviations.get("body", ()))

    def _store(self, transcript: Transcript, interaction: Interaction) -> None:
        name, target = transcript.conversation.name, transcript.target.name
        _write(self.project.cassettes / name / f"{target}.yaml", cassettes.dump([interaction]))
        baseline = Baseline(name, target, (baselines.accepted(transcript),))
        _write(baselines.path_for(self.project, name, target), baselines.dump(baseline))
        self._suite.add(name, target, proposals(transcript))


def _write(path: Path, text: str) -> None:
    """Write a file without waiting for the disk: an import can be repeated, and its suite comes last."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8", newline="\n")
    except OSError as problem:
        raise StorageError(f"cannot write {path} ({problem.strerror})") from None


def _project(out: Path, paths: Iterable[Path]) -> Project:
    """Return the project at `out` itself, not one in a folder above it. Raises BadInput."""
    out = out.absolute()
    if out.exists() and not out.is_dir():
        raise BadInput(f"--out {out} is a file; name a folder")
    for path in paths:
        if path.is_dir() and out.is_relative_to(path.absolute()):
            raise BadInput(f"--out {out} lies inside {path}, which is read; choose a folder outside it")
    found = Project.find(out)
    return found if found.root == out else Project(out)


def _salted(project: Project, files: Iterable[Log]) -> Project:
    """Give a project that has no salt one of its own: it goes into the configuration with the targets.

    It is drawn from the beginnings of the logs, so that the same logs give the same files.
    """
    redaction = project.settings.get("redaction") or {}
    if "salt" in redaction or "REPLAY_SALT" in os.environ:
        return project
    digest = hashlib.sha256()
    for log in files:
        with contextlib.suppress(OSError):  # it is named when it is read
            digest.update(head(log.path))
    salted = {"redaction": redaction | {"salt": digest.hexdigest()[:16]}}
    return replace(project, settings=project.settings | salted)


def _conversation(name: str, call: Call, source: Object) -> Conversation:
    try:
        request = providers.registry.get(call.wire).decode_request(call.body)
    except Unreadable as problem:
        raise Refused(f"the request cannot be read: {problem}") from None
    if not request.messages:
        raise Refused("the request body has no messages")
    # an empty list of tools is no tools; a parameter it is not
    params = {key: value for key, value in request.params.items() if key != "tools"} | call.params
    return Conversation(name, request.messages, request.tools, params, source=source)


def _response(logged: Logged) -> RecordedResponse:
    if logged.error is not None and logged.response is None:
        return RecordedResponse(None, failure=Failure(logged.error))
    failure = Failure(logged.error) if logged.error is not None else None
    headers = {name: [value] for name, value in logged.response_headers.items()}
    return RecordedResponse(logged.status, "", headers, logged.response or b"", failure=failure)


def _deviations(logged: Logged, sent: RecordedRequest) -> Object:
    """Name what is asked otherwise than it was: another path, or fields that our nouns do not keep apart."""
    was = RecordedRequest(logged.method, logged.url, logged.request_headers, logged.request)
    before, after = levelled(was), levelled(sent)
    found: Object = {}
    query = [pair for pair in before["query"] if pair[0] != "key"]  # a credential of the Gemini API, no place
    if logged.url and (before["path"], query) != (after["path"], after["query"]):
        found["uri"] = logged.url
    changes = [str(change) for change in differences(before["body"], after["body"])]
    return found | ({"body": changes} if changes else {})


def _masked(conversation: Conversation) -> Iterator[str]:
    if any(_MASKED.fullmatch(message.text.strip()) for message in conversation.messages):
        yield "a message is masked: what a model answers to it live says nothing"
