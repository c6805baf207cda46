"""What providers really answer, met live over loopback and replayed: the same outcome, the cause by its kind.

The comments are the numbers of the catalogue of bad input.
"""

import gzip
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
from chat_wire import HELLO, completion, sse
from scripted import Close, Reset, Scripted, Wait, raw, reply, reset, stream

SAID = [sse(chunk | {"model": "m"}) for chunk in HELLO]
DONE = "data: [DONE]\n\n"
JSON = "content-type: application/json\r\n"
HOSTILE = (
    "\x1b[31mred\x1b]52;c;aGk=\x07 <script>alert(1)</script> \u202e \u200b =HYPERLINK(1) |`@all\n"
    "::error::no\n::add-mask::9\n"
)
DEEP = "[" * 700 + "]" * 700


def error(status, body, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return reply(body, status, headers)


def said(text="From 9 to 17.", finish_reason="stop", **more):
    return reply(completion({"content": text}, finish_reason, model="m", **more))


def called(name="look", arguments="{}"):
    call = {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return reply(completion({"content": None, "tool_calls": [call]}, "tool_calls", model="m"))


# name: (answer, outcome, the kind of the turn's error or of a finding)
BUSY = {"error": {"message": "busy"}}
ANSWERS = {
    "rate-limit": (error(429, BUSY), "error", "rate_limit"),  # 1.2
    "filter": (error(400, {"error": {"message": "no", "code": "content_filter"}}), "error", "content_filter"),
    "rate-as-400": (error(400, {"detail": "rate limit"}), "error", "rate_limit"),
    "fastapi": (error(422, {"detail": [{"loc": ["body"], "msg": "bad"}]}), "error", "invalid_request"),
    "too-large": (error(413, "<html><title>Too large</title></html>"), "error", "invalid_request"),
    "array": (error(429, [{"error": {"code": 429, "message": "quota"}}]), "error", "rate_limit"),
    "json-in-json": (error(429, json.dumps(json.dumps(BUSY))), "error", "rate_limit"),
    "gateway": (error(502, "<html><h1>Bad gateway</h1></html>"), "error", "server"),
    "overloaded": (error(503, {"error": {"code": "server_is_overloaded"}}), "error", "overloaded"),
    "silent-529": (error(529, b""), "error", "overloaded"),
    "empty": (reply(b""), "error", "bad_response"),  # 172
    "html": (reply("<html>hi</html>"), "error", "bad_response"),
    "list": (reply([1]), "error", "bad_response"),
    "cut": (reply('{"id": "x", "cho'), "error", "bad_response"),
    "error-with-200": (reply(BUSY), "error", "bad_response"),  # 173
    "no-choices": (reply(completion(choices=[])), "error", "bad_response"),  # 174
    "null-choices": (reply(completion(choices=None)), "error", "bad_response"),
    "null-message": (reply(completion(choices=[{"index": 0, "message": None}])), "error", "bad_response"),
    "odd-finish": (said(finish_reason="weird"), "failed", "finish_unknown"),  # 175
    "no-usage": (said(usage=None), "failed", "not_recorded"),  # 176
    "odd-usage": (said(usage={"prompt_tokens": "3", "completion_tokens": -1}), "failed", "not_recorded"),
    "half-character": (said("9 \ud83d"), "passed", None),  # 177
    "gzip-bomb": (
        reply(gzip.compress(bytes(9_000_000)), headers={"content-encoding": "gzip"}),
        "error",
        "bad_response",
    ),
    "redirect": (error(302, b"", location="http://127.0.0.1:9/x"), "error", "bad_response"),  # 179
    "wait-an-hour": (error(429, BUSY, retry_after="3600"), "error", "rate_limit"),  # 180
    "wait-less": (error(429, BUSY, retry_after="-5"), "error", "rate_limit"),
    "wait-nan": (error(429, BUSY, retry_after="NaN"), "error", "rate_limit"),
    "wait-soon": (error(429, BUSY, retry_after="soon"), "error", "rate_limit"),
    "bad-arguments": (called(arguments="{nope"), "failed", "malformed"),  # 181
    "unknown-tool": (called("lok"), "failed", "undeclared_tool"),
    "beyond-ascii": (
        error(200, completion({"content": "9"}, model="m"), x_request_id="caf\xe9"),
        "passed",
        None,
    ),
    "deep-extra": (reply(f'{{"deep": {DEEP}, ' + json.dumps(completion(model="m"))[1:]), "passed", None),
    "deep": (reply("[" * 100_000), "error", "bad_response"),
    "reset": (reset(), "error", "connection"),
    "short": (raw(f"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n{JSON}\r\n{{".encode(), Close()), "error", "cut"),
    "trickle": (
        raw(f"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n{JSON}\r\n".encode(), *([b"{", Wait(0.2)] * 20)),
        "error",
        "timeout",
    ),  # 189
    "hostile-text": (said(HOSTILE), "failed", "changed"),  # 190
    "hostile-error": (
        error(400, {"error": {"message": HOSTILE, "code": HOSTILE}}),
        "error",
        "invalid_request",
    ),
    "hostile-tool": (called(HOSTILE, HOSTILE), "failed", "undeclared_tool"),
    "hostile-model": (reply(completion(model=HOSTILE)), "failed", "served_model"),
    "stream": (stream([*SAID, DONE]), "failed", "not_recorded"),  # no usage was streamed
    "stream-error": (stream([*SAID[:2], sse({"error": {"message": "x"}})]), "error", "stream_error"),  # 1.3
    "stream-event": (stream([*SAID[:2], sse({"error": "x"}, "error")]), "error", "stream_error"),
    "stream-vllm": (stream([*SAID[:2], sse({"object": "error", "message": "x"})]), "error", "stream_error"),
    "stream-reset": (stream([*SAID[:2], Reset()]), "error", "cut"),
    "stream-closed": (stream([*SAID[:2], Close()]), "error", "cut"),
    "stream-ends": (stream(SAID[:2]), "failed", "finish_missing"),
    "stream-stalls": (stream([*SAID[:2], Wait(4), *SAID[2:]]), "error", "timeout"),
    "stream-bom": (stream(["\ufeff" + SAID[0], *SAID[1:], DONE]), "failed", "not_recorded"),  # 183
    "stream-json": (stream([*SAID[:2], 'data: {"id":\n\n']), "error", "cut"),
    "stream-utf8": (stream([*SAID[:2], b'data: {"id":"\xff\n\n']), "error", "cut"),
    "stream-ping": (stream(["event: ping\n\n: comment\n\n", *SAID, DONE]), "failed", "not_recorded"),
    "stream-more": (stream([*SAID, DONE, SAID[0]]), "failed", "after_done"),  # 184
}
# name: (what the model says, how it ends, the assertion that judges it, the kind of what it finds)
SCHEMA = {"schema": {"type": "object", "properties": {"n": {"type": "number", "maximum": 9}}}}
JUDGED = {
    "want-1-got-true": ("true", "stop", {"equals": {"json": 1}}, "changed"),  # 65
    "want-1-got-1.0": ("1.0", "stop", {"equals": {"json": 1}}, None),  # 66
    "minus-zero": ("-0.0", "stop", {"equals": {"json": 0}}, None),  # 68
    "normal-form": ("caf\u0065\u0301", "stop", {"contains": "caf\u00e9"}, "missing"),  # 69
    "trailing-space": ("yes ", "stop", {"equals": "yes"}, "changed"),  # 70
    "slow-pattern": ("a" * 60 + "!", "stop", {"matches": "^(a|a|aa)+$"}, "timed_out"),  # 100
    "not-recorded": ("9", "stop", {"logprob": {"min_token": -1}}, "not_recorded"),  # 115
    "nan": ('{"n": NaN}', "stop", {"json_schema": SCHEMA}, "not_finite"),  # 130
    "fenced": ("```json\n{}\n```", "stop", {"json_schema": SCHEMA}, "fenced"),  # 131
    "prose": ("{} is it", "stop", {"json_schema": SCHEMA}, "prose_after"),  # 132
    "repeated-keys": ('{"n": 1, "n": 2}', "stop", {"json_schema": SCHEMA}, "duplicate_keys"),  # 133
    "nothing": ("", "stop", {"json_schema": SCHEMA}, "empty"),  # 134
    "cut-json": ('{"n": 1', "length", {"json_schema": SCHEMA}, "truncated"),  # 135
    "too-deep": ("[" * 100_000, "stop", {"json_schema": SCHEMA}, "too_deep"),  # 136
    "slow-schema": (
        json.dumps("a" * 60 + "!"),
        "stop",
        {"json_schema": {"schema": {"pattern": "^(a|a|aa)+$"}}},
        "timed_out",
    ),  # 137
}
SUITE = """
targets: [t]
conversations: ['answers/*']
assert:
  - not_contains: nothing of it
  - token_budget: {prompt: 10000}
cases:
  - conversation: answers/hostile-*
    assert: [equals: From 9 to 17., matches: \\d+, baseline]
"""


def pytest_in(root, *options):
    command = [sys.executable, "-m", "pytest", "suites/", "-q", "-p", "no:cacheprovider", *options]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=60)


def results(root, name):
    lines = (root / "reports" / name / "run.jsonl").read_text().splitlines()[1:]
    found = map(json.loads, lines)
    return {line["transcript"]["conversation"]["name"].removeprefix("answers/"): line for line in found}


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """Every answer once live and once replayed: the project, what pytest said, the results."""
    root = tmp_path_factory.mktemp("answers")
    (root / "fixtures/conversations/answers").mkdir(parents=True)
    (root / "suites").mkdir()
    (root / "suites/s.yaml").write_text(SUITE)
    for name in ANSWERS:
        params = "{stream: true}" if name.startswith("stream") else "{}"
        text = f"messages: [{{role: user, content: {name}}}]\nparams: {params}\ntools: [{{name: look}}]\n"
        (root / f"fixtures/conversations/answers/{name}.yaml").write_text(text)
    cases = []
    for name, (_, _, assertion, _) in JUDGED.items():
        asked = f"messages: [{{role: user, content: {name}}}]\n"
        (root / f"fixtures/conversations/{name}.yaml").write_text(asked)
        cases.append({"conversation": name, "assert": [assertion, {"contract": "off"}]})
    (root / "suites/judged.yaml").write_text(json.dumps({"targets": ["t"], "cases": cases}))
    with Scripted([answer]) as server:
        target = '[targets.t]\nprovider = "openai_compatible"\nmodel = "m"\ntimeout = 2\n'
        (root / "replay.toml").write_text(f'{target}base_url = "{server.url}/v1"\n')
        live = pytest_in(root, "--record-mode=once", "--replay-report=reports/live")
        assert live.returncode == 1, live.stderr
    again = pytest_in(root, "--replay-report=reports/replay", "--junitxml=out.xml")
    return root, live, again, results(root, "live"), results(root, "replay")


def answer(asked):
    name = asked.json["messages"][0]["content"]
    return ANSWERS[name][0] if name in ANSWERS else said(*JUDGED[name][:2])


def causes(line):
    turn = line["transcript"]["turns"][0]
    kinds = [verdict.get("kind") for verdict in line["verdicts"] if verdict["status"] in ("failed", "error")]
    return [turn["error"]["kind"]] if "error" in turn else kinds


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_has_the_same_outcome_live_and_replayed(played, name):
    *_, live, replay = played
    _, outcome, cause = ANSWERS[name]
    assert live[name]["outcome"] == replay[name]["outcome"] == outcome
    assert causes(live[name]) == causes(replay[name])
    assert cause is None or cause in causes(live[name])


@pytest.mark.parametrize("name", JUDGED)
def test_a_reply_is_judged_the_same_live_and_replayed(played, name):
    *_, live, replay = played
    kind = JUDGED[name][3]
    assert causes(live[name]) == causes(replay[name]) == ([kind] if kind else [])


def test_pytest_tells_them_in_plain_words(played):
    _, live, again, *_ = played
    for done in (live, again):
        assert done.returncode == 1
        assert "Traceback" not in done.stdout + done.stderr
        assert "INTERNALERROR" not in done.stdout + done.stderr


def test_what_had_arrived_is_kept(played):
    *_, live, replay = played
    for results_of in (live, replay):
        assert results_of["html"]["transcript"]["turns"][0]["raw"] == "<html>hi</html>"
        partial = results_of["stream-reset"]["transcript"]["turns"][0]["reply"]["message"]["content"]
        assert partial == "On "


def test_a_bomb_is_not_kept(played):  # 178
    root, *_ = played
    assert (root / "fixtures/cassettes/answers/gzip-bomb/t.yaml").stat().st_size < 5_000_000


def test_hostile_text_does_nothing_in_the_terminal_in_a_log_of_ci_and_in_junit(played):  # 190
    root, live, again, *_ = played
    for done in (live, again):
        assert "alert(1)" in done.stdout
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u200b\u202e]", done.stdout)
        assert not re.search(r"^\s*(::|##\[)", done.stdout, re.MULTILINE)
    junit = (root / "out.xml").read_text("utf-8")
    assert len(ET.fromstring(junit).findall(".//testcase")) == len(ANSWERS) + len(JUDGED)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", junit)
