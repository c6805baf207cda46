"""A result as it may be written down and told: the boundary that everything a case says passes once.

What a case says is the same in every run as long as nothing changes, so it is looked at once: what was found
is kept beside the project, and a run that is the same again pays for a look-up.
"""

from __future__ import annotations

import json

from replay.cache import Cached
from replay.cassette.redact import Redactor
from replay.config import Project
from replay.conversation import Json
from replay.run import Result
from replay.runner._seen import hidden


def shown(result: Result, redactor: Redactor, project: Project) -> tuple[Result, str]:
    """Return a result without secrets and personal data, and its line of `run.jsonl`."""
    line = json.dumps(result.to_json())
    name = f"results/{result.case.suite}/{result.case.id}"
    cached = Cached(str(project.root), name, redactor.fingerprint + line.encode(), ("cassette",))
    kept: Json = cached.get()
    if kept is None:
        clean = hidden(result, redactor)
        kept = True if clean is result else clean.to_json()
        cached.put(kept)
    return (result, line) if kept is True else (Result.from_json(kept), json.dumps(kept))
