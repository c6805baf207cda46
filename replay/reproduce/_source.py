"""From what a bug report gives to a question: a conversation, an exchange of a log, a pasted request."""

from __future__ import annotations

import re
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
from replay.errors import BadInput
from replay.fixtures._find import SUFFIXES
from replay.importers import Logged
from replay.oracle import Answer, Order, Probe, judges_of, probe_of
from replay.record._calls import Refused
from replay.record._conversation import Exchange, Writing, Written
from replay.record._files import Log
from replay.record._project import salted
from replay.record._reading import clean
from replay.record._targets import Targets
from replay.reproduce._pick import chosen
from replay.suites import Entry

PASTED = "-"
FOLDER = "reproduced"
_MESSAGES = re.compile(rb"""^(?:\{\s*)?["']?messages["']?\s*:""", re.MULTILINE)  # as a fixture's first key
_NOT_ASKED = ("baseline", "contract")  # proposals that say nothing of a new reply; contract is there whole
_NOT_TOLD = tuple(("contract", kind) for kind in ("finish_missing", "usage_missing", "id_missing", "no_done"))


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
    if text != PASTED and not _is_log(file, pick, project):
        probe = probe_of(order, project, text)
        return Source(probe, project, f"{probe.conversation.name}-{FOLDER}")
    with _pasted() if text == PASTED else _log(file) as log:
        project = salted(project, [log])
        logged, name = chosen(log, pick, log_format)
        return _of_log(logged, name, order, project, model)


def _is_log(path: Path, pick: str, project: Project) -> bool:
    """Tell a log from a conversation of the project. Raises BadInput for a folder or a missing file."""
    if path.is_dir():
        raise BadInput(f"{path} is a folder; name one file in it, or the conversation that is meant")
    if path.is_file():
        return bool(pick) or not _is_fixture(path, project)
    if pick:
        raise BadInput(f"there is no file {path}")
    return False


def _is_fixture(path: Path, project: Project) -> bool:
    """Tell a conversation from recorded HTTP, which may be YAML as well."""
    if path.absolute().is_relative_to(project.conversations):
        return path.suffix in SUFFIXES
    return path.suffix in SUFFIXES and path.suffix != ".json" and bool(_MESSAGES.search(path.read_bytes()))


@contextmanager
def _pasted() -> Iterator[Log]:
    with TemporaryDirectory(prefix="replay-pasted-") as folder:
        path = Path(folder, "pasted.json")
        path.write_bytes(sys.stdin.buffer.read())
        yield Log(path, "standard input")


@contextmanager
def _log(path: Path) -> Iterator[Log]:
    yield Log(path.absolute(), path.name)


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
    logged = Answer(_wrong(built, written)) if transcript.turns else None
    return Source(probe, project, conversation.name, judges, logged)


def _judges(written: Written) -> tuple[Json, ...]:
    """What `replay record` proposes, and the whole contract.

    Where the log itself breaks that, this is what went wrong, and nothing may excuse it.
    """
    proposed = [item for item in written.assertions if _name(item) not in _NOT_ASKED]
    if any(kind for name, kind, _ in _wrong([assertions.build("contract")], written)):
        proposed = [item for item in proposed if not getattr(_build(item), "excuses", ())]
    return (*proposed, "contract")


def _wrong(judges: Iterable[Assertion], written: Written) -> tuple[tuple[str, str, str], ...]:
    """What was wrong with the answer in the log. What a trace does not hold was not missing in the answer."""
    found = Answer.of(assertions.judge(judges, written.transcript)).wrong
    derived = written.transcript.conversation.source.get("derived")
    return tuple(one for one in found if not (derived and one[:2] in _NOT_TOLD))


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
