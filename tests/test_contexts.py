"""Context policies over long conversations, the guard of the window, and what `replay contexts` reports."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from chat_wire import completion
from scripted import Scripted, reply

from replay import policies
from replay.cli import main
from replay.conversation import Conversation, Message, ToolCall
from replay.errors import BadInput
from replay.player import Stopped, play
from replay.policies import build, legal
from replay.turn import ApiError, Reply, Target, Turn, Usage

SYSTEM = Message("system", "You work at a shop.")


def user(text):
    return Message("user", text)


def said(text):
    return Message("assistant", text)


def call(name, number):
    return Message("assistant", None, (ToolCall(f"c{number}", name, "{}"),))


def result(number, text="x" * 100):
    return Message("tool", text, tool_call_id=f"c{number}")


HISTORY = (
    SYSTEM,
    user("one"), call("look", 1), result(1), said("1"),
    user("two"), call("look", 2), result(2), said("2"),
    user("three"), call("look", 3), result(3),
)  # fmt: skip


def shortened(spec, history=HISTORY, summary="It was one."):
    asked = []
    found = legal(build(spec)(history, lambda messages: asked.append(list(messages)) or summary))
    return found, asked


def texts(messages):
    return [message.text or (message.tool_calls and message.tool_calls[0].id) for message in messages]


# policies


def test_the_last_turns_are_kept_whole_with_the_system_prompt():
    assert shortened("full")[0] == HISTORY
    assert shortened("last:3")[0] == HISTORY
    assert shortened("last:2")[0] == (SYSTEM, *HISTORY[5:])
    assert shortened("last:1")[0] == (SYSTEM, *HISTORY[9:])


def test_a_summary_stands_for_the_older_turns():
    found, asked = shortened("summary:1")
    assert texts(found) == [SYSTEM.text, "What was said so far, in short:\nIt was one.", *texts(HISTORY[9:])]
    assert found[1].role == "system"
    assert asked == [list(HISTORY[1:9])]
    assert shortened("summary:3") == (HISTORY, [])


def test_older_results_of_tools_are_left_out_and_their_pairs_stay():
    found, _ = shortened("drop_tool_output")
    assert [len(message.text) for message in found if message.role == "tool"] == [32, 32, 100]
    assert [message.tool_call_id for message in found if message.role == "tool"] == ["c1", "c2", "c3"]
    assert texts(shortened("drop_tool_output:2")[0])[2:4] == ["c1", "(left out: this was read before)"]


def test_system_messages_are_kept_wherever_they_stand():
    late = (*HISTORY[:5], Message("developer", "Be brief."), *HISTORY[5:])
    assert texts(shortened("last:1", late)[0])[:2] == [SYSTEM.text, "Be brief."]


def test_what_a_policy_leaves_is_made_legal():
    assert legal(HISTORY[3:]) == HISTORY[4:]  # an answer without its call
    assert texts(legal((*HISTORY[:3], *HISTORY[4:]))) == texts((*HISTORY[:2], *HISTORY[4:]))
    both = Message("assistant", None, (ToolCall("a", "f", "{}"), ToolCall("b", "f", "{}")))
    found = legal((user("x"), both, Message("tool", "1", tool_call_id="a"), said("y")))
    assert [one.id for one in found[1].tool_calls] == ["a"]
    open_calls = (*HISTORY[:2], call("look", 9))
    assert legal(open_calls) == open_calls


@pytest.mark.parametrize("spec", ["full", "last:1", "last:2", "summary:1", "summary:2", "drop_tool_output:2"])
def test_every_policy_leaves_each_call_with_its_answer_at_every_length(spec):
    for length in range(1, len(HISTORY) + 1):
        found, _ = shortened(spec, HISTORY[:length])
        called = {one.id for message in found[:-1] for one in message.tool_calls}
        assert called <= {one.tool_call_id for one in found}
        assert {one.tool_call_id for one in found if one.role == "tool"} <= called
        assert SYSTEM in found


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("lst", 'no policy is called "lst"; did you mean "last"?'),
        ("last:", "must be a whole number from 1"),
        ("last:0", "must be a whole number from 1"),
        ("last:x", "must be a whole number from 1"),
        ("full:2", "full takes no number; write full"),
    ],
)
def test_a_policy_that_there_is_not_is_refused(spec, told):
    with pytest.raises(BadInput, match=told.replace("?", r"\?")):
        build(spec)


# what stands before a target


def asking(*usages, summary="Short."):
    """A send that answers with these usages in turn, and what it was asked."""
    asked, left = [], list(usages)

    def send(request):
        asked.append(request)
        if request.messages[0].text.startswith("Summarise"):
            if isinstance(summary, ApiError):
                return Turn(request, error=summary)
            return Turn(request, Reply(said(summary), usage=Usage(50, 7, 57)))
        prompt = left.pop(0) if left else None
        return Turn(request, Reply(said("ok"), "stop", usage=prompt and Usage(prompt, 1, prompt + 1)))

    return send, asked


def target(**settings):
    return Target("t", "openai", "m", settings)


LONG = Conversation(
    "c",
    (SYSTEM, *(message for n in range(6) for message in (user(f"{n} " + "q" * 400), said(f"a{n}")))),
    params={"max_tokens": 10},
)


def test_a_target_with_a_context_is_asked_what_the_policy_leaves():
    send, asked = asking()
    played = play(LONG, target(context="last:2"), send, "every_turn")
    assert [len(request.messages) for request in asked] == [2, 4, 4, 4, 4, 4]
    assert [turn.context["messages"] for turn in played.turns][-1] == [12, 4]
    before, after = played.turns[-1].context["tokens"]
    assert before > 2.5 * after


def test_a_summary_is_asked_of_the_target_once_for_the_same_turns_and_is_paid_for():
    send, asked = asking()
    played = play(LONG, target(context="summary:2", price={"prompt": 1, "completion": 1}), send, "every_turn")
    summaries = [request for request in asked if request.messages[0].text.startswith("Summarise")]
    assert len(summaries) == 4
    assert "user: 0 qqq" in summaries[0].messages[1].text
    assert played.turns[-1].context["usage"] == {
        "prompt_tokens": 50,
        "completion_tokens": 7,
        "total_tokens": 57,
    }
    assert played.turns[1].context.get("usage") is None


def test_a_summary_that_does_not_come_is_what_came_of_the_turn():
    send, _ = asking(summary=ApiError("rate_limit", 429))
    played = play(LONG, target(context="summary:5"), send, "every_turn")
    assert [turn.error and turn.error.kind for turn in played.turns] == [None] * 5 + ["rate_limit"]


def test_a_request_that_does_not_fit_the_window_is_not_sent():
    send, asked = asking()
    with pytest.raises(
        Stopped, match=r"(?s)needs about .* the context_window of target t is 300.*context_policy"
    ) as stop:
        play(LONG, target(context_window=300), send, "every_turn")
    assert stop.value.kind == "context_window"
    assert len(asked) == len(stop.value.transcript.turns) == 2


def test_or_it_goes_through_a_policy_first():
    send, asked = asking()
    played = play(LONG, target(context_window=300, context_policy="last:2"), send, "every_turn")
    assert [len(request.messages) for request in asked] == [2, 4, 4, 4, 4, 4]
    assert [turn.context.get("policy") for turn in played.turns] == [None, None] + ["last:2"] * 4
    with pytest.raises(Stopped, match="after last:3"):
        play(LONG, target(context_window=300, context_policy="last:3"), asking()[0], "every_turn")


def test_the_provider_s_count_of_the_turn_before_corrects_the_guess():
    send, asked = asking(1000)  # five times as many as characters tell
    with pytest.raises(Stopped, match="context_window"):
        play(LONG, target(context_window=1000), send, "every_turn")
    assert len(asked) == 1


def test_what_is_to_be_summarised_must_fit_too():
    with pytest.raises(Stopped, match="after the summary"):
        play(LONG, target(context_window=500, context_policy="summary:1"), asking()[0], "every_turn")


class Crashes:
    def __call__(self, messages, summarise):
        raise KeyError("x")


class Forgets:
    def __call__(self, messages, summarise):
        return ()


@pytest.mark.parametrize(("plugin", "told"), [(Crashes, "KeyError: 'x'"), (Forgets, "returned no messages")])
def test_a_policy_that_fails_ends_the_play_with_its_name(plugin, told, monkeypatch):
    monkeypatch.setitem(policies.registry._registered, "mine", plugin)
    with pytest.raises(Stopped, match=f"policy mine.*{told}") as stop:
        play(LONG, target(context="mine"), asking()[0])
    assert stop.value.kind == "context_policy"


# replay contexts

TALK = """
messages:
  - {role: system, content: You work at a shop.}
  - {role: user, content: My order is A-77.}
  - {role: assistant, content: Noted.}
  - {role: user, content: It is late.}
  - {role: assistant, tool_calls: [{id: c1, type: function, function: {name: track, arguments: "{}"}}]}
  - {role: tool, tool_call_id: c1, content: LONG}
  - {role: assistant, content: It is in Bern.}
  - {role: user, content: Thanks.}
  - {role: assistant, content: You are welcome.}
  - {role: user, content: Which order was it?}
  - {role: assistant, content: It was A-77.}
tools:
  - {name: track, parameters: {type: object, properties: {}}}
""".replace("LONG", "at depot " * 200)
SUITE = """
targets: [small]
cases:
  - conversation: shop/long
    play: every_turn
    assert:
      - turn: {at: 5, assert: [contains: A-77]}
"""


def counted(asked):
    """Answer as a model with a good memory of what it is sent, and count a token for four characters."""
    body = asked.json
    text, last = json.dumps(body["messages"]), body["messages"][-1]
    if str(body["messages"][0]["content"]).startswith("Summarise"):
        answer = {"content": "The order is A-77." if "A-77" in text else "Nothing much."}
    elif last["content"] == "It is late.":
        made = {"id": "c1", "type": "function", "function": {"name": "track", "arguments": "{}"}}
        answer = {"content": None, "tool_calls": [made]}
    elif last["content"] == "Which order was it?":
        answer = {"content": "It was A-77." if "A-77" in text else "I do not know."}
    else:
        answer = {"content": "Yes."}
    tokens = len(text) // 4
    usage = {"prompt_tokens": tokens, "completion_tokens": 5, "total_tokens": tokens + 5}
    return reply(
        completion(answer, "tool_calls" if "tool_calls" in answer else "stop", usage=usage, model="m-1")
    )


def shop(sandbox, url, suite=SUITE, talk=TALK):
    sandbox.write(
        {
            "replay.toml": f"""
                [targets.small]
                provider = "openai_compatible"
                model = "m-1"
                base_url = "{url}/v1"
            """,
            "fixtures/conversations/shop/long.yaml": talk,
            "own/halves.py": """
                from dataclasses import dataclass

                @dataclass(frozen=True)
                class Halves:
                    def __call__(self, messages, summarise):
                        return messages[len(messages) // 2:]
            """,
        }
    )
    if suite:
        sandbox.write({"suites/s.yaml": suite})


ALL = "full,last:2,summary:1,drop_tool_output,own/halves.py"


@pytest.fixture
def contexts(sandbox, capsys):
    """Run the verb in this process, in the project; return its exit code and what it printed."""

    def run(*arguments, conversation="shop/long"):
        code = main(["contexts", conversation, *arguments])
        return SimpleNamespace(ret=code, **capsys.readouterr()._asdict())

    return run


def test_policies_are_played_recorded_and_told_and_then_again_offline(sandbox, contexts, capsys):
    with Scripted([counted]) as server:
        shop(sandbox, server.url)
        sandbox.pytest("--record-mode=once").assert_outcomes(passed=1)
        alone = len(server.requests)
        capsys.readouterr()
        first = contexts("--policies", ALL, "--record-mode=new_episodes", "--json")
        assert first.ret == 0, first.err
        asked = len(server.requests)
        found = json.loads(first.out)
    assert alone == 5  # the whole history is played from what the suite recorded
    rows = {row["policy"]: row for row in found["policies"]}
    assert list(rows) == ["full", "last:2", "summary:1", "drop_tool_output", "own/halves.py"]
    assert {name: row["broken"] for name, row in rows.items()} == {
        "full": 0, "last:2": 1, "summary:1": 0, "drop_tool_output": 0, "own/halves.py": 1,
    }  # fmt: skip
    (broken,) = rows["last:2"]["turns"][4]["broken"]
    assert (broken["assertion"], broken["kind"], broken["turn"]) == ("contains", "missing", 5)
    assert rows["full"]["saved"] == 0
    assert rows["drop_tool_output"]["saved"] > 300
    summary = rows["summary:1"]
    assert summary["summary_tokens"] > 0
    full = sum(turn["prompt_tokens"] for turn in rows["full"]["turns"])
    assert summary["saved"] == full - summary["prompt_tokens"] - summary["summary_tokens"]
    again = sandbox.replay("contexts", "shop/long", "--policies", ALL)
    assert again.ret == 0
    assert len(server.requests) == asked
    told = again.stdout.str()
    assert "shop/long against small, judged by suites/s.yaml" in told
    assert "last:2, turn 5: contains (missing)" in told
    page = Path(found["page"]).read_text("utf-8")
    assert f"replay contexts shop/long --policies {ALL} --target small" in page
    assert "pytest &#34;suites" not in page
    lines = [json.loads(line) for line in Path(found["page"]).with_name("run.jsonl").read_text().splitlines()]
    assert [line["transcript"]["target"]["name"] for line in lines[1:]] == [
        "small+drop_tool_output", "small+halves", "small+last-2", "small+summary-1", "small",
    ]  # fmt: skip


def test_without_a_suite_the_recording_says_what_must_hold(sandbox, contexts):
    with Scripted([counted]) as server:
        shop(sandbox, server.url, suite="")
        done = contexts("--policies", "last:1", "--record-mode=once", "--json")
        assert done.ret == 0, done.err
    full, last = json.loads(done.out)["policies"]
    assert (full["target"], last["target"]) == ("small+full", "small+last-1")
    assert (full["broken"], last["broken"]) == (0, 0)
    talk = TALK.replace('name: track, arguments: "{}"', 'name: other, arguments: "{}"')
    shop(sandbox, "http://127.0.0.1:9", suite="", talk=talk)
    again = json.loads(contexts("--policies", "last:1", "--json").out)
    assert "no recorded interaction matches" in again["policies"][0]["problem"]


def test_what_is_not_recorded_is_told_with_what_records_it(sandbox, contexts):
    shop(sandbox, "http://127.0.0.1:9")
    done = contexts("--policies", "last:2")
    assert done.ret == 1
    told = done.out
    assert "last:2 was not played to its end: " in told
    assert (
        "replay contexts shop/long --policies full,last:2 --target small --record-mode=new_episodes" in told
    )


def test_a_conversation_that_is_played_to_completion_is_so_under_each_policy(sandbox, contexts):
    suite = """
        targets: [small]
        cases:
          - conversation: shop/long
            play: to_completion
            user_turns: [Which order was it?, Thanks.]
            assert: [completed]
    """
    with Scripted([counted]) as server:
        shop(sandbox, server.url, suite=suite)
        done = contexts("--policies", "last:1", "--record-mode=once", "--json")
    full, last = json.loads(done.out)["policies"]
    assert [len(row["turns"]) for row in (full, last)] == [3, 3]
    assert last["saved"] > 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("shop/log",), 'no conversation is called "shop/log"; did you mean "shop/long"?'),
        (("shop/long", "--policies", "lst:2"), 'no policy is called "lst"; did you mean "last"?'),
        (("shop/long", "--policies", "own/none.py"), "own/none.py is not there"),
        (("shop/long", "--policies", "own/last.py"), "there is a policy last already; rename the file"),
        (("shop/long", "--policies", "own/bad.py"), "must be a dataclass with __call__"),
        (("shop/long", "--policies", "own/broken.py"), "cannot be imported: SyntaxError"),
        (("shop/long", "--policies", "../x.py"), "is outside the project"),
        (("shop/long", "--target", "large"), 'target "large" is not configured; use one of small'),
        (("shop/long", "--suite", "suites/other.yaml"), "suites/other.yaml has no case of shop/long"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, told, sandbox, contexts):
    shop(sandbox, "http://127.0.0.1:9")
    sandbox.write(
        {
            "own/last.py": "",
            "own/bad.py": "class Bad:\n    pass\n",
            "own/broken.py": "def (",
            "fixtures/conversations/other.yaml": "messages: [{role: user, content: x}]\n",
            "suites/other.yaml": "targets: [small]\nconversations: [other]\nassert: [contract]\n",
        }
    )
    done = contexts(*arguments[1:], conversation=arguments[0])
    assert done.ret == 4
    assert told in done.err


def test_recording_is_refused_in_ci(sandbox, contexts, monkeypatch):
    shop(sandbox, "http://127.0.0.1:9")
    monkeypatch.setenv("CI", "1")
    done = contexts("--record-mode=once")
    assert done.ret == 4
    assert "CI is set" in done.err


def test_a_policy_that_the_project_does_not_have_is_a_verdict_and_no_crash(sandbox):
    shop(sandbox, "http://127.0.0.1:9")
    with (sandbox.root / "replay.toml").open("a") as file:
        file.write('context = "lst:2"\n')
    result = sandbox.pytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(['*no policy is called "lst"; did you mean "last"?*'])
    with (sandbox.root / "replay.toml").open("a") as file:
        file.write("context_window = 0\n")
    result = sandbox.pytest()
    assert result.ret == 4
    assert "context_window must be 1 or more" in result.stderr.str()


def test_a_suite_whose_target_has_a_policy_records_and_replays_with_it(sandbox):
    with Scripted([counted]) as server:
        shop(sandbox, server.url)
        with (sandbox.root / "replay.toml").open("a") as file:
            file.write('context = "summary:1"\ncontext_window = 5000\n')
        sandbox.pytest("--record-mode=once").assert_outcomes(passed=1)
        asked = len(server.requests)
        sandbox.pytest("--replay-strict").assert_outcomes(passed=1)
    assert len(server.requests) == asked == 8
    assert sandbox.run()[1][0]["transcript"]["turns"][-1]["context"]["policy"] == "summary:1"
