"""`replay verify`: cassettes asked again over real HTTP, and cassettes that no longer fit what is sent."""

import io
import json
import re
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout

import pytest
from _pytest.pytester import LineMatcher
from chat_wire import chunk, completion, streamed
from hypothesis import given
from hypothesis import strategies as st
from scripted import Scripted, reply, stream

from replay.cassette.interaction import RecordedRequest
from replay.cli import main
from replay.providers import openai
from replay.providers._wire import Answer
from replay.verify._causes import causes
from replay.verify._drift import compare, edited, sign_test
from replay.verify._plan import Call, Wanted, commands_for

SYSTEM = "You are a shop assistant.\\n\\n## Tone\\n\\nBe kind.\\n\\nSay hours as 9 to 17."
SUITE = """
    targets: [small]
    conversations: [shop/*]
    assert: [{contract: off}, {finish_reason: [stop, tool_calls]}]
"""
ORDER = {"name": "order", "arguments": '{"id": "A-1"}'}


def conversation(question, *more):
    return "\n".join(
        [
            "messages:",
            f'  - {{role: system, content: "{SYSTEM}"}}',
            "  - {role: user, content: An example?}",
            "  - {role: assistant, content: An answer.}",
            f"  - {{role: user, content: {question}}}",
            "params: {temperature: 0}",
            *more,
        ]
    )


TOOLS = """tools:
  - name: order
    description: Look up an order.
    parameters: {type: object, properties: {id: {type: string}}}
tool_results:
  - {name: order, content: on its way}
"""


def called(*calls, **more):
    listed = [{"id": f"call_{n}", "type": "function", "function": call} for n, call in enumerate(calls)]
    return completion({"content": None, "tool_calls": listed}, "tool_calls", **more)


def as_recorded(asked):
    """A provider whose answers depend on the question alone."""
    last = asked.json["messages"][-1]
    if "order" in str(last["content"]) and last["role"] == "user":
        return reply(called(ORDER))
    return reply(completion({"content": f"We answer: {last['content']} From 9 to 17."}))


def target(url, price="{prompt = 1.0, completion = 2.0}"):
    return (
        '[redaction]\nsalt = "test"\n[targets.small]\nprovider = "openai_compatible"\nmodel = "small-1"\n'
        f'base_url = "{url}/v1"\nprice = {price}\nretries = 0\n'
    )


@pytest.fixture(scope="module")
def recorded():
    """The cassettes of the shop, by path; recorded by the first test that needs them."""
    return {}


@pytest.fixture
def shop(sandbox, recorded):
    """Three conversations (one calls a tool), recorded."""
    sandbox.write(
        {
            "fixtures/conversations/shop/hours.yaml": conversation("When are you open?"),
            "fixtures/conversations/shop/days.yaml": conversation("On which days?"),
            "fixtures/conversations/shop/where.yaml": conversation("Where is my order?", TOOLS),
            "suites/shop.yaml": SUITE
            + "    cases:\n      - {conversation: shop/where, play: to_completion}\n",
        }
    )
    if recorded:
        sandbox.write(recorded | {"replay.toml": target("http://127.0.0.1:9")})
        return sandbox
    with provider(sandbox, as_recorded):
        sandbox.pytest("--record-mode=once").assert_outcomes(passed=3)
    recorded |= {
        str(path.relative_to(sandbox.root)): text.decode() for path, text in cassettes(sandbox).items()
    }
    return sandbox


def provider(sandbox, *script):
    server = Scripted(script)
    sandbox.write({"replay.toml": target(server.url)})
    return server


def verify(*arguments, code=0):
    """What the verb says, as lines to match."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        assert main(["verify", *arguments]) == code, out.getvalue() + err.getvalue()
    return LineMatcher((out.getvalue() + err.getvalue()).splitlines())


def told(*arguments, code=0):
    return json.loads(str(verify(*arguments, "--json", code=code)))


def cassettes(sandbox):
    return {
        path: path.read_bytes() for path in sandbox.root.glob("fixtures/cassettes/**/*") if path.is_file()
    }


def edit(sandbox, name, *pairs):
    path = sandbox.root / name
    text = path.read_text()
    for before, after in pairs:
        assert before in text
        text = text.replace(before, after)
    path.write_text(text)


# live


def test_a_provider_that_answers_as_recorded_has_not_drifted(shop):
    before = cassettes(shop)
    with provider(shop, as_recorded) as server:
        found = told()
    assert len(server.requests) == found["requests"] == found["calls"] == 4  # the tool's case asks twice
    assert found["tiers"] == {tier: {"drift": 0, "noise": 0} for tier in ("shape", "tool_calls", "text")}
    assert found["cost"] == pytest.approx(4 * (9 * 1.0 + 4 * 2.0) / 1e6)
    assert found["served"] == {"gpt-4o-mini-2024-07-18": 4}
    assert cassettes(shop) == before


def drifting(asked):
    last = asked.json["messages"][-1]["content"]
    if "order?" in last:
        return reply(called({"name": "order", "arguments": '{"id": "A-2"}'}))
    if "days?" in last:
        return reply(completion({"content": "On weekdays"}, "length", model="small-2"))
    if "open?" in last:
        return reply(completion({"content": "We answer: When are you open? From 9 to 18."}))
    return as_recorded(asked)


def test_each_tier_is_told_apart_with_its_worst_examples(shop):
    before = cassettes(shop)
    with provider(shop, drifting) as server:
        done = verify(code=1)
        found = told("--tier", "shape", code=1)
    assert len(server.requests) == 8
    tiers = {tier: counts["drift"] for tier, counts in found["tiers"].items()}
    assert tiers == {"shape": 1, "tool_calls": 1, "text": 2}
    whats = {(one["tier"], one["what"]) for asked in found["asked"] for one in asked["findings"]}
    assert {("shape", "finish_reason"), ("shape", "served model"), ("tool_calls", "order: id")} <= whats
    done.fnmatch_lines(
        [
            "shape: shop/days?small?#1, turn 1",
            "  ~ finish_reason: [[]-stop-]{+length+}",
            "tool_calls: shop/where?small?#1, turn 1",
            "  ~ order: id: A-[[]-1-]{+2+}",
            "text: *% edited",
        ]
    )
    assert cassettes(shop) == before


def test_the_play_goes_on_as_recorded_after_a_live_answer_that_went_elsewhere(shop):
    with provider(shop, drifting) as server:
        told(code=1)
    asked = [one.json["messages"][-1] for one in server.requests]
    assert [one["content"] for one in asked if one["role"] == "tool"] == ["on its way"]


@pytest.mark.parametrize(("tier", "code"), [("shape", 0), ("tool_calls", 0), ("text", 1)])
def test_the_exit_code_is_of_the_tier_that_one_cares_for(shop, tier, code):
    with provider(shop, reworded):
        verify("--tier", tier, code=code)


def reworded(asked):
    if "order?" in str(asked.json["messages"][-1]["content"]):
        return as_recorded(asked)
    return reply(completion({"content": "Nine to five."}))


def test_a_model_that_is_gone_is_drift_of_the_worst_tier(shop):
    gone = {"error": {"message": "The model small-1 has been retired", "code": "model_not_found"}}
    with provider(shop, reply(gone, 404)):
        found = told("--tier", "shape", code=1)
    finding = found["asked"][0]["findings"][0]
    assert (finding["what"], finding["before"]) == ("status", "reply")
    assert finding["after"] == "404 not_found model_not_found"


def test_an_outage_is_no_drift_and_no_verdict(shop):
    with provider(shop, reply({"error": {"message": "overloaded"}}, 503)):
        done = verify(code=7)
    done.fnmatch_lines(["no answer: shop/days?small?#1, shop/*: *overloaded*"])  # one reason, one line


def test_a_page_of_a_gateway_is_no_drift_and_no_verdict(shop):
    with provider(shop, reply("<html><title>Please sign in</title></html>", content_type="text/html")):
        done = verify(code=7)
    done.fnmatch_lines(["no answer: shop/days?small?#1, shop/*: *not JSON: Please sign in*"])


def test_a_field_that_came_is_shape_and_one_that_is_null_is_not(shop):
    def more(asked):
        last = asked.json["messages"][-1]
        if last["role"] == "tool" or "order" not in last["content"]:
            text = f"We answer: {last['content']} From 9 to 17."
            return reply(completion({"content": text, "refusal": None}, service_tier="default"))
        return reply(called(ORDER, service_tier="default"))

    with provider(shop, more):
        found = told("--tier", "shape", code=1)
    whats = {(one["what"], one["after"]) for asked in found["asked"] for one in asked["findings"]}
    assert whats == {("field service_tier", "string")}


class Wavering:
    """Says about the same in other words each time."""

    def __init__(self):
        self.asked = Counter()

    def __call__(self, asked):
        last = asked.json["messages"][-1]["content"]
        self.asked[last] += 1
        if "order?" in last:
            return as_recorded(asked)
        ways = ("We answer: {} From 9 to 18.", "We say this: {} Until 17, from 9.")
        return reply(completion({"content": ways[self.asked[last] % 2].format(last)}))


def test_repeats_tell_noise_from_drift(shop):
    with provider(shop, Wavering()) as server:
        found = told("--repeats", "2", "--tier", "text")
    assert len(server.requests) == found["calls"] == 8
    assert found["tiers"]["text"] == {"drift": 0, "noise": 3}
    with provider(shop, reworded):  # another wording, and always the same
        done = verify("--repeats", "2", "--tier", "text", code=1)
    done.fnmatch_lines(["text*3*0", "texts: 3 further from the recording*"])


def test_a_sample_is_seeded_and_one_more_cassette_changes_it_by_one_at_most(shop):
    with provider(shop, as_recorded) as server:
        found = told("--sample", "1", "--seed", "3")
        again = told("--sample", "1", "--seed", "3")
        others = {told("--sample", "1", "--seed", str(n))["asked"][0]["case"] for n in range(6)}
    assert found["cassettes"] == 1
    assert found["asked"] == again["asked"]
    assert len(others) > 1
    assert len(server.requests) < 16


def test_streams_are_compared_by_what_they_say_and_not_by_their_chunks(sandbox):
    text = conversation("When?").replace("{temperature: 0}", "{temperature: 0, stream: true}")
    sandbox.write({"fixtures/conversations/shop/hours.yaml": text, "suites/shop.yaml": SUITE})

    def spoken(*pieces):
        parts = (chunk({"role": "assistant", "content": ""}), *(chunk({"content": one}) for one in pieces))
        return stream(streamed(*parts, chunk(finish_reason="stop")))

    with provider(sandbox, spoken("From 9 ", "to 17.")):
        sandbox.pytest("--record-mode=once").assert_outcomes(passed=1)
    with provider(sandbox, spoken("From", " 9", " to", " 17", ".")):
        assert told("--tier", "text")["requests"] == 1


def test_what_is_stale_is_not_asked(shop):
    edit(shop, "fixtures/conversations/shop/days.yaml", ("On which days?", "Which days?"))
    with provider(shop, as_recorded) as server:
        found = told()
    assert found["stale"] == ["shop/days[small]#1"]
    assert len(server.requests) == 3


def test_a_sample_that_is_all_stale_is_not_green(shop):
    edit(shop, "replay.toml", ('"small-1"', '"small-2"'))
    done = verify(code=1)
    done.fnmatch_lines(["stale, not asked (see --stale): shop/days?small?#1, *"])


def test_secrets_of_a_live_answer_are_not_told(shop):
    leak = "My key is sk-proj-Zk3vQ9xT4aB7cD1eF5gH8jK2mN6pR0sU4wY7zA1bC3dE5fG9"
    with provider(shop, lambda asked: reply(completion({"content": leak}))):
        done = verify("--tier", "shape", code=1)
    assert "Zk3vQ9xT4aB7" not in str(done)


# stale


def test_recorded_cassettes_are_not_stale_whatever_the_order_of_keys(shop):
    assert told("--stale")["fresh"] == 3
    path = shop.root / "fixtures/conversations/shop/hours.yaml"
    lines = path.read_text().splitlines()
    path.write_text(
        "\n".join([lines[-1], *lines[:-1]])
        .replace("{role: user, content:", "{content:")
        .replace("When are you open?}", "When are you open?, role: user}")
        .replace("An example?}", "An example?, role: user}")
    )
    assert told("--stale")["stale"] == []


def test_one_edit_of_a_shared_prompt_is_one_cause(shop):
    for name in ("hours", "days", "where"):
        edit(shop, f"fixtures/conversations/shop/{name}.yaml", ("Be kind.", "Be brief and kind."))
    edit(shop, "fixtures/conversations/shop/hours.yaml", ("temperature: 0", "temperature: 0.5"))
    edit(shop, "fixtures/conversations/shop/where.yaml", ("id: {type: string}", "id: {type: integer}"))
    done = verify("--stale", code=1)
    done.fnmatch_lines(
        [
            "0 cases up to date, 3 cases stale (3 cassettes)",
            "system message, paragraph 3 (under “Tone”) changed: 3 cassettes stale",
            "*Be{+·brief and+} kind.*",
            "param temperature changed: 1 cassette stale",
            "tool order: parameters.properties.id.type changed: 1 cassette stale",
            "to record, the cheapest first:",
            "  pytest suites/shop.yaml -k * --record-mode=new_episodes",
            "    4 calls, about 36 prompt and 16 completion tokens, about $0.000068",
        ]
    )


def test_a_shared_example_is_told_from_a_message(shop):
    for name in ("hours", "days"):
        edit(shop, f"fixtures/conversations/shop/{name}.yaml", ("An answer.", "A better answer."))
    edit(shop, "fixtures/conversations/shop/where.yaml", ("on its way", "lost"))
    causes = {one["cause"]: len(one["cassettes"]) for one in told("--stale", code=1)["causes"]}
    assert causes == {
        "few-shot example, message 3 (assistant): content changed": 2,
        "message 6 (tool): content changed": 1,
    }


def test_the_commands_record_what_is_stale_and_only_that(shop):
    edit(shop, "fixtures/conversations/shop/days.yaml", ("On which days?", "Which days?"))
    edit(shop, "fixtures/conversations/shop/where.yaml", ("Look up an order.", "Find an order."))
    found = told("--stale", code=1)
    words = re.findall(r'"[^"]*"|\S+', found["commands"][0]["command"])
    with provider(shop, as_recorded) as server:
        shop.pytester.runpytest_inprocess(*(word.strip('"') for word in words[1:])).assert_outcomes(
            passed=2, deselected=1
        )
    assert len(server.requests) == sum(command["calls"] for command in found["commands"]) == 3
    assert told("--stale")["unused"].keys() == {
        f"fixtures/cassettes/shop/{name}/small.yaml" for name in ("days", "where")
    }


def test_a_single_case_is_recorded_by_its_name(shop):
    edit(shop, "fixtures/conversations/shop/days.yaml", ("On which days?", "Which days?"))
    command = told("--stale", code=1)["commands"][0]
    assert command["command"] == 'pytest "suites/shop.yaml::shop/days[small]#1" --record-mode=new_episodes'
    assert (command["calls"], command["prompt_tokens"], command["completion_tokens"]) == (1, 9, 4)


def test_what_needs_no_recording_is_named(shop):
    shop.write(
        {
            "fixtures/conversations/idle.yaml": "messages: [{role: user, content: Hm?}]\n",
            "fixtures/cassettes/old/small.yaml": "interactions: []\nversion: 1\n",
        }
    )
    found = told("--stale")
    assert found["orphans"] == ["fixtures/cassettes/old/small.yaml"]
    assert found["unnamed"] == ["idle"]


def test_what_a_fault_keeps_back_at_first_is_asked_for_as_in_a_run(shop):
    edit(shop, "replay.toml", ("retries = 0", "retries = 2"))
    edit(shop, "suites/shop.yaml", ("targets:", "faults: [{rate_limit: {first: 1}}]\ntargets:"))
    shop.pytest().assert_outcomes(passed=3)
    found = told("--stale")
    assert (found["fresh"], found["unused"]) == (3, {})


def test_what_a_test_or_an_app_recorded_is_no_orphan(shop):
    for name in ("test_shop/test_hours/app", "app"):
        shop.write({f"fixtures/cassettes/{name}.yaml": "interactions: []\nversion: 1\n"})
    assert told("--stale")["orphans"] == []


def test_the_cassettes_of_a_suite_in_a_yml_file_are_no_orphans(shop):
    (shop.root / "suites/shop.yaml").rename(shop.root / "suites/shop.yml")
    found = told("--stale")
    assert (found["fresh"], found["orphans"], found["unnamed"]) == (3, [], [])


def test_what_was_never_recorded_is_said_to_be_so(shop):
    shop.write({"fixtures/conversations/shop/new.yaml": conversation("New?")})
    found = told("--stale", code=1)
    assert [one["missing"] for one in found["stale"]] == [True]
    assert found["causes"][0]["cause"] == "nothing recorded yet"
    assert found["commands"][0]["unknown"] == 1


def test_another_model_or_address_is_a_cause_of_its_own(shop):
    edit(shop, "replay.toml", ('"small-1"', '"small-2"'))
    found = told("--stale", "suites/shop.yaml", code=1)
    assert [(one["cause"], len(one["cassettes"])) for one in found["causes"]] == [("model changed", 3)]


def test_nothing_is_sent_and_no_key_is_needed_to_find_what_is_stale(shop, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with provider(shop, as_recorded) as server:
        told("--stale")
    assert server.requests == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--tier", "txt"], 'did you mean "text"?'),
        (["--sample", "0"], "--sample"),
        (["suites/nowhere.yaml"], "nowhere"),
    ],
)
def test_what_cannot_be_done_is_said(shop, arguments, said):
    done = verify(*arguments, code=4)
    assert said in str(done)


def test_without_a_cassette_there_is_nothing_to_ask(sandbox):
    sandbox.write({"fixtures/conversations/shop/a.yaml": conversation("A?"), "suites/shop.yaml": SUITE})
    sandbox.write({"replay.toml": target("http://127.0.0.1:9")})
    assert "--record-mode=once" in str(verify(code=5))


# the parts

WORDS = st.text("ab \n", max_size=30)
BODIES = st.builds(
    lambda system, question, temperature: {
        "model": "m",
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": question}],
        "temperature": temperature,
    },
    WORDS,
    WORDS,
    st.sampled_from([0, 0.5, 1]),
)


def asked(body):
    return RecordedRequest("POST", "http://h/v1/chat/completions", {}, json.dumps(body).encode())


@given(BODIES, BODIES)
def test_every_difference_of_two_requests_has_a_cause_and_equal_ones_have_none(one, other):
    assert bool(causes(asked(one), asked(other), "openai")) == (one != other)


@given(WORDS, WORDS)
def test_the_share_edited_lies_between_nothing_and_all(one, other):
    assert 0 <= edited(one, other) <= 1
    assert (edited(one, other) == 0) == (one == other)


@given(st.text(max_size=20), st.sampled_from(["stop", "length"]))
def test_an_answer_has_not_drifted_from_itself(text, finish):
    said = Answer(openai.decode(completion({"content": text}, finish)))
    assert compare(said, said) == []


def test_the_sign_test_is_the_binomials():
    assert sign_test(0, 0) == 1
    assert sign_test(5, 0) == pytest.approx(2 / 32)
    assert sign_test(8, 2) == pytest.approx(112 / 1024)


def test_a_cassette_of_two_suites_is_recorded_by_one_command():
    both = [Call("x", 10, 5, 0.1), Call("y", 10, 5, 0.1)]
    wanted = [
        Wanted("a[t]#1", "a", "suites/one.yaml", "a.yaml", (both[0],)),
        Wanted("a[t]#1", "a", "suites/two.yaml", "a.yaml", tuple(both)),
        Wanted("b[t]#1", "b", "suites/three.yaml", "b.yaml", (Call("z", 1, 1, 0.01),)),
    ]
    commands = commands_for(wanted)
    assert [command.text.split()[1] for command in commands] == [
        '"suites/three.yaml::b[t]#1"',
        '"suites/two.yaml::a[t]#1"',
    ]
    assert [len(command.calls) for command in commands] == [1, 2]
