"""What the tests of importers share: logs written, recorded as a user does, and played by pytest, offline."""

import json

import yaml

from replay.record import record
from replay.run import Result


def lines(*records):
    return "".join(json.dumps(record) + "\n" for record in records)


def logged(importer, folder, content, name="log.jsonl"):
    """What an importer makes of one file."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(importer.read(path))


def imported(sandbox, files, **options):
    """Record files of these contents, in a folder of their own."""
    for name, content in files.items():
        path = sandbox.root / "logs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return record([sandbox.root / "logs"], sandbox.root, "logged", **options)


def green(sandbox, but=()):
    """Play the suite by pytest, offline, all but the conversations named; every case has to pass.

    Returns each conversation with its last turn, in the order of the suite.
    """
    return [(one.conversation, one.turns[-1]) for one in _played(sandbox, but)]


def turns(sandbox, recorded):
    """The same, for each exchange that was imported: its conversation and its own turn."""
    played = {one.conversation.name: one for one in _played(sandbox)}
    found = [(played[outcome.conversation], outcome) for outcome in recorded.outcomes if outcome.imported]
    return [(one.conversation, one.turns[max(outcome.turn, 1) - 1]) for one, outcome in found]


def _played(sandbox, but=()):
    path = sandbox.root / "suites" / "logged.yaml"
    suite = yaml.safe_load(path.read_text())
    suite["cases"] = [case for case in suite["cases"] if case["conversation"] not in but]
    path.write_text(yaml.safe_dump(suite))
    result = sandbox.pytest("-q", "-p", "no:cacheprovider")
    assert result.ret == 0, result.stdout.str()
    order = {case["conversation"]: number for number, case in enumerate(suite["cases"])}
    played = [Result.from_json(line).transcript for line in sandbox.run()[1]]
    return sorted(played, key=lambda one: order[one.conversation.name])
