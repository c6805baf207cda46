"""A result as it may be written down and told: the boundary that everything a case says passes once.

What a case says is the same in every run as long as nothing changes, so it is looked at once: what was found
is kept beside the project, and a run that is the same again pays for a look-up.
"""

from __future__ import annotations

import json

from replay.cache import Cached
from replay.cassette.redact import Redactor
from replay.config import Project
from replay.run import Result
from replay.runner._seen import hidden


def shown(result: Result, redactor: Redactor, project: Project) -> tuple[Result, str]:
    """Return a result without secrets and personal data, and its line of `run.jsonl`."""
    line = json.dumps(result.to_json())
    name, content = f"{result.case.suite}/{result.case.id}", redactor.fingerprint + line.encode()
    clean = Cached(str(project.root), f"clean/{name}", content, ("cassette",))
    if clean.get():
        return result, line
    kept = Cached(str(project.root), f"hidden/{name}", content, ("cassette",))
    if data := kept.get():
        return Result.from_json(data), json.dumps(data)
    without = result if _is_clean(result, line, redactor) else hidden(result, redactor)
    if without is result:
        clean.put(True)
        return result, line
    kept.put(without.to_json())
    return without, json.dumps(without.to_json())


def _is_clean(result: Result, line: str, redactor: Redactor) -> bool:
    """Tell by a look at the line, and at each stream, whose events may hold parts of a secret."""
    streams = (turn.raw for turn in result.transcript.turns if turn.raw and turn.stream)
    diffs = (verdict.diff for verdict in result.verdicts if verdict.diff)
    return not any(diffs) and all(redactor.text(text) is text for text in (line, *streams))
