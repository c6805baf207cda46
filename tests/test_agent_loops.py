"""Plays to completion over real HTTP: a model that calls tools, tools that answer, users who go on."""

import json

import pytest
from chat_wire import completion
from messages_wire import message as anthropic_message
from scripted import Scripted, reply

from replay import suites
from replay.config import Project
from replay.loop import Caps, Loop

LOOKUP = """
  - name: lookup_order
    description: Look up an order.
    effect: read
    parameters:
      type: object
      properties: {order_id: {type: string}}
      required: [order_id]
      additionalProperties: false
"""
REFUND = """
  - name: refund
    description: Pay an order back.
    effect: write
    requires: [refunds]
    parameters: {type: object, properties: {order_id: {type: string}}, required: [order_id]}
"""
FIXTURE = f"""
messages:
  - {{role: user, content: Where is my refund for A-1?}}
tools:{LOOKUP}{REFUND}
tool_results:
  - {{name: lookup_order, arguments: {{order_id: A-1}}, content: {{status: refunded}}}}
"""
SUITE = """
targets: [small]
cases:
  - conversation: shop/refund
    play: to_completion
    assert: [completed]
"""


def calls(*named, text=None):
    """An answer that calls tools: pairs of a name and arguments (a mapping, or the model's text)."""
    made = [
        {
            "id": f"call_{number}_{name}",
            "type": "function",
            "function": {"name": name, "arguments": given if isinstance(given, str) else json.dumps(given)},
        }
        for number, (name, given) in enumerate(named, 1)
    ]
    return reply(completion({"content": text, "tool_calls": made}, "tool_calls"))


def says(text="It was refunded.", **more):
    return reply(completion({"content": text}, **more))


def config(url, more=""):
    return f"""
        [targets.small]
        provider = "openai_compatible"
        model = "gpt-4o-mini-2024-07-18"
        base_url = "{url}/v1"
        {more}
    """


def play(sandbox, script, suite=SUITE, fixture=FIXTURE, conftest="", more=""):
    """Record a suite of one case against a script, play it again offline, and return what that came to."""
    sandbox.write({"fixtures/conversations/shop/refund.yaml": fixture, "suites/s.yaml": suite})
    if conftest:
        sandbox.write({"suites/conftest.py": conftest})
    with Scripted(script) as server:
        sandbox.write({"replay.toml": config(server.url, more)})
        live = sandbox.pytest("--record-mode=once", "-q", "--replay-report", "reports/live")
        (recorded,) = sandbox.run()[1]
    again = sandbox.pytest("-q", "--replay-report", "reports/replayed")
    replayed = json.loads((sandbox.root / "reports/replayed/run.jsonl").read_text().splitlines()[1])
    assert [one["kind"] for one in bad(replayed)] == [one["kind"] for one in bad(recorded)]
    assert live.ret == again.ret, live.stdout.str() + again.stdout.str()
    return replayed, server.requests


def bad(line):
    return [{"kind": ""} | one for one in line["verdicts"] if one["status"] in ("failed", "error")]


def found(line):
    return [(one["assertion"], one["kind"], one.get("turn")) for one in bad(line)]


def answers(line):
    turns = line["transcript"]["turns"]
    return [(one["name"], one["status"], one["by"]) for turn in turns for one in turn.get("answers", [])]


def test_calls_are_answered_until_the_model_stops_live_and_offline_alike(sandbox):
    line, requests = play(sandbox, [calls(("lookup_order", {"order_id": "A-1"})), says()])
    assert line["outcome"] == "passed"
    assert answers(line) == [("lookup_order", "success", "recorded")]
    assert requests[1].json["messages"][-1] == {
        "role": "tool",
        "content": '{"status": "refunded"}',
        "tool_call_id": "call_1_lookup_order",
    }
    sent = requests[0].json["tools"][1]
    assert "requires" not in json.dumps(sent)
    assert "effect" not in json.dumps(sent)


CONFTEST = """
    from replay import tools
    from replay.conversation import ToolResult

    def lookup_order(order_id):
        if order_id == "none":
            return None
        if order_id == "half":
            return ToolResult("", content=[1, 2], status="partial")
        if order_id == "secret":
            raise PermissionError("not yours")
        if order_id == "odd":
            return {1, 2}
        return {"found": order_id, "by": {"a": 1}[order_id[:1].lower()]}

    async def refund(order_id):
        return "done"

    tools.registry.register("lookup_order", lookup_order)
    tools.registry.register("refund", refund)
"""


def test_functions_of_a_conftest_answer_what_is_not_recorded_and_each_result_has_a_status(sandbox):
    asked = ["A-1", "A-2", "none", "half", "secret", "odd", "B"]
    script = [calls(*(("lookup_order", {"order_id": one}) for one in asked)), says()]
    line, requests = play(sandbox, script, conftest=CONFTEST)
    assert [(status, by) for _, status, by in answers(line)] == [
        ("success", "recorded"),
        ("success", "function"),
        ("empty", "function"),
        ("partial", "function"),
        ("permission_denied", "function"),
        ("error", "function"),
        ("error", "function"),
    ]
    contents = [one["content"] for one in requests[1].json["messages"][-6:]]
    assert contents[:4] == [
        '{"found": "A-2", "by": 1}',
        "",
        "[1, 2]",
        '{"error": "PermissionError: not yours"}',
    ]
    assert "not JSON serializable" in contents[4]
    assert contents[5] == '{"error": "KeyError: \'b\'"}'


def test_functions_of_a_conftest_answer_in_the_workers_of_xdist_too(sandbox):
    play(sandbox, [calls(("lookup_order", {"order_id": "A-2"})), says()], conftest=CONFTEST)
    sandbox.pytest("-n", "2").assert_outcomes(passed=1)


def test_an_async_function_is_an_error_the_model_can_read(sandbox):
    suite = SUITE + "    grants: [refunds]\n"
    line, requests = play(sandbox, [calls(("refund", {"order_id": "A"})), says()], suite, conftest=CONFTEST)
    assert answers(line) == [("refund", "error", "function")]
    assert "refund is async" in requests[1].json["messages"][-1]["content"]


UNKNOWN = calls(("lookup_order", {"order_id": "A-9"}))


def test_a_call_that_nothing_answers_fails_by_default_and_names_the_nearest(sandbox):
    line, requests = play(sandbox, [UNKNOWN])
    assert ("play", "tool_result", 1) in found(line)
    assert len(requests) == 1
    assert "order_id" in next(one["message"] for one in bad(line) if one["assertion"] == "play")
    assert answers(line) == [("lookup_order", "error", "unmatched")]


@pytest.mark.parametrize(
    ("policy", "by", "content"),
    [
        ("nearest", "nearest", '{"status": "refunded"}'),
        ("error", "unmatched", '{"error": "lookup_order cannot answer this"}'),
    ],
)
def test_what_becomes_of_an_unmatched_call_is_declared(policy, by, content, sandbox):
    line, requests = play(sandbox, [UNKNOWN, says()], f"unmatched: {policy}\n{SUITE.lstrip()}")
    assert line["outcome"] == "passed"
    assert answers(line)[0][2] == by
    assert requests[1].json["messages"][-1]["content"] == content


def test_what_may_not_be_called_is_a_verdict_and_is_not_executed(sandbox):
    executed = """
        from pathlib import Path
        from replay import tools

        def note(**arguments):
            with (Path(__file__).parent / "executed").open("a") as file:
                file.write("x")

        for name in ("lookup_order", "refund", "drop_table"):
            tools.registry.register(name, note)
    """
    made = [
        ("drop_table", {}),
        ("refund", {"order_id": "A-1"}),
        ("lookup_order", {"order": "A-1"}),
        ("lookup_order", '{"order_id": '),
    ]
    line, requests = play(sandbox, [calls(*made), says()], conftest=executed)
    assert not (sandbox.root / "suites/executed").exists()
    kinds = {(name, kind) for name, kind, _ in found(line)}
    wanted = {"undeclared_tool", "unauthorised", "malformed", "required", "arguments"}
    assert {kind for name, kind in kinds if name == "contract"} == wanted - {"required"}
    refused = line["transcript"]["turns"][0]["answers"]
    assert [(one["status"], one["kind"]) for one in refused] == [
        ("error", "undeclared_tool"),
        ("permission_denied", "unauthorised"),
        ("error", "arguments"),
        ("error", "malformed"),
    ]
    assert requests[1].json["messages"][-3]["content"] == '{"error": "refund requires refunds"}'


def test_an_allow_list_and_a_grant_say_what_is_executed(sandbox):
    made = [("lookup_order", {"order_id": "A-1"}), ("refund", {"order_id": "A-1"})]
    suite = "allowed_tools: [look*]\n" + SUITE.lstrip() + "    grants: [refunds]\n"
    line, _ = play(sandbox, [calls(*made), says()], suite)
    assert answers(line) == [
        ("lookup_order", "success", "recorded"),
        ("refund", "permission_denied", "refused"),
    ]
    assert ("contract", "not_allowed", 1) in found(line)
    sandbox.write({"suites/s.yaml": suite.replace("[look*]", "[look*, refund]")})
    assert "no recorded result is left for refund" in sandbox.pytest().stdout.str()


def test_a_refusal_that_is_known_can_be_allowed(sandbox):
    suite = SUITE.replace("[completed]", "[completed, contract: {allow: [unauthorised]}]")
    line, _ = play(sandbox, [calls(("refund", {"order_id": "A-1"})), says()], suite)
    assert line["outcome"] == "passed"


SCRIPTED = """
targets: [small]
cases:
  - conversation: shop/refund
    play: to_completion
    user_turns: [And A-2?, {content: [{type: text, text: Thanks.}]}]
    assert:
      - completed
      - tool_rounds: {min: 1, max: 1}
      - turn: {at: 1, assert: [tool_calls: [lookup_order]]}
      - turn: {at: 2, assert: [contains: refunded, {not_contains: A-2}]}
      - turn: {at: 3, assert: [contains: A-2]}
      - turn: {at: last, assert: [contains: welcome]}
"""
TALK = [
    calls(("lookup_order", {"order_id": "A-1"})),
    says(),
    says("A-2 is on its way."),
    says("You are welcome."),
]


def test_the_user_goes_on_when_the_model_stops_and_single_turns_are_judged(sandbox):
    line, requests = play(sandbox, TALK, SCRIPTED)
    assert line["outcome"] == "passed"
    assert [one["content"] for one in requests[3].json["messages"] if one["role"] == "user"] == [
        "Where is my refund for A-1?",
        "And A-2?",
        [{"type": "text", "text": "Thanks."}],
    ]
    assert sorted(one["turn"] for one in line["verdicts"] if one["assertion"].endswith("contains")) == [
        2,
        2,
        3,
        4,
    ]


def test_a_verdict_on_one_turn_has_its_own_name_and_the_turn(sandbox):
    line, _ = play(
        sandbox, TALK, SCRIPTED.replace("contains: A-2]", "contains: A-3]").replace("at: last", "at: 9")
    )
    assert found(line) == [("contains", "missing", 3), ("turn", "no_turn", None)]
    assert bad(line)[0]["message"].startswith("turn 3: ")


def test_a_script_in_the_fixture_is_said_unless_the_case_has_its_own(sandbox):
    fixture = FIXTURE + "user_turns: [One more thing., Bye.]\n"
    _, requests = play(sandbox, [says("Yes?"), says("Sure."), says("Bye.")], fixture=fixture)
    assert [one.json["messages"][-1]["content"] for one in requests[1:]] == ["One more thing.", "Bye."]
    sandbox.write({"suites/s.yaml": SUITE + "    user_turns: []\n"})
    sandbox.pytest("--replay-strict", "--replay-report", "reports/own").assert_outcomes(failed=1)
    assert (
        len(
            json.loads((sandbox.root / "reports/own/run.jsonl").read_text().splitlines()[1])["transcript"][
                "turns"
            ]
        )
        == 1
    )


PRICED = "price = {prompt = 1000, completion = 1000}"


@pytest.mark.parametrize(
    ("caps", "kind", "turns"),
    [
        ("{rounds: 3}", "rounds", 3),
        ("{tokens: 20}", "tokens", 2),
        ("{cost: 0.02}", "cost", 2),
        ("{seconds: 0.000001}", "seconds", 1),
    ],
)
def test_a_cap_ends_a_model_that_never_stops(caps, kind, turns, sandbox):
    fixture = FIXTURE.replace("arguments: {order_id: A-1}, ", "") + (
        "  - {name: lookup_order, content: more}\n" * 5
    )
    loop = calls(("lookup_order", {"order_id": "A-1"}))
    line, requests = play(sandbox, [loop], f"caps: {caps}\n{SUITE.lstrip()}", fixture, more=PRICED)
    assert ("play", kind, turns) in found(line)
    assert ("completed", "calls_left", turns) in found(line)
    assert len(requests) == turns


def test_tokens_are_told_by_characters_where_usage_is_not_given(sandbox):
    silent = completion({"content": "x", "tool_calls": None}, usage=None)
    made = json.loads(b"".join(calls(("lookup_order", {"order_id": "A-1"}))).partition(b"\r\n\r\n")[2])
    line, _ = play(
        sandbox, [reply(made | {"usage": None}), reply(silent)], "caps: {tokens: 10}\n" + SUITE.lstrip()
    )
    assert ("play", "tokens", 1) in found(line)


def test_a_case_changes_single_caps_of_its_suite(sandbox):
    suite = "caps: {rounds: 9, tokens: 20}\n" + SUITE.lstrip() + "    caps: {tokens: 1000}\n"
    line, _ = play(sandbox, [calls(("lookup_order", {"order_id": "A-1"})), says()], suite)
    assert line["outcome"] == "passed"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("    unmatched: closest\n", 's.yaml:6:16: error: unmatched "closest" is not known'),
        ("    caps: {round: 3}\n", 's.yaml:6:12: error: caps has no "round"; did you mean "rounds"?'),
        ("    caps: {rounds: 1.5}\n", "s.yaml:6:20: error: rounds must be a whole number"),
        ("    caps: {seconds: 0}\n", "s.yaml:6:21: error: seconds must be more than 0"),
        ("    caps: 3\n", "s.yaml:6:11: error: expected caps (rounds, tokens, cost, seconds), a mapping"),
        ("    caps: {cost: 1}\n", "caps.cost needs a price of target small; give it one"),
        ("    allowed_tools: lookup\n", "allowed_tools must be a list of text"),
        ("    grants: {a: 1}\n", "grants must be a list of text"),
        ("    user_turns: Hi\n", "user_turns must be a list of what the user says"),
        (
            "    user_turns: [{content: [{type: txt}]}]\n",
            's.yaml:6:36: error: content part "txt" is not known',
        ),
        ("    user_turns: [{role: system, content: x}]\n", "a user turn is said by the user"),
        ("    user_turns: [{}]\n", "content is missing"),
        ("    user_turns: [[]]\n", "this must be text"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(more, said, sandbox):
    sandbox.write({"replay.toml": config("http://127.0.0.1:9"), "suites/s.yaml": SUITE + more})
    sandbox.write({"fixtures/conversations/shop/refund.yaml": FIXTURE})
    result = sandbox.pytest()
    assert result.ret == 4
    assert said in result.stderr.str()


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        (
            "effect: read",
            "effect: raed",
            'refund.yaml:6:13: error: effect "raed" is not known; did you mean "read"?',
        ),
        ("requires: [refunds]", "requires: {a: 1}", "requires must be a list of what has to be granted"),
        (
            "content: {status: refunded}}",
            "content: x, status: ok}",
            'status "ok" is not known; use one of success',
        ),
        (
            "tool_results:",
            "user_turns: [{role: tool, content: x}]\ntool_results:",
            "said by the user; leave role out",
        ),
    ],
)
def test_what_makes_no_sense_in_a_fixture_is_refused_with_its_place(was, now, said, sandbox):
    sandbox.write({"replay.toml": config("http://127.0.0.1:9"), "suites/s.yaml": SUITE})
    sandbox.write({"fixtures/conversations/shop/refund.yaml": FIXTURE.replace(was, now)})
    result = sandbox.pytest()
    assert result.ret == 4
    assert said in result.stderr.str()


def test_user_turns_need_a_play_to_completion(sandbox):
    suite = SUITE.replace("to_completion", "next_turn") + "    user_turns: [Hi]\n"
    sandbox.write({"replay.toml": config("http://127.0.0.1:9"), "suites/s.yaml": suite})
    sandbox.write({"fixtures/conversations/shop/refund.yaml": FIXTURE})
    result = sandbox.pytest()
    assert result.ret == 4
    assert "user_turns are said in `play: to_completion` only" in result.stderr.str()


def test_the_terms_of_a_loop_come_back_as_they_were_written(sandbox):
    more = """
    unmatched: nearest
    caps: {rounds: 3, seconds: 1.5}
    user_turns: [And?, {content: [{type: text, text: Thanks.}]}]
    allowed_tools: [look*]
    grants: [refunds, other]
"""
    sandbox.write({"replay.toml": config("http://127.0.0.1:9"), "suites/s.yaml": SUITE + more[1:]})
    sandbox.write({"fixtures/conversations/shop/refund.yaml": FIXTURE})
    project = Project.find(sandbox.root)
    read = lambda: suites.load(sandbox.root / "suites/s.yaml", project).entries[0].loop
    first = read()
    case = {"conversation": "shop/refund", "play": "to_completion", "assert": ["completed"]} | first.to_json()
    sandbox.write({"suites/s.yaml": json.dumps({"targets": ["small"], "cases": [case]})})
    assert read() == first
    assert first.caps == Caps(3, seconds=1.5)
    assert Loop().to_json() == {}


def test_what_a_glob_says_the_user_says_holds_of_a_case_after_it(sandbox):
    suite = SUITE.replace("shop/refund", "shop/*") + "    user_turns: [And?]\n  - conversation: shop/refund\n"
    sandbox.write({"replay.toml": config("http://127.0.0.1:9"), "suites/s.yaml": suite})
    sandbox.write({"fixtures/conversations/shop/refund.yaml": FIXTURE})
    (entry,) = suites.load(sandbox.root / "suites/s.yaml", Project.find(sandbox.root)).entries
    assert [one.text for one in entry.loop.user_turns] == ["And?"]


# other wires


def test_a_refused_call_is_an_error_on_the_messages_wire(sandbox):
    use = {"type": "tool_use", "id": "toolu_1", "name": "refund", "input": {"order_id": "A-1"}}
    look = {"type": "tool_use", "id": "toolu_2", "name": "lookup_order", "input": {"order_id": "A-1"}}
    script = [reply(anthropic_message(use, look, stop_reason="tool_use")), reply(anthropic_message())]
    suite = SUITE.replace("[completed]", "[completed, contract: {allow: [unauthorised]}]")
    sandbox.write({"fixtures/conversations/shop/refund.yaml": FIXTURE, "suites/s.yaml": suite})
    with Scripted(script) as server:
        target = (
            f'[targets.small]\nprovider = "anthropic"\nmodel = "claude-sonnet-5"\nbase_url = "{server.url}"\n'
        )
        sandbox.write({"replay.toml": target})
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ANTHROPIC_API_KEY", "sk-ant-x")
            sandbox.pytest("--record-mode=once").assert_outcomes(passed=1)
    sandbox.pytest().assert_outcomes(passed=1)
    results = server.requests[1].json["messages"][-1]["content"]
    assert results == [
        {
            "type": "tool_result",
            "tool_use_id": "toolu_1",
            "content": '{"error": "refund requires refunds"}',
            "is_error": True,
        },
        {"type": "tool_result", "tool_use_id": "toolu_2", "content": '{"status": "refunded"}'},
    ]
    assert answers(sandbox.run()[1][0])[0] == ("refund", "permission_denied", "refused")


def test_functions_answer_on_the_gemini_wire(sandbox):
    def said(*parts, reason="STOP"):
        usage = {"promptTokenCount": 9, "candidatesTokenCount": 4, "totalTokenCount": 13}
        return reply(
            {
                "candidates": [
                    {"content": {"role": "model", "parts": list(parts)}, "finishReason": reason, "index": 0}
                ],
                "usageMetadata": usage,
                "modelVersion": "gemini-2.5-flash",
                "responseId": "r1",
            }
        )

    call = {"functionCall": {"name": "lookup_order", "args": {"order_id": "A-7"}}}
    sandbox.write(
        {
            "fixtures/conversations/shop/refund.yaml": FIXTURE,
            "suites/s.yaml": SUITE,
            "suites/conftest.py": CONFTEST,
        }
    )
    with Scripted([said(call), said({"text": "A-7 is there."})]) as server:
        target = (
            f'[targets.small]\nprovider = "gemini"\nmodel = "gemini-2.5-flash"\nbase_url = "{server.url}"\n'
        )
        sandbox.write({"replay.toml": target})
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GEMINI_API_KEY", "AIzaX")
            result = sandbox.pytest("--record-mode=once")
    result.assert_outcomes(passed=1)
    sandbox.pytest().assert_outcomes(passed=1)
    sent = server.requests[1].json["contents"][-1]["parts"][0]["functionResponse"]
    assert sent["response"] == {"found": "A-7", "by": 1}
    assert answers(sandbox.run()[1][0]) == [("lookup_order", "success", "function")]
