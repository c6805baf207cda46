"""What tests of importers share beside `importing`: a file read by the importer that knows it."""

import json
from pathlib import Path

from replay import importers
from replay.record import record
from replay.record._files import head, sniffed


def read(path: Path):
    """The exchanges of a file, read by the importer that knows it."""
    name = sniffed(head(path))
    assert name, f"no importer knows {path}"
    return name, list(importers.registry.get(name).read(path))


def asked(logged):
    return json.loads(logged.request)


def said(logged):
    """The message of the first choice of an answer in the form of Chat Completions."""
    return json.loads(logged.response)["choices"][0]["message"]


def green(sandbox, *paths, model=None):
    """Import files, play all that came of them offline by pytest; return what was recorded."""
    recorded = record(paths, sandbox.root, "logs", model=model)
    result = sandbox.pytest("-q", "--no-replay-report") if recorded.imported else None
    assert result is None or result.ret == 0, result.stdout.str()[-3000:]
    return recorded
