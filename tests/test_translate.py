"""What a wire loses of a conversation, and `replay translate`, which says so."""

import json

import pytest
from recorded_corpus import ABSENT, PRESENT, recordings

from replay.conversation import Message, Tool, ToolCall
from replay.providers import Unreadable, openai, openai_completions, openai_responses, registry
from replay.providers._ids import legal
from replay.providers._losses import losses
from replay.turn import Request

PARAMETERS = {"type": "object", "properties": {"id": {"type": "string"}}}
REASONING = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA"}
CALL = ToolCall("call_1", "lookup", '{"id": "A"}')
CHAT = Request(
    "m",
    (
        Message("system", "Be brief."),
        Message("user", [{"type": "text", "text": "Where?"}], extra={"name": "ann"}),
        Message("assistant", "", (CALL, ToolCall("call_2", "lookup", "{broken"))),
        Message("tool", "paid", tool_call_id="call_1"),
        Message("tool", "", tool_call_id="call_2"),
        Message("assistant", None, extra={"refusal": "I can't."}),
    ),
    (
        Tool("lookup", "Look it up.", PARAMETERS, "read"),
        Tool.from_json({"type": "web_search"}),
    ),
    {"max_tokens": 5, "stop": ["\n"], "seed": 1, "temperature": 0, "stream": True, "reasoning_effort": "low"},
)
RESPONSES = openai_responses.decode_request(
    {
        "model": "m",
        "instructions": "Be brief.",
        "input": [
            {"role": "developer", "content": "Be kind."},
            {"role": "user", "content": [{"type": "input_file", "file_url": "https://a.b/c.pdf"}]},
            REASONING,
            {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": []},
            {"id": "fc_1", "type": "function_call", "call_id": "c", "name": "lookup", "arguments": "{}"},
            {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"query": "refund"}},
            {"role": "assistant", "content": "Done."},
            {"type": "function_call_output", "call_id": "c", "output": "paid", "status": "completed"},
        ],
        "store": False,
        "reasoning": {"effort": "low", "summary": "auto"},
        "tools": [{"type": "function", "name": "lookup", "strict": True}, {"type": "web_search"}],
    }
)


def lost(request, codec, **more):
    return {found.path: found.kind for found in losses(request, codec, **more)}


def test_what_a_wire_can_say_is_not_lost():
    assert losses(CHAT, openai) == []
    assert losses(RESPONSES, openai_responses) == []


def test_what_responses_cannot_say_is_named_with_its_path():
    assert lost(CHAT, openai_responses) == {
        "messages[1].name": "removed",
        "tools[1]": "removed",
        "params.stop": "removed",
        "params.seed": "removed",
    }


def test_what_only_responses_can_say_is_lost_elsewhere():
    assert lost(RESPONSES, openai) == {
        "messages[2].content[0]": "removed",
        "messages[3].content[0]": "removed",
        "messages[3].content[3]": "removed",
        "tools[1]": "removed",
        "params.native.openai_responses.store": "removed",
        "params.native.openai_responses.reasoning": "removed",
    }


def test_a_legacy_completion_says_little_of_a_conversation():
    found = {one.path: (one.kind, one.before, one.after) for one in losses(CHAT, openai_completions)}
    assert found["messages[0].content"] == ("removed", "Be brief.", None)
    assert found["messages[2].tool_calls[0]"][0] == "removed"
    assert found["params.reasoning_effort"] == ("removed", "low", None)
    assert not {"params.stop", "params.seed", "params.temperature"} & found.keys()


def test_fields_that_a_target_drops_are_lost():
    assert lost(CHAT, openai, drop=["seed", "tools"]) == {
        "tools[0]": "removed",
        "tools[1]": "removed",
        "params.seed": "removed",
    }


class Wire:
    """A wire that changes a conversation on its way."""

    def __init__(self, change):
        self.encode, self.change = (lambda request: {"kept": request}), change

    def decode_request(self, body):
        return Request("", tuple(self.change(list(body["kept"].messages))), body["kept"].tools)


SAID = Request(
    "m", (Message("developer", "a"), Message("user", "b"), Message("assistant", "c"), Message("user", "d"))
)
CHANGES = {
    "role": (lambda m: [Message("system", "a"), *m[1:]], {"messages[0].role": "changed"}),
    "order": (lambda m: [*m[1:], m[0]], {"messages[0].content": "moved"}),
    "ids": (lambda m: m, {}),
    "parts": (lambda m: [*m[:3], Message("user", [{"type": "text", "text": "d"}])], {}),
    "gone": (lambda m: m[:3], {"messages[3].content": "removed"}),
    "said by another": (lambda m: [m[0], m[1], Message("user", "c"), m[3]], {"messages[2].role": "changed"}),
}


@pytest.mark.parametrize(("change", "expected"), CHANGES.values(), ids=CHANGES)
def test_a_loss_says_what_became_of_it(change, expected):
    assert lost(SAID, Wire(change)) == expected


def test_messages_put_together_and_taken_apart_are_no_loss():
    apart = (
        Message("user", "a"),
        Message("user", "b"),
        Message("assistant", "c"),
        Message("assistant", None, (CALL,)),
    )
    together = [
        Message("user", [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]),
        Message("assistant", "c", (CALL,)),
    ]
    joined = [Message("user", "ab"), *together[1:]]
    for other in (together, joined):
        assert lost(Request("", apart), Wire(lambda _, other=other: other)) == {}
        assert lost(Request("", tuple(other)), Wire(lambda _: list(apart))) == {}


def test_ids_that_are_minted_anew_are_no_loss_and_answers_to_another_call_are():
    def minted(messages, swap=False):
        calls = [
            ToolCall(f"new{n}", call.name, call.arguments) for n, call in enumerate(messages[0].tool_calls)
        ]
        answers = [Message("tool", m.content, tool_call_id=f"new{n}") for n, m in enumerate(messages[1:])]
        return [Message("assistant", None, tuple(reversed(calls) if swap else calls)), *answers]

    calls = ToolCall("a", "f", "{}"), ToolCall("b", "f", '{"x": 1}')
    asked = Request(
        "",
        (Message("assistant", None, calls), *(Message("tool", id_, tool_call_id=id_) for id_ in ("a", "b"))),
    )
    assert lost(asked, Wire(minted)) == {}
    assert lost(asked, Wire(lambda m: minted(m, swap=True))) != {}


def test_ids_are_minted_where_they_do_not_fit_and_answers_follow():
    messages = [
        Message("assistant", None, (ToolCall("call_1", "f", "{}"), ToolCall("a b", "g", "{}"))),
        Message("tool", "1", tool_call_id="a b"),
        Message("assistant", None, (ToolCall("", "old", "{}", "function_call"),)),
        Message("function", "2", extra={"name": "old"}),
        Message("tool", "3", tool_call_id="unknown"),
    ]
    found = legal(messages, lambda name: " " not in name)
    assert [call.id for message in found for call in message.tool_calls] == ["call_1", "call_2", "call_3"]
    assert [message.tool_call_id for message in found] == [None, "call_2", None, "call_3", "unknown"]
    assert legal(found, lambda name: " " not in name) == found


@pytest.mark.parametrize("name", registry.names())
@pytest.mark.parametrize("request_", [CHAT, RESPONSES], ids=["chat", "responses"])
def test_a_conversation_of_one_wire_can_be_said_in_every_other(name, request_):
    provider = registry.get(name)
    body = provider.encode(request_)
    json.dumps(body)
    assert "Where?" in json.dumps(body) or request_ is RESPONSES
    assert isinstance(losses(request_, provider), list)


WIRES = {
    "openai": ["chat.completions"],
    "openai_responses": ["responses"],
    "openai_completions": ["completions"],
    "anthropic": ["messages"],
    "gemini": ["generateContent", "streamGenerateContent"],
    "bedrock": ["converse", "converse-stream"],
    "cohere": ["cohere.chat"],
}


@pytest.fixture(scope="module")
def recorded():
    """Every recorded request: its wire, which one it is, and what is asked."""
    return [
        (name, item.id, asked)
        for name, endpoints in WIRES.items()
        for item in recordings(*endpoints)
        for asked in decoded(registry.get(name), item.request)
    ]


def decoded(provider, body):
    try:
        return [provider.decode_request(json.loads(body))]
    except (ValueError, Unreadable):
        return []  # edited by hand, or kept without its request


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
@pytest.mark.parametrize("name", registry.names())
def test_every_recorded_conversation_can_be_said_in_every_wire_and_in_its_own_without_loss(name, recorded):
    provider = registry.get(name)
    for wire, which, asked in recorded:
        found = losses(asked, provider)
        assert wire != name or not found, (which, found)
    assert len(recorded) > 1200


FIXTURE = """
    messages:
      - {role: system, content: Be brief.}
      - {role: user, content: Where is it?}
    params: {temperature: 0, max_tokens: 5, stop: [x], seed: 1}
"""
CONFIG = """
    [targets.small]
    provider = "openai_responses"
    model = "gpt-4o-mini"
    params = {rename = {max_output_tokens = "max_tokens"}, add = {store = false}, drop = ["temperature"]}
"""
BODY = {
    "input": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Where is it?"}],
    "max_output_tokens": 5,
    "temperature": 0,
}


@pytest.fixture
def shop(sandbox):
    sandbox.write({"fixtures/conversations/shop/hours.yaml": FIXTURE, "replay.toml": CONFIG})
    return sandbox


def test_translate_prints_the_body_and_what_is_lost(shop):
    result = shop.replay("translate", "shop/hours", "--to", "openai_responses")
    assert result.ret == 0
    assert json.loads(result.stdout.str()) == BODY
    assert result.stderr.str().splitlines() == ['lost: params.stop ["x"]', "lost: params.seed 1"]


def test_translate_takes_a_file_and_a_target_with_its_settings(shop):
    result = shop.replay("translate", "fixtures/conversations/shop/hours.yaml", "--to", "small", "--json")
    told = json.loads(result.stdout.str())
    assert told["body"] == {"model": "gpt-4o-mini", "input": BODY["input"], "max_tokens": 5, "store": False}
    assert [one["path"] for one in told["lost"]] == ["params.temperature", "params.stop", "params.seed"]
    assert told["lost"][1] == {"path": "params.stop", "kind": "removed", "before": ["x"], "after": None}


def test_translate_says_that_nothing_is_lost_and_strict_exits_with_1(shop):
    assert shop.replay("translate", "shop/hours", "--to", "openai", "--strict").ret == 0
    assert "nothing is lost" in shop.replay("translate", "shop/hours", "--to", "openai").stderr.str()
    assert shop.replay("translate", "shop/hours", "--to", "small", "--strict").ret == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["shop/hour", "--to", "openai"],
            'no conversation is called "shop/hour"; did you mean "shop/hours"?',
        ),
        (
            ["shop/hours", "--to", "openia"],
            'no target or provider is called "openia"; did you mean "openai"?',
        ),
        (["shop/hours", "--to", "smal"], 'did you mean "small"?'),
    ],
)
def test_translate_names_the_nearest_where_there_is_none(shop, arguments, message):
    result = shop.replay("translate", *arguments)
    assert result.ret == 4
    assert message in result.stderr.str()
