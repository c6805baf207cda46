"""What the tests of `replay record` share: small logs of invented calls, and what was made of them."""

import json
from contextlib import contextmanager
from dataclasses import replace

import yaml

from replay import fixtures, importers, player, providers, suites
from replay.cassette.cassette import Cassette
from replay.cassette.redact import Redactor
from replay.config import Project
from replay.importers import Logged
from replay.record import record
from replay.runner._seen import as_recorded

SYSTEM = {"role": "system", "content": "You work at a shop."}
LIMIT = {"error": {"message": "Slow down.", "type": "requests", "code": "rate_limit_exceeded"}}


def user(text):
    return {"role": "user", "content": text}


def said(text, **more):
    return {"role": "assistant", "content": text, **more}


def asks(*messages, model="gpt-4o-mini", **params):
    return {"model": model, "messages": list(messages), **params}


def answers(text, name="c-1", finish="stop", tokens=(20, 5), **message):
    usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
    choice = {"index": 0, "message": said(text, **message), "finish_reason": finish}
    return {
        "id": name,
        "object": "chat.completion",
        "model": "gpt-4o-mini",
        "choices": [choice],
        "usage": usage,
    }


def entry(request, response=None, status=200, **more):
    answered = {} if response is None else {"response": {"status": status, "headers": {}, "body": response}}
    return {"request": {"method": "POST", "url": "", "headers": {}, "body": request}, **answered, **more}


def chat(*turns, name="c", system=SYSTEM, **params):
    """Return the calls of one growing conversation: `turns` are pairs of what is asked and answered."""
    history, entries = [system], []
    for number, (asked, answered) in enumerate(turns):
        history = [*history, user(asked)]
        entries.append(entry(asks(*history, **params), answers(answered, f"{name}-{number}")))
        history = [*history, said(answered)]
    return entries


def write(path, entries):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(item) + "\n" for item in entries))
    return path


def recorded(folder, *entries, suite="shop", salt="s", **options):
    """Record one log of these entries into `folder`, which has its salt already; return outcomes, project."""
    if not (folder / "replay.toml").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "replay.toml").write_text(f'[redaction]\nsalt = "{salt}"\n')
    log = write(folder.parent / f"{folder.name}-logs" / "app.jsonl", entries)
    return record([log], folder, suite, **options), Project.find(folder)


@contextmanager
def importing(*calls):
    """A format `told` whose files hold these calls, or what these functions return."""

    class Told:
        def sniff(self, head):
            return head.startswith(b"told")

        def read(self, path):
            return (call(path) if callable(call) else replace(call, path=str(path)) for call in calls)

    importers.registry.register("told", Told())
    try:
        yield
    finally:
        del importers.registry._registered["told"]


def call(request, response=None, place="line 1", **more):
    """A logged call with these bodies."""
    if response is not None:
        more = {"status": 200, "response": json.dumps(response).encode()} | more
    return Logged("", place, request=json.dumps(request).encode(), **more)


def told(folder, *calls, **options):
    """Record calls as an importer gives them; return outcomes and project."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "log.told").write_text("told")
    with importing(*calls):
        return record([folder / "log.told"], folder / "p", "shop", **options), Project.find(folder / "p")


def cases(project, suite="shop"):
    return yaml.safe_load((project.suites / f"{suite}.yaml").read_text())["cases"]


def fixture(project, name):
    return yaml.safe_load((project.conversations / f"{name}.yaml").read_text())


def files(root):
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".replay" not in path.parts
    }


def played(project, suite="shop"):
    """Play each case of a suite from its cassette; return transcripts by conversation."""
    found = {}
    for one in suites.load(project.suites / f"{suite}.yaml", project).entries:
        conversation = fixtures.load(project.conversations / f"{one.conversation}.yaml", project)
        path = project.cassettes / one.conversation / f"{one.targets[0]}.yaml"
        with Cassette(path, redactor=Redactor.for_project(project, {})) as cassette:
            target = as_recorded(project.target(one.targets[0]), cassette)
            send = sender(providers.registry.get(target.provider), target, cassette)
            found[one.conversation] = player.play(conversation, target, send, one.play, one.turns, one.loop)
            assert not cassette.unplayed
    return found


def sender(provider, target, cassette):
    def send(request):
        turn = provider.send(request, target, cassette.transport())
        while cassette.has_retry():
            turn = provider.send(request, target, cassette.transport())
        return turn

    return send
