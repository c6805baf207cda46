"""`replay minimise`: the smallest conversation that still fails the same way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from zlib import crc32

import pytest
from failing import Failing, completion, text_of, tools_of, typed
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import reply

from replay import documents, fixtures, providers
from replay.config import Project
from replay.conversation import Conversation, Message, Tool, ToolCall, ToolResult
from replay.minimise import minimise
from replay.minimise._cuts import INSIDE, without
from replay.minimise._legal import Legal
from replay.minimise._shrink import shrink
from replay.minimise._texts import paragraphs, sentences, words
from replay.oracle import Answer, Failure, NotFailing, Probe, Remembered, Store
from replay.suites import Entry
from replay.turn import Request, Target

FIXTURE = """
    messages:
      - {role: system, content: "You are a support agent. Answer in one sentence.\\n\\nBe kind."}
      - {role: user, content: "Hello there. I have a question."}
      - {role: assistant, content: "Go on."}
      - {role: user, content: "Where is my refund for order A-1001? I wait for it."}
      - role: assistant
        tool_calls:
          - {id: c1, type: function, function: {name: lookup, arguments: '{"order": "A-1001"}'}}
      - {role: tool, tool_call_id: c1, content: '{"status": "open", "days": 3}'}
      - {role: assistant, content: "It is on its way."}
      - {role: user, content: "Then tell me when it comes, please."}
    params: {temperature: 0, top_p: 0.5, seed: 3}
    tools:
      - name: lookup
        description: Look an order up.
        parameters:
          {type: object, properties: {order: {type: string}, zip: {type: string}}, required: [order]}
      - {name: cancel, parameters: {type: object, properties: {order: {type: string}}}}
    tags: [support]
"""
SUITE = """
    targets: [bot]
    cases:
      - conversation: refund
        assert:
          - contains: "Yes"
"""


def project(sandbox, server, **settings):
    sandbox.write(
        {
            "pyproject.toml": server.toml("bot", **settings),
            "fixtures/conversations/refund.yaml": FIXTURE,
            "suites/support.yaml": SUITE,
        }
    )


def wants_refund_and_cancel(body):
    return "refund" in text_of(body) and "cancel" in tools_of(body)


def smallest(sandbox, name="refund-minimal"):
    return documents.read(sandbox.root / f"fixtures/conversations/{name}.yaml").data


# -- with a target that is asked ---------------------------------------------------------------------------


def test_what_a_failure_takes_is_all_that_is_left(sandbox):
    with Failing(wants_refund_and_cancel) as server:
        project(sandbox, server)
        result = typed("minimise", "refund", "--keep", "contains", "--once", "--json")
    assert result.ret == 0, str(result.stderr)
    found = json.loads(str(result.stdout))
    data = smallest(sandbox)
    assert data["messages"] == [{"role": "user", "content": "refund"}]
    assert [tool["name"] for tool in data["tools"]] == ["cancel"]
    assert "params" not in data
    assert data["source"]["of"] == "refund"
    assert data["tags"] == ["support"]
    assert found["minimal"]
    assert found["failure"] == "contains: missing"
    assert found["probes"] == {"asked": len(server.requests), "known": 0}
    assert found["size"]["after"] < found["size"]["before"] / 5


def test_the_smallest_is_a_case_that_fails_offline(sandbox):
    with Failing(wants_refund_and_cancel) as server:
        project(sandbox, server)
        typed("minimise", "refund", "--keep", "contains", "--once")
    result = sandbox.pytest("-k", "minimal")
    result.assert_outcomes(failed=1)
    _, (case,) = sandbox.run()
    assert [one["kind"] for one in case["verdicts"] if one["status"] == "failed"] == ["missing"]


def test_a_repeated_search_asks_nothing_and_says_the_same(sandbox):
    with Failing(wants_refund_and_cancel) as server:
        project(sandbox, server)
        first = typed("minimise", "refund", "--keep", "contains", "--once", "--json")
        asked, before = len(server.requests), smallest(sandbox)
        again = typed("minimise", "refund", "--keep", "contains", "--once", "--json")
        assert len(server.requests) == asked
    assert smallest(sandbox) == before
    one, other = (json.loads(str(result.stdout)) for result in (first, again))
    assert other["probes"] == {"asked": 0, "known": asked}
    assert {**one, "probes": 0} == {**other, "probes": 0}


def test_a_search_that_was_killed_goes_on_without_asking_anything_twice(sandbox):
    with Failing(wants_refund_and_cancel) as server:
        project(sandbox, server)
        command = [sys.executable, "-m", "replay.cli", "minimise", "refund", "--keep", "contains", "--once"]
        killed = subprocess.Popen(command, cwd=sandbox.root, stderr=subprocess.DEVNULL)
        while len(server.requests) < 7:
            time.sleep(0.005)
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
        result = typed("minimise", "refund", "--keep", "contains", "--once")
        assert result.ret == 0
        texts = [asked.body for asked in server.requests]
    repeated = len(texts) - len(set(texts))
    assert repeated <= 1  # the one in flight: its answer never came


def test_an_interrupted_search_says_how_to_go_on(sandbox):
    with Failing(wants_refund_and_cancel, takes=0.05) as server:
        project(sandbox, server)
        command = [sys.executable, "-m", "replay.cli", "minimise", "refund", "--keep", "contains", "--once"]
        begun = subprocess.Popen(command, cwd=sandbox.root, stderr=subprocess.PIPE, text=True)
        while len(server.requests) < 4:
            time.sleep(0.005)
        begun.send_signal(signal.SIGINT)
        _, said = begun.communicate(timeout=20)
    assert begun.returncode == 2
    assert "interrupted\ngo on: type the same again" in said
    assert "Traceback" not in said


def test_a_play_to_completion_keeps_what_it_goes_on_with(sandbox):
    def answer(asked):
        body = asked.json
        if body["messages"][-1]["role"] == "tool":
            text = "No." if "late" in body["messages"][-1]["content"] else "Yes."
            return reply(completion(body, text))
        said = completion(body, None, "tool_calls")
        call = {"name": "lookup", "arguments": '{"order": "A-1"}'}
        calls = [{"id": "c9", "type": "function", "function": call}]
        said["choices"][0]["message"] |= {"tool_calls": calls}
        return reply(said)

    fixture = """
        messages:
          - {role: system, content: Be kind.}
          - {role: user, content: Where is it?}
        tools:
          - {name: lookup, parameters: {type: object, properties: {order: {type: string}}}}
          - {name: other}
        tool_results:
          - {name: lookup, arguments: {order: A-1}, content: {status: late, days: 3}}
          - {name: lookup, arguments: {order: A-2}, content: {status: here}}
    """
    suite = """
        targets: [bot]
        cases:
          - conversation: refund
            play: to_completion
            caps: {rounds: 4}
            assert: [{contains: "Yes"}]
    """
    with Failing(wants_refund_and_cancel) as server:
        server.script = [answer]
        project(sandbox, server)
        sandbox.write({"fixtures/conversations/refund.yaml": fixture, "suites/support.yaml": suite})
        result = typed("minimise", "refund", "--keep", "contains", "--once")
        assert result.ret == 0, str(result.stderr)
    data = smallest(sandbox)
    assert [message["role"] for message in data["messages"]] == ["user"]
    assert [one["arguments"] for one in data["tool_results"]] == [{"order": "A-1"}]
    case = documents.read(sandbox.root / "suites/minimal.yaml").data["cases"][0]
    assert (case["play"], case["caps"]) == ("to_completion", {"rounds": 4})
    sandbox.pytest("-k", "minimal").assert_outcomes(failed=1)


def test_a_flaky_failure_is_asked_as_often_as_it_takes(sandbox):
    with Failing(wants_refund_and_cancel, rate=0.6, seed=1) as server:
        project(sandbox, server)
        result = typed("minimise", "refund", "--keep", "contains: missing", "--json")
    assert result.ret == 0, str(result.stderr)
    found = json.loads(str(result.stdout))
    assert smallest(sandbox)["messages"] == [{"role": "user", "content": "refund"}]
    assert found["error"] == 0.05
    assert 0.3 < found["rates"]["before"]["rate"] < 0.9
    assert found["rates"]["after"]["of"] == 10
    assert found["probes"]["asked"] == len(server.requests) > found["candidates"]


def test_a_cap_ends_the_search_with_what_was_found(sandbox):
    with Failing(wants_refund_and_cancel) as server:
        project(sandbox, server)
        result = typed("minimise", "refund", "--once", "--keep", "contains", "--max-probes", "4")
        assert len(server.requests) == 4
        assert result.ret == 8
        result.stdout.fnmatch_lines(["*ended early: all 4 probes are asked; raise --max-probes"])
        assert 1 < len(smallest(sandbox)["messages"]) < 8
        assert typed("minimise", "refund", "--once", "--keep", "contains").ret == 0
    assert smallest(sandbox)["messages"] == [{"role": "user", "content": "refund"}]


def test_a_budget_ends_the_search(sandbox):
    with Failing(wants_refund_and_cancel) as server:
        project(sandbox, server, price="{prompt = 1.0, completion = 1.0}")
        result = typed("minimise", "refund", "--once", "--keep", "contains", "--max-tokens", "1200")
    assert result.ret == 8
    assert "the budget has no room" in str(result.stdout) + str(result.stderr)


def test_offline_a_changed_request_has_no_recording(sandbox):
    with Failing(wants_refund_and_cancel) as server:
        project(sandbox, server)
        result = typed("minimise", "refund", "--once", "--keep", "contains", "--offline")
        assert not server.requests
    assert result.ret == 8
    result.stderr.fnmatch_lines(["*a request that was changed has no recording*leave out --offline*"])


def test_what_does_not_fail_is_not_minimised(sandbox):
    with Failing(lambda _: False) as server:
        project(sandbox, server)
        result = typed("minimise", "refund")
        assert len(server.requests) == 20
    assert result.ret == 1
    result.stderr.fnmatch_lines(["refund does not fail (failing-assertion) in 20 attempts"])


def test_a_failure_that_cannot_be_is_refused_before_anything_is_sent(sandbox):
    with Failing(wants_refund_and_cancel) as server:
        project(sandbox, server)
        result = typed("minimise", "refund", "--keep", "tool_cals: missing")
        assert not server.requests
    assert result.ret == 4
    result.stderr.fnmatch_lines(['*did you mean "tool_calls"?*'])


def test_one_turn_of_many_is_enough_where_it_fails_alone(sandbox):
    with Failing(lambda body: text_of(body).endswith("for it.")) as server:
        project(sandbox, server)
        sandbox.write({"suites/support.yaml": SUITE.replace("cases:", "play: every_turn\n    cases:")})
        result = typed("minimise", "refund", "--once", "--keep", "contains")
    assert result.ret == 0, str(result.stderr)
    assert smallest(sandbox)["messages"] == [{"role": "user", "content": "for it."}]


def test_an_outage_decides_nothing(sandbox):
    with Failing(wants_refund_and_cancel) as server:
        project(sandbox, server)
        answer = server.script[0]
        down = lambda asked: [
            b"HTTP/1.1 401 No\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
        ]
        server.script = [answer] * 5 + [down]
        result = typed("minimise", "refund", "--once", "--keep", "contains")
        assert result.ret == 8
        result.stdout.fnmatch_lines(["*ended early: *bot*"])
        server.script = [answer]
        assert typed("minimise", "refund", "--once", "--keep", "contains").ret == 0
    assert smallest(sandbox)["messages"] == [{"role": "user", "content": "refund"}]


def test_the_case_is_judged_and_played_as_it_was_here(sandbox):
    suite = """
        targets: [bot]
        cases:
          - conversation: refund
            ignore: [seed]
            faults: [{slow_first_token: 2}]
            assert:
              - contract: "off"
              - turn: {at: last, assert: [{not: {contains: "No"}}]}
              - json_schema: schemas/any.json
    """
    with Failing(wants_refund_and_cancel) as server:
        project(sandbox, server)
        sandbox.write({"suites/support.yaml": suite, "schemas/any.json": "{}"})
        assert typed("minimise", "refund", "--keep", "not", "--once").ret == 0
    (case,) = documents.read(sandbox.root / "suites/minimal.yaml").data["cases"]
    assert case["assert"] == [
        {"contract": "off"},
        {"turn": {"at": "last", "assert": [{"not": {"contains": "No"}}]}},
    ]
    assert (case["ignore"], case["faults"]) == (["seed"], [{"slow_first_token": 2}])
    sandbox.pytest("-k", "minimal").assert_outcomes(failed=1)
    _, (result,) = sandbox.run()
    assert [(one["assertion"], one["kind"]) for one in result["verdicts"] if one["status"] != "passed"] == [
        ("not", "contains")
    ]


def test_what_a_fault_does_is_the_failure_and_is_not_asked_again(sandbox):
    suite = SUITE.replace("cases:", "faults: [{rate_limit: {first: 1}}]\n    cases:")
    with Failing(lambda _: False) as server:
        project(sandbox, server)
        sandbox.write({"suites/support.yaml": suite})
        result = typed("minimise", "refund", "--once", "--json")
    assert result.ret == 0, str(result.stderr)
    assert json.loads(str(result.stdout))["failure"] == "contract: error_rate_limit"
    assert smallest(sandbox)["messages"] == [{"role": "user", "content": "please."}]
    sandbox.pytest("-k", "minimal").assert_outcomes(failed=1)


def test_another_failure_of_the_same_conversation_gets_a_name_of_its_own(sandbox):
    with Failing(wants_refund_and_cancel) as server:
        project(sandbox, server)
        for judge in ("contains: Yes", "not: {contains: No}", "contains: Yes"):
            assert typed("minimise", "refund", "--assert", judge, "--once").ret == 0
    cases = documents.read(sandbox.root / "suites/minimal.yaml").data["cases"]
    asserted = {case["conversation"]: case["assert"][-1] for case in cases}
    assert asserted == {
        "refund-minimal": {"contains": "Yes"},
        "refund-minimal-2": {"not": {"contains": "No"}},
    }
    assert smallest(sandbox)["source"]["failure"] == "contains: missing"


# -- with a function ---------------------------------------------------------------------------------------

CHECKS = """
    def fails(conversation):
        text = " ".join(message.text for message in conversation.messages)
        if "order A-1001" in text:
            raise KeyError("A-1001")
        return "quiet" if "kind" in text else None
"""


def test_a_function_finds_the_failure_offline(sandbox):
    sandbox.write({"fixtures/conversations/refund.yaml": FIXTURE, "checks.py": CHECKS})
    result = typed("minimise", "refund", "--keep", "python:checks.py::fails", "--json")
    assert result.ret == 0, str(result.stderr)
    assert json.loads(str(result.stdout))["failure"] == "python: KeyError"
    assert smallest(sandbox)["messages"] == [{"role": "user", "content": "order A-1001?"}]
    assert not (sandbox.root / "suites").exists()


def test_a_function_that_is_not_there_is_refused(sandbox):
    sandbox.write({"fixtures/conversations/refund.yaml": FIXTURE, "checks.py": CHECKS})
    result = typed("minimise", "refund", "--keep", "python:checks.py::fail")
    assert result.ret == 4
    result.stderr.fnmatch_lines(['*checks.py has no function fail; did you mean "fails"?*'])


def test_a_conversation_that_a_person_wrote_is_not_written_over(sandbox):
    sandbox.write({"fixtures/conversations/refund.yaml": FIXTURE, "checks.py": CHECKS})
    sandbox.write({"fixtures/conversations/mine.yaml": FIXTURE})
    before = (sandbox.root / "fixtures/conversations/mine.yaml").read_bytes()
    result = typed("minimise", "refund", "--keep", "python:checks.py::fails", "--name", "mine")
    assert result.ret == 4
    assert (sandbox.root / "fixtures/conversations/mine.yaml").read_bytes() == before


# -- the search --------------------------------------------------------------------------------------------


class Judge:
    """An oracle in memory: fails where `fails(conversation)` holds. Keeps what it was asked."""

    once = True

    def __init__(self, fails):
        self.fails, self.seen = fails, []

    def key(self, probe):
        return probe.key

    def ask(self, probe, attempts):
        self.seen.append(probe.conversation)
        return [Answer((("x", "y", ""),)) if self.fails(probe.conversation) else Answer() for _ in attempts]


def searched(conversation, fails, tmp_path, provider="openai", play="next_turn"):
    judge = Judge(fails)
    store = Store(tmp_path)
    probe = Probe(conversation, Target("t", provider, "m"), Entry("c", ("t",), play))
    try:
        return minimise(probe, Remembered(judge, store), Failure("x", "y"), Project(tmp_path)), judge
    finally:
        store.close()


@given(st.integers(1, 60), st.sets(st.integers(0, 59), max_size=5))
def test_shrinking_finds_what_is_needed(count, wanted):
    wanted = {one for one in wanted if one < count}
    assert set(shrink(range(count), lambda kept: wanted <= set(kept))) == wanted


@given(st.integers(2, 400), st.data())
def test_one_needed_unit_takes_about_log2_tests(count, data):
    wanted = data.draw(st.integers(0, count - 1))
    tests = []
    shrink(range(count), lambda kept: tests.append(1) or wanted in kept)
    assert len(tests) <= 2 * (count - 1).bit_length() + 1


def test_a_failure_that_needs_either_of_two_is_still_one_minimal(tmp_path):
    both = Conversation("c", (Message("user", "a b c d e f"),))
    odd = lambda c: ("a" in c.messages[0].text) != ("f" in c.messages[0].text) or len(c.messages[0].text) > 9
    found, _ = searched(both, odd, tmp_path)
    text = found.smallest.conversation.messages[0].text
    assert odd(found.smallest.conversation)
    parts = text.split()
    for place in range(len(parts)):
        less = " ".join(parts[:place] + parts[place + 1 :])
        assert not less or not odd(Conversation("c", (Message("user", less),)))


def test_json_in_texts_and_schemas_is_cut_in_branches(tmp_path):
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string", "enum": ["x", "y"]}, "b": {"type": "integer"}},
        "required": ["a", "b"],
        "additionalProperties": False,
    }
    call = ToolCall("1", "find", '{"q": "shoes", "size": [41, 42]}')
    conversation = Conversation(
        "c",
        (Message("user", "go"), Message("assistant", None, (call,)), Message("tool", "[1, 2, 3]", (), "1")),
        (Tool("find", "Find it.", schema),),
    )

    def fails(c):
        made = [call.parsed() for message in c.messages for call in message.tool_calls]
        enum = [t.parameters["properties"].get("a", {}).get("enum") for t in c.tools]
        return any(42 in one.get("size", ()) for one in made) and enum and "y" in (enum[0] or ())

    found, _ = searched(conversation, fails, tmp_path)
    left = found.smallest.conversation
    assert left.messages[1].tool_calls[0].arguments == '{"size": [42]}'
    assert left.messages[2].content == "[]"
    assert left.tools == (
        Tool("find", None, {"type": "object", "properties": {"a": {"type": "string", "enum": ["y"]}}}),
    )


def test_what_the_user_says_later_and_what_tools_say_is_cut_as_messages_are(tmp_path):
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    later = [{"type": "text", "text": "See this. It is a slip."}, picture]
    conversation = Conversation(
        "c",
        (Message("user", "go"),),
        tool_results=(
            ToolResult("find", {"q": "x"}, {"rows": [{"id": 1}, {"id": 2}], "note": "two rows"}),
            ToolResult("find", {"q": "y"}, "Nothing there. Look elsewhere."),
        ),
        user_turns=(Message("user", "One. Two."), Message("user", later, (), None, {"name": "ann"})),
    )

    def fails(c):
        rows = [one.content.get("rows", []) for one in c.tool_results if isinstance(one.content, dict)]
        said = [one.content for one in c.tool_results if isinstance(one.content, str)]
        slip = any("slip" in one.text for one in c.user_turns) and len(c.user_turns) == 2
        return slip and any({"id": 2} in one for one in rows) and any("elsewhere" in one for one in said)

    found, judge = searched(conversation, fails, tmp_path, play="to_completion")
    left = found.smallest.conversation
    assert [one.content for one in left.tool_results] == [{"rows": [{"id": 2}]}, "elsewhere."]
    assert [one.to_json() for one in left.user_turns] == [
        {"role": "user", "content": "One."},
        {"role": "user", "content": [{"type": "text", "text": "slip."}]},
    ]
    assert all(one.content and str(one.content).strip() for c in judge.seen for one in c.user_turns)


def test_not_failing_is_said(tmp_path):
    with pytest.raises(NotFailing, match="c does not fail with x: y"):
        searched(Conversation("c", (Message("user", "a"),)), lambda _: False, tmp_path)


# -- legality ----------------------------------------------------------------------------------------------


@st.composite
def histories(draw):
    """A conversation that is well formed: users, replies, rounds of tool calls; it ends where one asks."""
    messages = [Message("system", "Be kind. Be brief.")] if draw(st.booleans()) else []
    number = 0
    for _ in range(draw(st.integers(1, 4))):
        messages.append(Message("user", draw(st.sampled_from(["Hello.", "Where is it? Tell me.", "x"]))))
        for _ in range(draw(st.integers(0, 2))):
            calls = []
            for _ in range(draw(st.integers(1, 3))):
                number += 1
                calls.append(ToolCall(f"c{number}", draw(st.sampled_from("ab")), '{"q": {"r": [1, 2]}}'))
            messages.append(Message("assistant", None, tuple(calls)))
            messages += [Message("tool", '{"found": "one two"}', (), call.id) for call in calls]
        messages.append(Message("assistant", "It is here. Or there."))
    messages.pop()  # the reply that is asked for
    schema = {"type": "object", "properties": {"q": {"type": "object", "description": "What to look for."}}}
    tools = tuple(Tool(name, f"Tool {name}.", schema) for name in "abc")
    params = {"temperature": 0, "tool_choice": {"type": "function", "function": {"name": "c"}}}
    return Conversation("c", tuple(messages), tools, params)


@settings(max_examples=25)
@given(histories(), st.sampled_from(["openai", "anthropic", "gemini"]), st.integers(0, 10**6))
def test_every_candidate_is_a_legal_history(tmp_path_factory, conversation, provider, salt):
    root = tmp_path_factory.mktemp("legal")
    project = Project(root)
    first = conversation.messages

    def fails(candidate):  # anything: the search is to be led to every corner
        return candidate.messages == first or crc32(f"{salt} {candidate.to_json()}".encode()) % 3 == 0

    found, judge = searched(conversation, fails, root, provider)
    assert found.minimal
    for number, candidate in enumerate(judge.seen):
        name = f"c{number}"
        path = project.conversations / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(fixtures.dump(replace(candidate, name=name)), "utf-8")
        warnings = []
        fixtures.load(path, project, warnings=warnings)
        assert not warnings, (candidate, warnings)
        assert candidate.messages[-1].role in ("user", "tool")
        assert_answered(candidate)
        assert_alternates(candidate, provider)


def assert_answered(conversation):
    """The results of each call stand directly behind it, all of them and no others."""
    waiting = set()
    for message in conversation.messages:
        if message.role == "tool":
            waiting.remove(message.tool_call_id)
        else:
            assert not waiting
            waiting = {call.id for call in message.tool_calls}
    assert not waiting


def assert_alternates(conversation, provider):
    if provider == "openai":
        return
    request = Request("m", conversation.messages, conversation.tools, conversation.params)
    body = providers.registry.get(provider).encode(request)
    roles = [one["role"] for one in body.get("messages") or body.get("contents")]
    assert roles[0] == "user"
    assert all(one != other for one, other in pairwise(roles))
    assert body.get("messages", [{}])[0].get("content") != "..."  # nobody had to speak for the user


def test_a_tool_that_is_called_stays_declared(tmp_path):
    call = ToolCall("1", "find", "{}")
    messages = (Message("user", "go"), Message("assistant", None, (call,)), Message("tool", "no", (), "1"))
    conversation = Conversation("c", messages, (Tool("find"), Tool("other")))
    probe = Probe(conversation, Target("t", "openai", "m"), Entry("c", ("t",)))
    legal = Legal(probe, Project(tmp_path))
    assert legal(replace(conversation, tools=conversation.tools[:1]))
    assert not legal(replace(conversation, tools=conversation.tools[1:]))
    assert legal(replace(conversation, messages=messages[:1], tools=()))
    assert not legal(replace(conversation, messages=messages[:2]))
    assert not legal(replace(conversation, messages=messages[1:]))


def test_json_mode_keeps_its_word(tmp_path):
    conversation = Conversation(
        "c",
        (Message("system", "Answer as JSON. Be kind."), Message("user", "go")),
        params={"response_format": {"type": "json_object"}},
    )
    found, judge = searched(conversation, lambda c: "response_format" in c.params, tmp_path)
    assert found.smallest.conversation.messages[0].text == "JSON."
    assert all("json" in c.messages[0].text.lower() or not c.params for c in judge.seen)


# -- cuts --------------------------------------------------------------------------------------------------


def test_cuts_leave_out_many_places_at_once():
    document = {"a": [1, 2, 3], "b": {"c": 1}, "t": "one two three", "j": '{"x": [1, 2], "y": 3}'}
    cuts = [("a", 0), ("a", 2), ("b",), ("b", "c"), ("t", (4, 8)), ("t", (8, 13)), ("j", INSIDE, "x", 1)]
    assert without(document, cuts) == {"a": [2], "t": "one", "j": '{"x": [1], "y": 3}'}


@given(st.text(alphabet=" \n\tab.!?。あ", max_size=40))
def test_spans_are_the_whole_text(text):
    for cut in (paragraphs, sentences, words):
        assert "".join(text[start:end] for start, end in cut(text)) == text
