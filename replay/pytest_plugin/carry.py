"""What an item carries home of its result: to the session, to junit, to the terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from replay import fixtures
from replay.assertions._crash import crash
from replay.cassette.redact import Redactor
from replay.config import Project
from replay.diff import visible
from replay.errors import ReplayError
from replay.run import Case, Result
from replay.runner import shown
from replay.turn import Transcript
from replay.verdict import Verdict


class CaseFailed(Exception):
    """A case has a verdict that is not passed; its text is what the terminal shows."""


def carry(result: Result, line: str, project: Project) -> dict[str, Any]:
    """Return what a worker sends home: the result's line, and what the summary shows of it.

    Both are as they may be told: see `replay.runner.shown`.
    """
    usages = [reply.usage for _, reply in result.transcript.replies() if reply.usage]
    return {
        "line": line,
        "root": str(project.root),
        "key": [result.case.suite, result.case.id],
        "outcome": result.outcome,
        "cost": result.cost,
        "prompt_tokens": sum(usage.prompt_tokens or 0 for usage in usages),
        "completion_tokens": sum(usage.completion_tokens or 0 for usage in usages),
        "bad": [
            [*verdict.identity, inert(verdict.message.partition("\n")[0])]
            for verdict in result.verdicts
            if verdict.bad
        ],
        "unanswered": _unanswered(result),
        "warnings": list(result.warnings),
    }


def crashed(nodeid: str, message: str, project: Project) -> dict[str, Any] | None:
    """Return what a case would have sent home whose worker died in it; None for what is no case."""
    path, _, name = nodeid.partition("::")
    found = _CASE.fullmatch(name)
    if not found:
        return None
    try:
        conversation = fixtures.load(fixtures.find(found["conversation"], project), project)
        transcript = Transcript(conversation, project.target(found["target"]))
    except ReplayError:
        return None
    suite = (project.root / path).relative_to(project.suites).with_suffix("").as_posix()
    case = Case(conversation.name, found["target"], int(found["attempt"]), suite, conversation.tags)
    verdict = Verdict("seam", "error", "crashed", message)
    redactor = Redactor.for_project(project, {})
    return carry(
        *shown(Result(case, transcript, (verdict,), None, {"suite": path}), redactor, project), project
    )


def _unanswered(result: Result) -> bool:
    """Whether a case is bad for no other reason than that its provider gave nothing to judge."""
    silent = any(turn.error for turn in result.transcript.turns)
    unsent = any(verdict.assertion == "provider" for verdict in result.verdicts)
    return result.outcome == "error" and (silent or unsent)


def packed(carried: dict[str, Any]) -> str:
    """Return what a worker of xdist sends: one text, as xdist writes every value on its way by itself."""
    return json.dumps(carried)


def unpacked(carried: dict[str, Any] | str) -> dict[str, Any]:
    """Return what an item carried, whether or not it came from a worker."""
    found: dict[str, Any] = json.loads(carried) if isinstance(carried, str) else carried
    return found


def properties(result: Result) -> Iterator[tuple[str, object]]:
    """Yield the properties of a case for `--junitxml`."""
    target = result.transcript.target
    yield from (("target", target.name), ("model", target.model), ("suite", result.case.suite))
    last = result.transcript.last
    if last and last.reply:
        yield "finish_reason", last.reply.finish_reason
        if last.reply.usage:
            yield from last.reply.usage.to_json().items()
    if result.cost is not None:
        yield "cost", result.cost


_CASE = re.compile(r"(?P<conversation>.+)\[(?P<target>[^\[\]]+)\]#(?P<attempt>\d+)")
_COMMAND = re.compile(r"^(\s*)(?=::|##\[|##vso\[)", re.MULTILINE)


def inert(text: str) -> str:
    """Return text that does nothing in a terminal, and in which no line is a command to a CI service."""
    return _COMMAND.sub(r"\1\\", visible(text))


def explain(verdict: Verdict) -> str:
    """Return what a verdict says, as the terminal shows it."""
    kind = f" ({verdict.kind})" if verdict.kind else ""
    turn = f", turn {verdict.turn}" if verdict.turn else ""
    diff = "".join(f"\n    {line}" for line in verdict.diff.splitlines())
    message = verdict.message.replace("\n", "\n  ")
    return inert(f"{verdict.assertion}{kind}{turn}: {message}{diff}")


def hide(report: Any, redactor: Redactor) -> None:
    """Take secrets out of what pytest is going to tell of a test: its traceback and its output."""
    told = str(report.longrepr or "")
    if (clean := redactor.text(told)) is not told:
        report.longrepr = clean
    report.sections = [(title, redactor.text(text)) for title, text in report.sections]


def end(item: Any, problem: BaseException | None = None) -> list[Verdict]:
    """End a recorded test: its result goes home; return what is wrong. `problem` is what it raised itself."""
    recording = item.replay_recording
    found = recording.finish()
    if problem is not None and not any(verdict.bad for verdict in found.verdicts):
        raised = Verdict("python", "failed", type(problem).__name__, crash(problem))
        found = replace(found, verdicts=(*found.verdicts, raised))
    result, line = shown(found, recording.redactor, recording.project)
    item.replay_carry = carry(result, line, recording.project)
    item.user_properties.extend(properties(result))
    return [verdict for verdict in result.verdicts if verdict.bad]


def fail_if_bad(item: Any) -> None:
    """End a recorded test, and let what is wrong fail it."""
    if bad := end(item):
        raise CaseFailed("\n".join(map(explain, bad)))
