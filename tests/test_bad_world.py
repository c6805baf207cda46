"""What the machine does to a user: flags, environment, disks, limits, killed processes.

The comments are the numbers of the catalogue of bad input; faults are those of its list of faults.
"""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

import pytest
from chat_wire import completion, sse
from scripted import Scripted, reply, stream

from replay.cli import main

SUITE = "targets: [small]\nconversations: [shop/*]\nassert: [contains: '9']\n"
KEY = "wh4tever-Live-key-0123456789"


def said(asked):
    return reply(completion({"content": "From 9 to 17."}, model=asked.json["model"]))


def target(url, more=""):
    return f'[targets.small]\nprovider = "openai_compatible"\nmodel = "m"\nbase_url = "{url}/v1"\n{more}\n'


@pytest.fixture
def shop(sandbox):
    """Two recorded conversations, whose server is gone."""
    for name in ("hours", "days"):
        sandbox.write(
            {f"fixtures/conversations/shop/{name}.yaml": f"messages: [{{role: user, content: {name}}}]\n"}
        )
    sandbox.write({"suites/shop.yaml": SUITE})
    with Scripted([said]) as server:
        sandbox.write({"replay.toml": target(server.url)})
        sandbox.pytest("--record-mode=once", "--replay-report=reports/0").assert_outcomes(passed=2)
    return sandbox


def asking(shop, *names, content=None):
    """Add conversations that ask for their own name, or for `content`."""
    for name in names:
        text = f"messages: [{{role: user, content: {content or name}}}]\n"
        shop.write({f"fixtures/conversations/shop/{name}.yaml": text})


def run(shop, *arguments, module="replay.cli", shell=None, **options):
    """A verb, or with `module="pytest"` pytest, in a process of its own."""
    command = [sys.executable, "-m", module, *arguments]
    if shell:
        command = ["bash", "-c", shell.format(command=" ".join(command))]
    options = {"cwd": shop.root, "capture_output": True, "text": True, "timeout": 60} | options
    done = subprocess.run(command, check=False, **options)
    assert "Traceback" not in (done.stdout or "") + (done.stderr or ""), done.stderr
    return done


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (["recrod"], 4, 'did you mean "record"?'),  # 156
        (["record", "suites", "--suit", "x"], 4, "--suite"),
        (["record", "no.jsonl", "--suite", "x"], 4, "'no.jsonl' does not exist"),  # 157
        (["record", "suites", "--suite", "X y"], 4, 'use "x-y"'),
        (["record", "suites", "--suite", "x", "--format", "jsonll"], 4, 'did you mean "jsonl"?'),
        (["record", "suites", "--suite", "x", "--out", "suites/in"], 4, "choose a folder outside it"),  # 160
        (["record", "suites", "--suite", "x", "--out", "replay.toml"], 4, "is a file"),
        (["record", "suites", "--suite", "x", "--strict"], 4, "shop.yaml: error: in no format that is known"),
        (["report", "no", "reports/0"], 4, "no: error: there is no such run"),
        (["report", "suites/shop.yaml"], 4, "suites/shop.yaml:1: error: this is no run"),
        (["merge", "reports/0", "--out", "suites"], 4, "holds other files (shop.yaml)"),  # 160
        (["merge", "reports/0", "--out", "reports/0"], 4, "is one of the runs to join"),
        (["merge", "reports/0", "reports/0", "--out", "x"], 4, "give each shard once"),
        (["accept", "--accept=nwe"], 4, 'did you mean "new"?'),
        (["accept", "nowhere"], 4, "there is no such run"),
        (["cassette", "check", "nowhere"], 4, "'nowhere' does not exist"),
        (["cassette", "recover", "nowhere"], 4, "nowhere: error: there is no such cassette"),
        (["cassette", "recover", "suites"], 4, "suites: error: this is a folder"),
        (["schema", "conversatoin"], 4, 'did you mean "conversation"?'),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_line_or_two(shop, capsys, arguments, code, what):
    before = files(shop.root)
    capsys.readouterr()
    assert main(arguments) == code
    told = capsys.readouterr().err
    assert what in told
    assert told.count("\n") <= 3
    assert files(shop.root) == before


def test_logs_that_hold_nothing_leave_a_suite_as_it_is(shop, capsys):
    suite = shop.root / "suites/shop.yaml"
    before = suite.read_bytes()
    assert main(["record", "suites", "--suite", "shop"]) == 5
    assert "in no format that is known" in capsys.readouterr().out
    assert suite.read_bytes() == before


def test_every_verb_speaks_json(shop, capsys):
    cassette = "fixtures/cassettes/shop/days/small.yaml"
    shutil.copytree(shop.root / "reports/0", shop.root / "second")
    asked = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    (shop.root / "second" / "log.jsonl").write_text(json.dumps(asked) + "\n")
    for arguments, key in (
        (["record", "second", "--suite", "x", "--out", "."], "outcomes"),
        (["translate", "shop/days", "--to", "openai_responses"], "body"),
        (["redact", "--check", "replay.toml"], "found"),
        (["report", "reports/0"], "reports"),
        (["merge", "reports/0", "--out", "joined"], "faults"),
        (["accept"], "changes"),
        (["cassette", "check", cassette], "faults"),
        (["cassette", "recover", cassette], "recovered"),
        (["schema", "suite"], "properties"),
        (["schema", "--write"], "written"),
    ):
        capsys.readouterr()
        assert main([*arguments, "--json"]) == 0
        assert key in json.loads(capsys.readouterr().out), arguments
    assert (shop.root / "fixtures/.schemas/suite.json").exists()


def test_a_shard_that_lost_a_line_is_joined_and_says_so(shop, capsys):
    path = shop.root / "reports/0/run.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    assert main(["merge", "reports/0", "--out", "joined"]) == 0
    assert "reports/0/run.jsonl:3: error: the last line is cut" in capsys.readouterr().out


def test_an_internal_error_is_one_line_and_its_details_hold_no_secret(monkeypatch, capsys, tmp_path):
    from replay import runs

    def broken(*_):
        raise RuntimeError(f"the key is {KEY}")

    monkeypatch.setenv("SHOP_KEY", KEY)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(runs, "locate", broken)
    assert main(["report", "x"]) == 3
    told = capsys.readouterr().err
    assert told.startswith("replay: internal error: RuntimeError; details are in")
    (crash,) = tmp_path.glob("replay-crash-*")
    assert "the key is REDACTED" in crash.read_text()
    assert main(["report", "x", "--debug"]) == 3
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert KEY not in told + crash.read_text()


def test_where_output_cannot_go(shop):  # 168
    assert run(shop, shell="{command} --help | true; exit ${{PIPESTATUS[0]}}").stderr == ""
    full = run(shop, "schema", "suite", shell="{command} > /dev/full")
    assert full.returncode == 6
    assert "No space left on device" in full.stderr
    assert full.stderr.count("\n") == 1
    assert run(shop, "schema", "suite", shell="{command} >&-").returncode in (0, 6)
    latin = {**os.environ, "PYTHONIOENCODING": "ascii"}
    assert run(shop, "accept", "--help", env=latin).returncode == 0


def test_the_same_bytes_in_any_locale_time_zone_and_home(shop):  # 167, 169
    bare = {"PATH": os.environ["PATH"]}
    odd = bare | {"LC_ALL": "C", "TZ": "Asia/Kathmandu", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    shop.write({"fixtures/conversations/shop/days.yaml": "messages: [{role: user, content: Dépôt ☃?}]\n"})
    for name, environment in (("one", bare | {"LC_ALL": "C.UTF-8", "HOME": "/tmp"}), ("two", odd)):
        report = f"--replay-report={name}"
        assert run(shop, "suites/", report, module="pytest", env=environment).returncode == 1
        log = shop.root / "log.jsonl"
        asked = {"model": "m", "messages": [{"role": "user", "content": "Dépôt ☃?"}]}
        log.write_text(json.dumps({"request": asked, "response": completion({"content": "é ☃"})}), "utf-8")
        out = run(shop, "record", "log.jsonl", "--suite", "log", "--out", f"{name}-out", env=environment)
        assert out.returncode == 0, out.stderr
    assert lines(shop.root / "one/run.jsonl") == lines(shop.root / "two/run.jsonl")
    one, two = (
        {path.relative_to(shop.root / out): salted(path) for path in (shop.root / out).rglob("*.yaml")}
        for out in ("one-out", "two-out")
    )
    assert one == two
    assert one


def lines(path):
    return path.read_bytes().splitlines()[1:]


def salted(path):
    return re.sub(rb"u-[0-9a-f]{8}", b"", path.read_bytes())


def test_the_folder_may_be_gone(shop):  # 169
    done = run(shop, shell="mkdir gone; cd gone; rmdir ../gone; {command} accept")
    assert done.returncode in (4, 5, 6)
    assert done.stderr.count("\n") == 1


def test_few_files_may_be_open(shop):  # 170
    asking(shop, *(f"c{number}" for number in range(40)))
    with Scripted([said]) as server:
        shop.write({"replay.toml": target(server.url)})
        few = run(
            shop, "suites/", "-q", "--record-mode=once", module="pytest", shell="ulimit -n 40; {command}"
        )
    assert few.returncode == 0, few.stdout
    assert run(shop, "suites/", "-q", module="pytest", shell="ulimit -n 32; {command}").returncode == 0


@pytest.mark.parametrize("value", ["sk-hid den", "sk-hidden\n", "sk-hiddén"])
def test_a_key_that_cannot_be_sent_is_refused_by_name_before_anything_is_sent(
    shop, monkeypatch, value
):  # 162
    monkeypatch.setenv("SHOP_KEY", value)
    with Scripted([said]) as server:
        shop.write({"replay.toml": target(server.url, 'api_key_env = "SHOP_KEY"')})
        result = shop.pytest("--record-mode=all")
        assert server.requests == []
    assert result.ret == 4
    assert "SHOP_KEY" in result.stderr.str()
    assert "sk-hid" not in result.stderr.str() + result.stdout.str()
    shop.pytest().assert_outcomes(passed=2)  # a replay does not look at it


def test_an_address_from_the_environment_is_needed_to_record_and_not_to_replay(shop, monkeypatch):
    with Scripted([said]) as server:
        shop.write(
            {
                "replay.toml": target(server.url).replace("base_url", "#").strip()
                + '\nbase_url_env = "SHOP_URL"\n'
            }
        )
        unset = shop.pytest("--record-mode=all")
        assert (unset.ret, "set SHOP_URL" in unset.stderr.str()) == (4, True)
        monkeypatch.setenv("SHOP_URL", "shop.example/v1")
        wrong = shop.pytest("--record-mode=all")
        assert (wrong.ret, "SHOP_URL" in wrong.stderr.str(), server.requests) == (4, True, [])  # 163
        monkeypatch.setenv("SHOP_URL", f"{server.url}/openai/deep/v1")
        shop.pytest("--record-mode=all").assert_outcomes(passed=2)
    monkeypatch.delenv("SHOP_URL")
    shop.pytest().assert_outcomes(passed=2)


def test_azure_replays_without_its_environment(sandbox, monkeypatch):
    sandbox.write({"fixtures/conversations/shop/hours.yaml": "messages: [{role: user, content: hours}]\n"})
    sandbox.write({"suites/shop.yaml": SUITE})
    table = '[targets.small]\nprovider = "azure"\nmodel = "m"\n'
    sandbox.write({"replay.toml": table + 'endpoint_env = "AZ_URL"\ndeployment_env = "AZ_NAME"\n'})
    with Scripted([lambda asked: reply(completion({"content": "9"}, model="m"))]) as server:
        for name, value in (("AZ_URL", server.url), ("AZ_NAME", "mine"), ("AZURE_OPENAI_API_KEY", "k" * 9)):
            monkeypatch.setenv(name, value)
        sandbox.pytest("--record-mode=once").assert_outcomes(passed=1)
        assert server.requests[0].path.startswith("/openai/deployments/mine/chat/completions")
    for name in ("AZ_URL", "AZ_NAME", "AZURE_OPENAI_API_KEY"):
        monkeypatch.delenv(name)
    sandbox.pytest().assert_outcomes(passed=1)


def test_no_secret_leaves_the_process_though_the_provider_repeats_it(shop, monkeypatch):
    def echo(asked):
        what, key = (
            asked.json["messages"][0]["content"],
            asked.headers["authorization"].removeprefix("Bearer "),
        )
        if what == "hours":
            return reply({"error": {"message": f"wrong key {key}", "code": key}}, 401, {"x-request-id": key})
        parts = (f"9 {key[:7]}", key[7:19], key[19:])
        return stream([sse({"choices": [{"index": 0, "delta": {"content": part}}]}) for part in parts])

    monkeypatch.setenv("SHOP_KEY", KEY)
    with Scripted([echo]) as server:
        shop.write({"replay.toml": target(server.url, 'api_key_env = "SHOP_KEY"')})
        live = shop.pytest("--record-mode=all", "--junitxml=out.xml", "-v")
    again = shop.pytest("--junitxml=again.xml", "-v")
    assert live.ret == again.ret == 1
    assert "wrong key REDACTED" in live.stdout.str()
    shown = [lines.str() for result in (live, again) for lines in (result.stdout, result.stderr)]
    told = [*shown, *(path.read_text("utf-8", "replace") for path in files(shop.root))]
    assert not [text for text in told if KEY in text or KEY[8:20] in text]
    assert [result["outcome"] for result in shop.run()[1]] == ["failed", "error"]


def files(root):
    return [path for path in root.rglob("*") if path.is_file()]


def test_a_provider_that_answers_nothing_is_told_apart_from_a_failure(shop):
    busy = reply({"error": {"message": "busy"}}, 500)
    with Scripted([busy]) as server:
        shop.write({"replay.toml": target(server.url)})
        silent = shop.pytest("--record-mode=all")
        assert (silent.ret, [line["outcome"] for line in shop.run()[1]]) == (7, ["error", "error"])
        assert shop.pytest("-n", "2").ret == 7
    with Scripted([busy, reply(completion({"content": "no"}, model="m"))]) as server:
        shop.write({"replay.toml": target(server.url, "limits = {concurrency = 1}")})
        assert shop.pytest("--record-mode=all").ret == 1
    assert sorted(line["outcome"] for line in shop.run()[1]) == ["error", "failed"]


def test_an_account_at_its_end_is_asked_no_more(shop):  # fault 14
    asking(shop, *(f"c{number}" for number in range(20)))
    with Scripted([reply({"error": {"message": "pay", "code": "insufficient_quota"}}, 429)]) as server:
        shop.write({"replay.toml": target(server.url, "limits = {concurrency = 2}")})
        result = shop.pytest("--record-mode=once", "-k", "c")
        assert len(server.requests) <= 4
    assert result.ret == 7
    result.stdout.fnmatch_lines(["*not sent: target small has refused a call before (pay)*"])


def test_warnings_are_told_and_refused_when_strict(shop):
    shop.write({"replay.toml": target("http://shop.example")})  # 163
    path = shop.root / "fixtures/conversations/shop/days.yaml"
    call = "{id: c, type: function, function: {name: look, arguments: 'nope'}}"
    path.write_text(
        f"messages:\n  - {{role: user, content: days}}\n  - {{role: assistant, tool_calls: [{call}]}}\n"
    )
    for options in ((), ("-n", "2")):
        result = shop.pytest(*options)
        told = [line for line in result.stdout.lines if "warning" in line]
        assert any(
            line.startswith("replay.toml:4:1: warning: base_url sends keys unencrypted") for line in told
        )
        assert any(line.startswith("fixtures/conversations/shop/days.yaml:3:") for line in told)  # 15
        assert len(told) == len(set(told))
        strict = shop.pytest("--replay-strict", *options)
        assert strict.ret == 4
        assert "replay.toml:4:1: error: base_url" in strict.stderr.str() + strict.stdout.str()


def test_names_that_clash_where_cases_are_not_told_apart_are_refused(shop):  # 93
    shop.write({"fixtures/conversations/shop/Hours.yaml": "messages: [{role: user, content: x}]\n"})
    result = shop.pytest()
    assert result.ret == 4
    assert '"shop/Hours" and "shop/hours" are one file name on many disks' in result.stderr.str()
    shop.write(
        {"replay.toml": target("https://a.example") + target("https://b.example").replace("small", "Small")}
    )
    assert '"Small" and "small" are one file name' in shop.pytest().stderr.str()
    for name in ("a/b", "..", "con", "a.", "x" * 300, "a#2"):
        shop.write({"replay.toml": target("https://a.example").replace("small", json.dumps(name))})
        assert "the target's name" in shop.pytest().stderr.str(), name


def test_a_disk_that_is_full_costs_the_report_and_not_the_verdicts(shop):
    def small():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))

    done = run(shop, "suites/", "-p", "no:cacheprovider", module="pytest", preexec_fn=small)
    assert done.returncode == 6
    assert "cannot write the run" in done.stdout
    assert "2 passed" in done.stdout
    (shop.root / "reports/0").rename(shop.root / "kept")
    shutil.rmtree(shop.root / "reports")
    (shop.root / "reports").write_text("a file")
    blocked = run(shop, "suites/", module="pytest")
    assert (blocked.returncode, "2 passed" in blocked.stdout) == (6, True)


def test_a_recording_that_cannot_be_kept_is_refused_before_it_is_paid_for(shop):  # fault 5
    folder = shop.root / "fixtures/cassettes/shop/new"
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("in the way")
    shop.write({"fixtures/conversations/shop/new.yaml": "messages: [{role: user, content: new}]\n"})
    with Scripted([said]) as server:
        shop.write({"replay.toml": target(server.url)})
        result = shop.pytest("--record-mode=new_episodes")
        assert server.requests == []
    assert result.ret == 6
    assert len(shop.run()[1]) == 3


def test_bad_lines_of_a_log_are_named_counted_and_do_not_stop_the_others(shop, capsys):  # 138 - 155
    asked = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    good = {"request": asked, "response": completion()}
    written = [
        "",
        "not json",
        "{'a': True}",
        "[1]",
        '{"a": 1}',
        json.dumps({"response": completion()}),
        json.dumps({"request": {"model": "e", "input": "x"}, "response": {"data": []}}),
        json.dumps(good | {"response": completion(id="chatcmpl-2")}),
        json.dumps(good | {"response": completion(id="chatcmpl-2")}),
        json.dumps(good | {"request": json.dumps(asked), "response": completion(id="chatcmpl-3")}),
        json.dumps(good | {"request": asked | {"messages": [{"role": "user", "content": "***"}]}}),
        json.dumps(good)[:50],
    ]
    log = shop.root / "log.jsonl"
    log.write_bytes("\n".join(written).encode().replace(b"[1]", b"[\xff]"))
    capsys.readouterr()
    assert main(["record", "log.jsonl", "--suite", "log", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["imported"], told["refused"]) == (3, told["read"] - 3)
    places = {outcome["place"] for outcome in told["outcomes"]}
    assert {f"line {number}" for number in range(2, 12)} <= places
    assert any("masked" in note for outcome in told["outcomes"] for note in outcome.get("notes", []))
    assert main(["record", "log.jsonl", "--suite", "strict", "--strict"]) == 4
    assert "log.jsonl:2: error: " in capsys.readouterr().err
    assert not (shop.root / "fixtures/conversations/strict").exists()


def test_a_killed_worker_costs_its_own_case_only(shop):  # fault 9
    for number in range(20):
        shop.write(
            {f"fixtures/conversations/shop/c{number:02}.yaml": "messages: [{role: user, content: hours}]\n"}
        )
        (shop.root / f"fixtures/cassettes/shop/c{number:02}").mkdir()
        recorded = shop.root / "fixtures/cassettes/shop/hours/small.yaml"
        shutil.copy(recorded, shop.root / f"fixtures/cassettes/shop/c{number:02}/small.yaml")
    shop.write(
        {"killer.py": "import os, signal\ndef check(transcript):\n    os.kill(os.getpid(), signal.SIGKILL)\n"}
    )
    kill = "cases:\n  - conversation: shop/c07\n    assert: [{python: killer:check}]\n"
    shop.write({"suites/shop.yaml": SUITE + kill})
    done = run(shop, "suites/", "-n", "2", "--replay-report=reports/killed", module="pytest")
    assert done.returncode == 1
    assert "1 failed, 21 passed" in done.stdout
    assert "22 cases: 1 error, 21 passed" in done.stdout
    ids = [json.loads(line)["case"]["id"] for line in lines(shop.root / "reports/killed/run.jsonl")]
    assert len(ids) == len(set(ids)) == 22
    assert (shop.root / "reports/killed/index.html").exists()


def test_workers_end_with_their_controller_and_keep_what_was_recorded(shop):  # fault 10
    names = [f"c{number}" for number in range(8)]
    for name in names:
        shop.write(
            {f"fixtures/conversations/shop/{name}.yaml": f"messages: [{{role: user, content: {name}}}]\n"}
        )
    with Scripted([lambda asked: time.sleep(0.3) or said(asked)]) as server:
        shop.write({"replay.toml": target(server.url)})
        command = [sys.executable, "-m", "pytest", "suites/", "-n", "2", "--record-mode=once"]
        parent = subprocess.Popen(
            command, cwd=shop.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while len(server.requests) < 4:
            time.sleep(0.02)
        workers = children(parent.pid)
        parent.kill()
        parent.wait()
        deadline = time.monotonic() + 5
        while any(map(alive, workers)) and time.monotonic() < deadline:
            time.sleep(0.05)
    assert workers
    assert not any(map(alive, workers))
    kept = list(shop.root.glob("fixtures/cassettes/shop/c*/small.yaml"))
    assert len(kept) >= 2
    assert main(["cassette", "check", "fixtures/cassettes"]) == 0


def children(pid):
    tasks = f"/proc/{pid}/task/{pid}/children"
    with open(tasks) as file:
        return [int(child) for child in file.read().split()]


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_no_secret_of_an_app_under_test_is_written_or_shown(sandbox, monkeypatch):
    monkeypatch.setenv("SHOP_KEY", KEY)

    def echo(asked):
        key = asked.headers["authorization"].removeprefix("Bearer ")
        return reply({"error": {"message": f"wrong key {key}"}}, 401)

    with Scripted([echo]) as server:
        code = f"""
            import os, openai

            def test_echo(replay):
                print("printed", os.environ["SHOP_KEY"])
                client = openai.OpenAI(api_key=os.environ["SHOP_KEY"], base_url="{server.url}/v1")
                client.chat.completions.create(model="m", messages=[{{"role": "user", "content": "hi"}}])
        """
        sandbox.write({"suites/test_echo.py": code, "replay.toml": target(server.url)})
        live = sandbox.pytest("--record-mode=once", "--junitxml=out.xml")
    again = sandbox.pytest("--junitxml=again.xml")
    for result in (live, again):
        result.assert_outcomes(failed=1)
        assert "wrong key REDACTED" in result.stdout.str()
        assert KEY not in result.stdout.str() + result.stderr.str()
    assert not [path for path in files(sandbox.root) if KEY in path.read_text("utf-8", "replace")]
