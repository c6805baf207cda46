"""A project whose suite is compared: conversations that a seeded provider answers with yes or no."""

import json
from dataclasses import dataclass
from pathlib import Path

SUITE = """
targets: [old]
conversations: [ask/*]
assert:
  - contains: "Yes"
  - finish_reason: stop
"""


def project(root: Path, server, conversations=12, suite=SUITE, **settings):
    """Write a project with so many conversations; its targets are the server's models."""
    given = {"price": {"prompt": 1.0, "completion": 2.0}} | settings
    files = {"pyproject.toml": server.toml(**given), "suites/ask.yaml": suite}
    for number in range(conversations):
        files[f"fixtures/conversations/ask/c{number:03}.yaml"] = (
            f"messages: [{{role: user, content: 'Question {number}?'}}]\n"
        )
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@dataclass
class Compared:
    """What `replay compare` printed and left behind."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def data(self):
        return json.loads((self.folder / "comparison.json").read_text())

    @property
    def lines(self):
        return [json.loads(line) for line in (self.folder / "run.jsonl").read_text().splitlines()]

    def judged(self, assertion="overall", candidate=0):
        (found,) = [one for one in self.data["versus"][candidate]["judged"] if one["assertion"] == assertion]
        return found


def compared(root, monkeypatch, capfd, *arguments):
    """Run `replay compare` in a project, into the folder `out`."""
    from replay.cli import main

    monkeypatch.chdir(root)
    folder = root / "out"
    where = () if "--resume" in arguments or "--out" in arguments else ("--out", str(folder))
    code = main(["compare", *map(str, arguments), *where])
    captured = capfd.readouterr()
    return Compared(code, captured.out, captured.err, folder)
