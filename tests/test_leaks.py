"""Nothing raw reaches the disk or the terminal, whatever it came in and however the process ended.

Secrets are planted in what a provider says, in errors, headers, the environment, fixtures, foreign cassettes,
logs. Then every file of the project, the output and (by strace) every byte that was written is searched.
"""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import zlib
from base64 import b64decode

import pytest
from chat_wire import chunk, completion, streamed
from planted import OPAQUE, PERSONAL, PREFIXED, everything, split
from scripted import Scripted, Wait, reply, stream

from replay.cassette import file as cassettes
from replay.cassette._known import forms
from replay.cassette.interaction import Interaction, RecordedRequest, RecordedResponse

RNG = random.Random(23)
LIVE = OPAQUE["cohere"](RNG)  # the key that calls are made with, in no form that could be recognised
TOKEN = OPAQUE["azure"](RNG)  # another in the environment
PLANTED = {
    kind: PREFIXED[kind](RNG) for kind in ("openai project", "anthropic", "github", "google", "slack", "jwt")
}
PLANTED |= {kind: PERSONAL[kind](RNG) for kind in ("email", "phone", "iban")}
ALL = {"live": LIVE, "token": TOKEN} | PLANTED
ENVIRONMENT = {"LIVE_API_KEY": LIVE, "SOME_TOKEN": TOKEN, "PYTHONHASHSEED": "0"}
CONFIG = """
    [redaction]
    salt = "s"

    [targets.small]
    provider = "openai_compatible"
    model = "m"
    api_key_env = "LIVE_API_KEY"
    base_url = "{url}/v1"
"""


class Trace:
    """strace over a command: what it and its children wrote to files, pipes and terminals, not to sockets.

    What the cache of read files holds in the end is searched with the other files.
    """

    WRITE = re.compile(r"(?:write|pwrite64|writev)\(\d+<((?:\\x..)+)>, (.*)")

    def __init__(self, folder):
        self.path = folder / "trace"
        self.command = ["strace", "-f", "-qq", "-y", "-xx", "-s", "10000000", "-o", str(self.path)]
        self.command += ["-e", "trace=write,pwrite64,writev"]

    def written(self):
        parts = []
        for line in self.path.read_text().splitlines():
            found = self.WRITE.search(line)
            path = unhex(found[1]) if found else b"socket:"
            if not path.startswith((b"socket:", b"TCP", b"UNIX")) and b"/.replay/cache.db" not in path:
                parts += map(unhex, re.findall(r'"((?:\\x..)*)"', found[2]))
        return b"".join(parts)


def unhex(text):
    return bytes.fromhex(text.replace("\\x", ""))


def traces():
    if shutil.which("strace") is None:
        return "strace is missing"
    tried = subprocess.run(["strace", "-o", os.devnull, "-f", "true"], capture_output=True, check=False)
    return None if tried.returncode == 0 else "strace is there but is missing the right to trace"


@pytest.fixture(scope="module")
def untraced():
    return traces()


@pytest.fixture
def shop(sandbox, tmp_path, untraced):
    """A project; `shop.run(...)` runs a command in it and keeps what it wrote."""
    sandbox.trace, sandbox.written = None if untraced else Trace(tmp_path), b""

    def run(*command, code=None, **options):
        traced = sandbox.trace.command if sandbox.trace else []
        environment = os.environ | ENVIRONMENT | {"TMPDIR": str(sandbox.root / "tmp")}
        (sandbox.root / "tmp").mkdir(exist_ok=True)
        done = subprocess.run(
            [*traced, sys.executable, "-m", *command],
            cwd=sandbox.root,
            env=environment,
            capture_output=True,
            check=False,
            timeout=120,
            **options,
        )
        sandbox.written += done.stdout + done.stderr + (sandbox.trace.written() if sandbox.trace else b"")
        assert code is None or done.returncode == code, done.stdout.decode() + done.stderr.decode()
        return done

    sandbox.run_in = run
    return sandbox


def leaks(shop, *, given=()):
    """Which secrets are where: in a file (but those that were `given`), in what was written or told."""
    for path in sorted(shop.root.rglob("*")):
        if path.is_file() and str(path.relative_to(shop.root)) not in given:
            yield from ((path.name, kind) for kind in held(opened(path)))
    yield from (("written or told", kind) for kind in held(shop.written))


def opened(path):
    """A file's bytes, and what is folded, encoded or spread over events in them."""
    data = path.read_bytes()
    parts = [data]
    folded = re.findall(rb"H4sI[A-Za-z0-9+/]{40,}={0,2}", data)
    parts += (zlib.decompress(b64decode(run), 31) for run in folded)
    if path.suffix == ".yaml" and b"interactions:" in data:
        for one in cassettes.load(path):
            parts += (everything(one.request).encode(), everything(one.response).encode())
    for line in data.splitlines() if path.suffix == ".jsonl" else ():
        for raw in re.findall(r'"raw": ("(?:[^"\\]|\\.)*")', line.decode()):
            parts.append(everything(RecordedResponse(200, body=json.loads(raw).encode())).encode())
    return b"\n".join(parts)


def held(data):
    for kind, secret in ALL.items():
        if any(form.text in data for form in forms(secret)):
            yield kind


def test_the_search_for_leaks_finds_what_is_there(shop):
    shop.write({"a.txt": f"it is {LIVE}", "b/c.jsonl": json.dumps({"raw": streaming(TOKEN).decode()})})
    shop.run_in("json.tool", "--help")
    shop.run_in("base64", "-t")
    assert set(leaks(shop)) == {("a.txt", "live"), ("c.jsonl", "token")}
    shop.write({"out.py": f"import sys; sys.stderr.write('{PLANTED['github']}')"})
    shop.run_in("out")
    assert ("written or told", "github") in set(leaks(shop, given=["a.txt", "out.py"]))


def streaming(text):
    parts = [chunk({"content": part}) for part in split(text, RNG)]
    return "".join(streamed(chunk({"role": "assistant"}), *parts, chunk(finish_reason="stop"))).encode()


# what a provider says

ANSWERS = {
    "plain": reply(completion({"content": f"Use {PLANTED['openai project']}, write to {PLANTED['email']}."})),
    "streamed": stream([streaming(f"Your key is {PLANTED['anthropic']}, call {PLANTED['phone']}.")]),
    "tool": reply(
        completion(
            {
                "content": None,
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "save", "arguments": json.dumps({"token": PLANTED["github"]})},
                    }
                ],
            },
            finish_reason="tool_calls",
        )
    ),
    "refused": reply({"error": {"message": f"Incorrect API key provided: {LIVE}", "type": "x"}}, status=400),
    "header": reply(completion({}), headers={"set-cookie": f"s={PLANTED['jwt']}", "x-request-id": TOKEN}),
    "broken": reply(f"<html>{TOKEN} {PLANTED['google']}", content_type="text/html"),
}
FIXTURE = """
    messages:
      - {{role: user, content: "{name}"}}
    tools:
      - {{name: save, parameters: {{type: object, properties: {{token: {{type: string}}}}}}}}
    tool_results:
      - {{name: save, content: saved}}
    {params}
"""
JUDGE = """
    def check(transcript):
        print("said", transcript.last.raw)
        raise ValueError(f"not what was wanted: {transcript.last.raw}")
"""
SUITE = """
    targets: [small]
    conversations: [shop/*]
    assert:
      - equals: nothing that a model says
      - python: judge:check
"""


def answer(asked):
    return ANSWERS[asked.json["messages"][0]["content"]]


def conversations(shop, url):
    for name in ANSWERS:
        params = "params: {stream: true}" if name == "streamed" else ""
        shop.write({f"fixtures/conversations/shop/{name}.yaml": FIXTURE.format(name=name, params=params)})
    shop.write({"judge.py": JUDGE, "suites/shop.yaml": SUITE, "replay.toml": CONFIG.format(url=url)})


PYTEST = ("pytest", "suites/", "-rA", "-p", "no:cacheprovider", "--junitxml=junit.xml")


def test_what_a_provider_says_is_recorded_told_and_reported_without_secrets(shop, untraced):
    with Scripted([answer]) as server:
        conversations(shop, server.url)
        shop.run_in(*PYTEST, "--record-mode=once", code=1)
        assert len(server.requests) == len(ANSWERS)
        assert server.requests[0].headers["authorization"] == f"Bearer {LIVE}"
    shop.run_in(*PYTEST, code=1)
    shop.run_in(*PYTEST, "-n", "2", code=1)
    assert b"not what was wanted" in shop.written
    assert len(list(shop.root.glob("reports/*/index.html"))) == 3
    assert set(leaks(shop)) == set()
    if untraced:
        pytest.skip(f"{untraced}: files and output were searched, not every byte that was written")


def test_a_recording_that_is_killed_leaves_nothing_raw(shop):
    def slow(asked):
        return [Wait(30)] if asked.json["messages"][0]["content"] == "tool" else answer(asked)

    with Scripted([slow]) as server:
        conversations(shop, server.url)
        command = [sys.executable, "-m", *PYTEST, "--record-mode=once"]
        traced = shop.trace.command if shop.trace else []
        environment = os.environ | ENVIRONMENT
        with subprocess.Popen(
            [*traced, *command],
            cwd=shop.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            deadline = time.monotonic() + 30
            while len(server.requests) < len(ANSWERS) and time.monotonic() < deadline:
                time.sleep(0.05)
            time.sleep(0.5)
            os.killpg(process.pid, signal.SIGKILL)
            shop.written += process.stdout.read()
    shop.written += shop.trace.written() if shop.trace else b""
    assert list(shop.root.rglob("*.journal")) or list(shop.root.rglob("cassettes/**/*.yaml"))
    assert set(leaks(shop)) == set()


def foreign(shop, name, question, answer, results="[]"):
    """A fixture and its cassette, recorded by another tool that hid nothing; returns their names."""
    body = {"model": "m", "messages": [{"role": "user", "content": question}]}
    headers = {"content-type": ["text/event-stream"], "set-cookie": [TOKEN]}
    said = RecordedResponse(200, headers=headers, body=streaming(answer))
    request = RecordedRequest(
        "POST", "http://x.example.com/v1/chat/completions", {"authorization": LIVE}, json.dumps(body).encode()
    )
    cassette = f"fixtures/cassettes/shop/{name}/small.yaml"
    fixture = f"fixtures/conversations/shop/{name}.yaml"
    shop.write(
        {cassette: "", fixture: f"messages: {json.dumps(body['messages'])}\ntool_results: {results}\n"}
    )
    (shop.root / cassette).write_text(cassettes.dump([Interaction(request, said)]))
    return fixture, cassette


def test_a_secret_in_a_cassette_of_another_tool_goes_no_further(shop):
    given = []
    for kind, text in PLANTED.items():
        given += foreign(shop, kind.replace(" ", "_"), f"What is my {kind}?", f"So it is {text}, and {LIVE}!")
    shop.write({"judge.py": JUDGE, "suites/shop.yaml": SUITE, "replay.toml": CONFIG.format(url="http://x")})
    shop.run_in(*PYTEST, code=1)
    shop.run_in(*PYTEST, code=1)
    assert b"So it is REDACTED-key-" in shop.written
    assert set(leaks(shop, given=given)) == set()


def test_a_secret_in_a_fixture_goes_no_further_than_the_cache_of_fixtures(shop):
    given = [".replay/cache.db"]
    for kind, text in PLANTED.items():
        results = json.dumps([{"name": "save", "content": {"note": text}}])
        given += foreign(shop, kind.replace(" ", "_"), f"My {kind} is {text}", "So it is.", results)
    shop.write({"judge.py": JUDGE, "suites/shop.yaml": SUITE, "replay.toml": CONFIG.format(url="http://x")})
    shop.run_in(*PYTEST, code=1)
    shop.run_in(*PYTEST, code=1)
    assert set(leaks(shop, given=given)) == set()


APP = """
    import openai, os, pytest

    def test_app(replay):
        client = openai.OpenAI(base_url="{url}/v1", max_retries=0)
        for name in ("plain", "tool"):
            messages = [{{"role": "user", "content": name}}]
            said = client.chat.completions.create(model="m", messages=messages)
            print(said, os.environ["SOME_TOKEN"])
        replay.check(equals="nothing")

    def test_error(replay):
        client = openai.OpenAI(base_url="{url}/v1", max_retries=0)
        client.chat.completions.create(model="m", messages=[{{"role": "user", "content": "refused"}}])
"""


def test_what_an_apps_own_test_says_holds_no_secret(shop, monkeypatch):
    monkeypatch.setitem(ENVIRONMENT, "OPENAI_API_KEY", LIVE)
    with Scripted([answer]) as server:
        shop.write(
            {"suites/test_app.py": APP.format(url=server.url), "replay.toml": CONFIG.format(url=server.url)}
        )
        shop.run_in(*PYTEST, "--record-mode=once", code=1)
    shop.run_in(*PYTEST, code=1)
    assert b"Incorrect API key provided: REDACTED-key-" in shop.written
    personal = {(place, kind) for place, kind in leaks(shop) if kind not in PERSONAL}
    assert personal == set()


# logs


def exchange(number, text):
    request = {
        "model": "gpt-4o-mini",
        "user": PLANTED["email"],
        "metadata": {"phone": PLANTED["phone"], "session": {"api_key": TOKEN}},
        "messages": [{"role": "user", "content": f"{number}: {text}"}],
    }
    return {
        "id": f"req-{number}-{PLANTED['email']}",
        "url": f"https://api.example.com/v1/chat/completions?key={PLANTED['google']}",
        "request_headers": {"authorization": f"Bearer {LIVE}"},
        "request": request,
        "response": completion({"content": f"Is it {text}?"}, id=f"chatcmpl-{number}"),
        "response_headers": {"set-cookie": TOKEN},
    }


def test_a_log_is_imported_without_what_it_should_not_have_held(shop):
    lines = [json.dumps(exchange(number, text)) for number, text in enumerate(PLANTED.values())]
    lines += [
        f'{{"request": "{PLANTED["github"]}',
        json.dumps({"request": {"messages": LIVE}, "response": TOKEN}),
    ]
    shop.write({"log.jsonl": "\n".join(lines)})
    shop.run_in("replay.cli", "record", "log.jsonl", "--out", "project", "--suite", "logged")
    assert len(list(shop.root.rglob("project/fixtures/conversations/**/*.yaml"))) >= len(PLANTED)
    shop.run_in("pytest", "project/suites", "-rA", "-p", "no:cacheprovider")
    assert set(leaks(shop, given=["log.jsonl"])) == set()


def test_an_import_that_is_killed_leaves_nothing_raw(shop):
    lines = [json.dumps(exchange(number, random.choice(list(PLANTED.values())))) for number in range(3000)]
    shop.write({"log.jsonl": "\n".join(lines)})
    command = [
        sys.executable,
        "-m",
        "replay.cli",
        "record",
        "log.jsonl",
        "--out",
        "project",
        "--suite",
        "logged",
    ]
    with subprocess.Popen(
        command, cwd=shop.root, env=os.environ | ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        deadline = time.monotonic() + 30
        while not any((shop.root / "project").rglob("*.yaml")) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.kill()
        shop.written += process.stdout.read()
    assert list((shop.root / "project").rglob("*.yaml"))
    assert set(leaks(shop, given=["log.jsonl"])) == set()


# errors of ours


def test_a_bad_file_is_told_without_the_secret_that_it_holds(shop):
    shop.write({"replay.toml": CONFIG.format(url="http://x"), "suites/shop.yaml": SUITE})
    shop.write(
        {"fixtures/conversations/shop/a.yaml": f"messages:\n- {{role: {PLANTED['github']}, content: a}}\n"}
    )
    shop.run_in("pytest", "suites/", "-p", "no:cacheprovider", code=4)
    shop.run_in("replay.cli", "schema", PLANTED["anthropic"], code=4)
    shop.run_in("replay.cli", "record", "suites", "--suite", PLANTED["slack"], code=4)
    assert set(leaks(shop, given=["fixtures/conversations/shop/a.yaml"])) == set()


def test_a_crash_file_holds_no_secret(shop):
    shop.write(
        {
            "crash.py": f"""
                import sys, replay.schemas, replay.cli
                def text(kind): raise RuntimeError("{PLANTED["slack"]} {TOKEN}")
                replay.schemas.text = text
                sys.exit(replay.cli.main(["schema", "suite"]))
            """
        }
    )
    shop.run_in("crash", code=3)
    assert len(list(shop.root.rglob("replay-crash-*.txt"))) == 1
    assert set(leaks(shop, given=["crash.py"])) == set()
