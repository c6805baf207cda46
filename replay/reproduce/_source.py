"""From what a bug report gives to a question: a conversation, an exchange of a log, a pasted request."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from replay import assertions
from replay.assertions import Assertion
from replay.cassette.redact import Redactor
from replay.config import Project
from replay.conversation import Json
from replay.errors import BadInput, Fault, nearest
from replay.fixtures._find import SUFFIXES
from replay.importers import Logged
from replay.jsontext import parse
from replay.oracle import Answer, Order, Probe, judges_of, probe_of
from replay.record._calls import Refused, model_call
from replay.record._conversation import Exchange, Writing, Written
from replay.record._files import Log
from replay.record._progress import Progress
from replay.record._project import salted
from replay.record._reading import Reading, clean
from replay.record._targets import Targets
from replay.suites import Entry

PASTED = "-"
FOLDER = "reproduced"
_LISTED = 8  # exchanges that a message lists
_NOT_ASKED = ("baseline", "contract")  # proposals that say nothing of a new reply; contract is there whole


@dataclass(frozen=True)
class Source:
    """A question, and how it is called in the project once it is written.

    `judges` are the assertions as a suite writes them, None for those of the probe. `logged` is what was
    wrong with the answer in the log, None where there is none.
    """

    probe: Probe
    project: Project
    name: str
    judges: tuple[Json, ...] | None = None
    logged: Answer | None = None


def source(
    text: str, order: Order, project: Project, log_format: str = "auto", model: str | None = None
) -> Source:
    """Read a conversation's name or file, `log.jsonl#17`, `log.jsonl#<id>`, or `-`. Raises BadInput."""
    path, _, pick = text.partition("#") if not Path(text).is_file() else (text, "", "")
    file = Path(path)
    if text != PASTED and not (file.is_file() and not _is_fixture(file, project)):
        probe = probe_of(order, project, text)
        return Source(probe, project, f"{probe.conversation.name}-{FOLDER}")
    with _pasted() if text == PASTED else _log(file) as log:
        project = salted(project, [log])
        logged, name = _chosen(log, pick, log_format)
        return _of_log(logged, name, order, project, model)


def _is_fixture(path: Path, project: Project) -> bool:
    if path.suffix not in SUFFIXES:
        return False
    return path.absolute().is_relative_to(project.conversations) or path.suffix != ".json"


@contextmanager
def _pasted() -> Iterator[Log]:
    with TemporaryDirectory(prefix="replay-pasted-") as folder:
        path = Path(folder, "pasted.json")
        path.write_bytes(sys.stdin.buffer.read())
        yield Log(path, "standard input")


@contextmanager
def _log(path: Path) -> Iterator[Log]:
    yield Log(path.absolute(), path.name)


def _chosen(log: Log, pick: str, log_format: str) -> tuple[Logged, str]:
    """Return the exchange that is picked, and the name of the log's format. Raises BadInput."""
    body = _request(log.path)
    if body is not None and log_format == "auto" and not pick:
        return body, ""
    reading = Reading([log], log_format, Progress())
    exchanges = list(reading.exchanges(log))
    usable = [one for one in exchanges if not _refusal(one)]
    found = [one for one in usable if not pick or pick in _ids(one)] or _by_line(log, pick, usable)
    if not found:
        _refuse(log, pick, exchanges, usable)
    if len(found) > 1 and not pick:
        raise BadInput(f"{log.shown} holds {len(found)} exchanges; pick one: {log.shown}#{_listed(found)}")
    return found[-1], reading.format(log) or ""  # of a trace the last call, which has all before it in it


def _by_line(log: Log, pick: str, usable: list[Logged]) -> list[Logged]:
    """Return the exchanges whose lines hold an id, whatever its key is called there."""
    places = set()
    with log.path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if json.dumps(pick).encode() in line:
                places.add(f"line {number}")
    return [one for one in usable if one.place in places]


def _refuse(log: Log, pick: str, exchanges: list[Logged], usable: list[Logged]) -> None:
    known = [name for one in usable for name in sorted(_ids(one))]
    if pick and known:
        raise BadInput(f'{log.shown} has nothing called "{pick}"; {nearest(pick, known)}')
    raise BadInput(
        Fault(log.shown, 0, 0, f"{one.place}: {_refusal(one)}".removeprefix(": ")) for one in exchanges
    )


def _refusal(logged: Logged) -> str:
    try:
        model_call(logged, "any")
    except Refused as why:
        return str(why)
    return ""


def _request(path: Path) -> Logged | None:
    """Return a file that is nothing but the body of a request."""
    logged = Logged("", "", request=path.read_bytes())
    try:
        body = parse(logged.request)
    except (ValueError, RecursionError):
        return None
    plain = isinstance(body, dict) and not {"request", "response", "log", "kwargs"} & body.keys()
    return logged if plain and not _refusal(logged) else None


def _ids(logged: Logged) -> set[str]:
    """Return what an exchange is called by: its place and number, and all ids that its record holds."""
    number = logged.place.rpartition(" ")[2]
    names = {logged.place, number, logged.thread, *_strings(logged.source), *_headers(logged)}
    try:
        answered = parse(logged.response or b"")
    except (ValueError, RecursionError):
        answered = None
    if isinstance(answered, dict):
        names |= {str(answered.get("id") or ""), str(answered.get("responseId") or "")}
    return names - {""}


def _headers(logged: Logged) -> Iterator[str]:
    for name, value in logged.response_headers.items():
        if name.lower().endswith(("request-id", "trace-id")):
            yield value


def _strings(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def _listed(found: list[Logged]) -> str:
    places = [one.place.rpartition(" ")[2] for one in found]
    more = f" and {len(places) - _LISTED} more" if len(places) > _LISTED else ""
    return ", #".join(places[:_LISTED]) + more


def _of_log(logged: Logged, log_format: str, order: Order, project: Project, model: str | None) -> Source:
    redactor = Redactor.for_project(project, {})
    targets = Targets(project)
    ending = sha256(logged.request + (logged.response or b"")).hexdigest()[:12]
    exchange = Exchange(1, logged.path, log_format or "pasted", 1, 1, clean(logged, redactor))
    try:
        written = Writing(FOLDER, targets, redactor, model)([exchange], ending)
    except Refused as why:
        raise BadInput(f"{logged.path or 'the request'}: {why}") from None
    return _of_written(written, order, project)


def _of_written(written: Written, order: Order, project: Project) -> Source:
    transcript = written.transcript
    conversation, target = transcript.conversation, transcript.target
    judges = _judges(written) if not order.judges else tuple(map(_yaml, order.judges))
    built = judges_of(order.judges, project) if order.judges else _built(judges, project)
    if order.target:
        target = project.target(order.target)
    probe = Probe(conversation, target, Entry(conversation.name, (target.name,), assertions=built))
    logged = Answer.of(assertions.judge(built, transcript)) if transcript.turns else None
    return Source(probe, project, conversation.name, judges, logged)


def _judges(written: Written) -> tuple[Json, ...]:
    """What `replay record` proposes, and the whole contract.

    Where the log itself breaks that, this is what went wrong, and nothing may excuse it.
    """
    proposed = [item for item in written.assertions if _name(item) not in _NOT_ASKED]
    contract = assertions.build("contract")
    if any(verdict.bad for verdict in assertions.judge([contract], written.transcript)):
        proposed = [item for item in proposed if not getattr(_build(item), "excuses", ())]
    return (*proposed, "contract")


def _name(item: Json) -> str:
    return str(next(iter(item))) if isinstance(item, dict) else str(item)


def _yaml(text: str) -> Json:
    from replay import documents

    return documents.parse(text, "--assert").data


def _built(judges: Iterable[Json], project: Project) -> tuple[Assertion, ...]:
    return tuple(assertions.bind(_build(item), project) for item in judges)


def _build(item: Json) -> Assertion:
    name, argument = next(iter(item.items())) if isinstance(item, dict) else (item, None)
    return assertions.build(str(name), argument)


def renamed(probe: Probe, name: str, made: dict[str, Json]) -> Probe:
    """Return a question about a conversation of another name, which says how it was made."""
    conversation = probe.conversation
    return probe.of(replace(conversation, name=name, source=conversation.source | made))
