"""`replay reproduce`: how often a bug report is seen again, in which ways, and what changes that."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from failing import Failing, completion, typed
from scripted import reply

FIXTURE = """
    messages:
      - {role: user, content: Where is my refund?}
    params: {temperature: 0.7}
"""
SUITE = """
    targets: [bot]
    cases:
      - conversation: refund
        assert: [{contains: "Yes"}]
"""
OWN = "messages: [{role: user, content: Mine}]\n"


def project(sandbox, server, **settings):
    sandbox.write(
        {
            "replay.toml": server.toml("bot", **settings),
            "fixtures/conversations/refund.yaml": FIXTURE,
            "suites/support.yaml": SUITE,
        }
    )


def reproduced(sandbox, *options, code=0):
    result = typed("reproduce", *options, "--json")
    assert result.ret == code, str(result.stderr)
    return json.loads(str(result.stdout))


def warm(body):
    return body.get("temperature", 1) > 0


def logged(server, texts, **more):
    """Lines of a log: each request with its answer."""
    for number, text in enumerate(texts, 1):
        request = {"model": "bot", "messages": [{"role": "user", "content": text}]}
        answer = completion(request, "No.") | {"id": f"chatcmpl-{number}"}
        line = {"url": f"{server.url}/v1/chat/completions", "request": request, "response": answer}
        yield json.dumps(line | more)


def test_the_rate_has_an_interval_and_each_way_is_counted(sandbox):
    with Failing(lambda _: True, rate=0.5, seed=3) as server:
        project(sandbox, server)
        found = reproduced(sandbox, "refund", "--repeats", "30", "--no-try")
        assert len(server.requests) == 30
        said_no = sum(b"Yes" not in asked.body for asked in server.requests)
    assert said_no == 30
    assert 0 < found["low"] < found["rate"] < found["high"] < 1
    assert found["of"] == 30
    (way,) = found["ways"]
    assert (way["assertion"], way["kind"], way["times"]) == ("contains", "missing", found["failed"])


def test_it_is_shown_by_a_case_that_fails_offline(sandbox):
    with Failing(lambda _: True, rate=0.5, seed=3) as server:
        project(sandbox, server)
        found = reproduced(sandbox, "refund", "--repeats", "10", "--no-try")
    assert found["written"] == [
        "fixtures/conversations/refund-reproduced.yaml",
        "fixtures/cassettes/refund-reproduced/bot.yaml",
        "suites/reproduced.yaml",
    ]
    sandbox.pytest("-k", "reproduced").assert_outcomes(failed=1)


def test_a_parameter_that_matters_is_told_from_one_that_does_not(sandbox):
    with Failing(warm) as server:
        project(sandbox, server)
        found = reproduced(
            sandbox, "refund", "--repeats", "12", "--try", "temperature=0", "--try", "top_p=0.9"
        )
        assert len(server.requests) == 36
        first = [json.loads(asked.body) for asked in server.requests[:15]]
    temperature, top_p = found["params"]
    assert temperature["failed"] == 0
    assert temperature["p"] < 0.01
    assert temperature["difference"]["value"] == -1
    assert temperature["difference"]["high"] < 0
    assert top_p["failed"] == 12
    assert top_p["p"] == 1
    kinds = [(body["temperature"], "top_p" in body) for body in first]
    assert [kinds.count(kind) for kind in ((0.7, False), (0, False), (0.7, True))] == [5, 5, 5]


def test_a_parameter_that_is_so_already_is_not_tried(sandbox):
    with Failing(warm) as server:
        project(sandbox, server)
        found = reproduced(sandbox, "refund", "--repeats", "2", "--try", "temperature=0.7", "--try", "seed=")
        assert len(server.requests) == 2
    assert found["params"] == []


def test_what_does_not_fail_is_said_and_nothing_is_written(sandbox):
    with Failing(lambda _: False) as server:
        project(sandbox, server)
        found = reproduced(sandbox, "refund", "--repeats", "20", "--no-try", code=1)
    assert found["failed"] == 0
    assert found["high"] < 0.2
    assert found["written"] == []
    assert not (sandbox.root / "suites/reproduced.yaml").exists()


def test_a_second_time_nothing_is_asked(sandbox):
    with Failing(lambda _: True, rate=0.5) as server:
        project(sandbox, server)
        first = reproduced(sandbox, "refund", "--repeats", "10", "--no-try")
        again = reproduced(sandbox, "refund", "--repeats", "10", "--no-try")
        assert len(server.requests) == 10
        more = reproduced(sandbox, "refund", "--repeats", "12", "--no-try")
        assert len(server.requests) == 12
    assert again["probes"] == {"asked": 0, "known": 10}
    assert again["failed"] == first["failed"]
    assert more["probes"] == {"asked": 2, "known": 10}


def test_a_conversation_that_a_person_wrote_is_left_as_it_is(sandbox):
    with Failing(lambda _: True) as server:
        project(sandbox, server)
        sandbox.write({"fixtures/conversations/refund-reproduced.yaml": OWN})
        result = typed("reproduce", "refund", "--repeats", "2", "--no-try")
    assert result.ret == 4
    said = str(result.stderr)
    assert 'fixtures/conversations/refund-reproduced.yaml: "refund-reproduced" is there already' in said
    assert "--name" not in said
    assert (sandbox.root / "fixtures/conversations/refund-reproduced.yaml").read_text() == OWN


@pytest.mark.parametrize("pick", ["#2", "#chatcmpl-2", "#line 2", "#trace-2"])
def test_an_exchange_of_a_log_is_picked_by_its_line_or_an_id(sandbox, pick):
    with Failing(lambda body: "second" in body["messages"][0]["content"]) as server:
        lines = list(logged(server, ["first", "second", "third"]))
        lines[1] = json.dumps(json.loads(lines[1]) | {"trace_id": "trace-2"})
        sandbox.write({"app.jsonl": "\n".join(lines) + "\n"})
        options = ["--repeats", "3", "--no-try", "--assert", "contains: 'Yes'"]
        found = reproduced(sandbox, f"app.jsonl{pick}", *options)
        asked = [body["messages"][0]["content"] for body in server.bodies]
    assert asked == ["second"] * 3
    assert found["failed"] == 3
    assert found["logged"] == [["contains", "missing", found["logged"][0][2]]]


def test_of_a_log_the_proposals_judge_and_are_written(sandbox):
    with Failing(lambda _: True) as server:
        sandbox.write({"app.jsonl": "".join(logged(server, ["only"])) + "\n"})
        server.script = [lambda asked: reply(completion(asked.json, "No.", "length"))]
        found = reproduced(sandbox, "app.jsonl", "--repeats", "2", "--no-try")
    assert found["failed"] == 2
    assert {way["assertion"] for way in found["ways"]} == {"finish_reason", "contract"}
    text = (sandbox.root / "suites/reproduced.yaml").read_text()
    assert "finish_reason: stop" in text
    assert "- contract" in text
    assert "baseline" not in text
    assert "[targets.local-bot]" in (sandbox.root / "replay.toml").read_text()
    sandbox.pytest("-k", "reproduced").assert_outcomes(failed=1)


def test_what_the_log_itself_breaks_of_the_contract_is_what_went_wrong(sandbox):
    with Failing(lambda _: True) as server:
        line = json.loads(next(logged(server, ["only"])))
        line["response"]["choices"][0]["finish_reason"] = "length"
        sandbox.write({"app.jsonl": json.dumps(line) + "\n"})
        unlike = reproduced(sandbox, "app.jsonl", "--repeats", "2", "--no-try", code=1)
        server.script = [lambda asked: reply(completion(asked.json, "No.", "length"))]
        alike = reproduced(sandbox, "app.jsonl", "--repeats", "4", "--no-try")
    assert unlike["failure"] == alike["failure"] == "contract: length"
    assert (unlike["failed"], alike["failed"]) == (0, 2)


def test_a_log_with_several_exchanges_wants_a_pick(sandbox):
    with Failing(lambda _: True) as server:
        sandbox.write({"app.jsonl": "\n".join(logged(server, ["a", "b", "c"])) + "\n"})
        several = typed("reproduce", "app.jsonl", "--no-try")
        nowhere = typed("reproduce", "app.jsonl#chatcmpl-9", "--no-try")
        assert not server.requests
    assert several.ret == nowhere.ret == 4
    several.stderr.fnmatch_lines(
        ["*app.jsonl holds 3 exchanges; pick one, behind the file's name: #1, #2, #3"]
    )
    nowhere.stderr.fnmatch_lines(['*app.jsonl has nothing called "chatcmpl-9"; did you mean "chatcmpl-*"?'])


def test_a_cassette_is_a_log_and_no_conversation(sandbox):
    with Failing(lambda _: True) as server:
        project(sandbox, server)
        reproduced(sandbox, "refund", "--repeats", "1", "--no-try")
        options = ["--repeats", "2", "--no-try", "--assert", "contains: 'Yes'"]
        found = reproduced(sandbox, "fixtures/cassettes/refund-reproduced/bot.yaml", *options)
    assert found["failed"] == 2
    assert found["logged"][0][:2] == ["contains", "missing"]


def test_a_number_is_that_of_a_record_and_a_span_is_found_by_its_own_id(sandbox):
    def span(trace, number, text):
        said = json.dumps([{"role": "user", "parts": [{"type": "text", "content": text}]}])
        answer = json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": "No."}]}])
        named = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "bot",
            "gen_ai.input.messages": said,
            "gen_ai.output.messages": answer,
        }
        held = [{"key": key, "value": {"stringValue": value}} for key, value in named.items()]
        return {"traceId": trace * 16, "spanId": f"{number:016x}", "name": "chat bot", "attributes": held}

    spans = [span("a1", 1, "first"), span("a1", 2, "second"), span("b2", 3, "third")]
    exported = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
    with Failing(lambda _: True) as server:
        project(sandbox, server)
        sandbox.write({"otlp.json": json.dumps(exported)})
        options = ["--repeats", "1", "--no-try", "--target", "bot"]
        first = typed("reproduce", f"otlp.json#{1:016x}", *options, "--json")
        whole = typed("reproduce", f"otlp.json#{'a1' * 16}", *options)
        asked = [body["messages"][0]["content"] for body in server.bodies]
    assert (first.ret, whole.ret) == (1, 1), str(first.stderr)
    assert asked == ["first", "second"]
    assert json.loads(str(first.stdout))["logged"] == []  # that a trace tells no finish reason is no failure


def test_a_pasted_request_is_asked_of_the_target_that_is_named(sandbox):
    with Failing(lambda _: True) as server:
        project(sandbox, server)
        body = {
            "model": "bot",
            "messages": [{"role": "user", "content": "Ann <ann@corp.com> asks."}],
            "seed": 4,
        }
        done = subprocess.run(
            [
                *(sys.executable, "-m", "replay.cli", "reproduce", "-", "--target", "bot", "--no-try"),
                *("--repeats", "2", "--assert", "contains: 'Yes'", "--json"),
            ],
            input=json.dumps(body),
            check=False,
            capture_output=True,
            text=True,
            cwd=sandbox.root,
        )
        assert done.returncode == 0, done.stderr
        assert [body["seed"] for body in server.bodies] == [4, 4]
    written = json.loads(done.stdout)["written"]
    text = "".join((sandbox.root / name).read_text() for name in written)
    assert "ann@corp.com" not in text
    sandbox.pytest("-k", "reproduced").assert_outcomes(failed=1)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("refnd", 'no conversation is called "refnd"; did you mean "refund"?'),
        ("notes.txt", "notes.txt: error: in no format that is known"),
        ("fixtures", "fixtures is a folder; name one file in it"),
        ("gone.jsonl#3", "there is no file gone.jsonl"),
    ],
)
def test_a_source_that_is_none_is_refused(sandbox, source, said):
    with Failing(lambda _: True) as server:
        project(sandbox, server)
        sandbox.write({"notes.txt": "It went wrong.\n"})
        result = typed("reproduce", source, "--no-try")
    assert result.ret == 4
    assert said in str(result.stderr)
