"""`replay serve` where there is a fixture and no cassette: its words, on any wire, and no more than that."""

import anthropic
import openai
import pytest
from chat_wire import completion
from google import genai
from serving import ask, cassette, post, recorded

from replay.config import Project
from replay.serve import Served

EXCHANGE = """
    messages:
      - {role: system, content: Answer in one sentence.}
      - {role: user, content: Can I exchange shoes?}
      - {role: assistant, content: Yes within 30 days.}
      - {role: user, content: And worn ones?}
    params: {temperature: 0}
"""
ORDER = """
    messages:
      - {role: user, content: Where is A-1?}
      - role: assistant
        content: null
        tool_calls:
          - {id: call_1, type: function, function: {name: lookup, arguments: '{"order": "A-1"}'}}
      - {role: tool, tool_call_id: call_1, content: shipped}
      - {role: assistant, content: It is shipped.}
    tools:
      - name: lookup
        description: Look up an order.
        parameters: {type: object, properties: {order: {type: string}}, required: [order]}
"""
BASELINE = """
    conversation: exchange
    target: {target}
    variants:
      - turns: [{{content: {text}, finish_reason: stop}}]
"""
TARGETS = """
    [targets.plain]
    provider = "openai"
    model = "gpt-x"
    [targets.other]
    provider = "openai"
    model = "gpt-y"
"""
SYSTEM = {"role": "system", "content": "Answer in one sentence."}
USER = {"role": "user", "content": "Can I exchange shoes?"}
PARAMETERS = {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}


@pytest.fixture
def project(sandbox):
    sandbox.write(
        {
            "replay.toml": TARGETS,
            "fixtures/conversations/exchange.yaml": EXCHANGE,
            "fixtures/conversations/order.yaml": ORDER,
            "fixtures/baselines/exchange/plain.yaml": BASELINE.format(target="plain", text="Not worn ones."),
            "fixtures/baselines/exchange/other.yaml": BASELINE.format(target="other", text="No."),
        }
    )
    return sandbox.root


@pytest.fixture
def server(project):
    with Served(project=Project.find(project)) as server:
        yield server


def chat(server):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="k")


def test_chat_completions_say_it_whole_and_streamed(server):
    whole = chat(server).chat.completions.with_raw_response.create(model="any", messages=[SYSTEM, USER])
    reply = whole.parse()
    assert (reply.choices[0].message.content, reply.choices[0].finish_reason) == (
        "Yes within 30 days.",
        "stop",
    )
    assert (reply.model, reply.usage) == ("any", None)
    assert whole.headers["x-replay-answer"] == "fixture"
    assert whole.headers["x-replay-fixture"] == (
        "exchange messages[2]; its words, put into this wire: no model, params, usage or times are recorded"
    )
    stream = chat(server).chat.completions.create(model="any", messages=[SYSTEM, USER], stream=True)
    pieces = [chunk.choices[0].delta.content for chunk in stream if chunk.choices[0].delta.content]
    assert pieces == ["Yes", " within", " 30", " days."]


def test_responses_say_it_whole_and_streamed(server):
    asked = {"model": "any", "instructions": SYSTEM["content"], "input": USER["content"]}
    assert chat(server).responses.create(**asked).output_text == "Yes within 30 days."
    with chat(server).responses.stream(**asked) as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        assert stream.get_final_response().output_text == "".join(deltas) == "Yes within 30 days."


def test_anthropic_says_it_whole_and_streamed(server):
    client = anthropic.Anthropic(base_url=server.url, api_key="k")
    asked = {"model": "any", "max_tokens": 9, "system": SYSTEM["content"], "messages": [USER]}
    assert client.messages.create(**asked).content[0].text == "Yes within 30 days."
    with client.messages.stream(**asked) as stream:
        assert list(stream.text_stream) == ["Yes", " within", " 30", " days."]
        final = stream.get_final_message()
    assert (final.stop_reason, final.usage.output_tokens) == ("end_turn", 0)


def test_gemini_says_it_whole_and_streamed(server):
    client = genai.Client(api_key="k", http_options={"base_url": server.url})
    asked = {
        "model": "any",
        "contents": USER["content"],
        "config": {"system_instruction": SYSTEM["content"], "temperature": 1},
    }
    assert client.models.generate_content(**asked).text == "Yes within 30 days."
    pieces = [chunk.text for chunk in client.models.generate_content_stream(**asked)]
    assert "".join(filter(None, pieces)) == "Yes within 30 days."
    assert len(pieces) > 3


def test_a_tool_is_called_and_its_result_answered_whatever_ids_are_minted(server):
    tool = {"name": "lookup", "description": "Look up an order.", "input_schema": PARAMETERS}
    asked = {"model": "any", "max_tokens": 9, "tools": [tool]}
    client = anthropic.Anthropic(base_url=server.url, api_key="k")
    question = {"role": "user", "content": "Where is A-1?"}
    first = client.messages.create(**asked, messages=[question])
    (call,) = first.content
    assert (call.name, call.input, first.stop_reason) == ("lookup", {"order": "A-1"}, "tool_use")
    result = {"type": "tool_result", "tool_use_id": "toolu_9", "content": "shipped"}
    messages = [
        question,
        {"role": "assistant", "content": [call.model_dump(exclude_none=True) | {"id": "toolu_9"}]},
        {"role": "user", "content": [result]},
    ]
    assert client.messages.create(**asked, messages=messages).content[0].text == "It is shipped."


@pytest.mark.parametrize(("model", "text"), [("gpt-x", "Not worn ones."), ("gpt-y", "No."), ("gpt-z", "No.")])
def test_an_open_conversation_is_answered_by_what_was_accepted_of_that_model(server, model, text):
    messages = [SYSTEM, USER, {"role": "assistant", "content": "Yes within 30 days."}]
    body = {"model": model, "messages": [*messages, {"role": "user", "content": "And worn ones?"}]}
    answer = post(server, body)
    assert answer.json()["choices"][0]["message"]["content"] == text
    assert answer.headers["x-replay-fixture"].startswith("exchange as accepted of ")


def test_other_words_are_a_miss_that_names_the_nearest_place(server):
    missed = post(server, ask("Can I exchange boots?") | {"messages": [SYSTEM, USER | {"content": "Boots?"}]})
    lines = missed.json()["error"]["message"].splitlines()
    assert lines[0].endswith("holds no recording and cannot answer POST /v1/chat/completions")
    assert lines[1].startswith("of fixtures the closest is exchange messages[2]: messages[1].user")


def test_a_tool_that_the_fixture_does_not_have_is_a_miss(server):
    function = {"name": "other", "parameters": PARAMETERS}
    body = ask("Where is A-1?", tools=[{"type": "function", "function": function}])
    missed = post(server, body).json()["error"]["message"]
    assert "tools[0].name" in missed


def test_a_conversation_that_has_a_cassette_is_never_answered_from_its_fixture(project):
    cassettes = project / "fixtures" / "cassettes"
    cassette(cassettes / "order" / "plain.yaml", recorded(ask("Something else"), completion()))
    with Served(project=Project.find(project)) as server:
        tool = {"name": "lookup", "description": "Look up an order.", "parameters": PARAMETERS}
        body = ask("Where is A-1?", tools=[{"type": "function", "function": tool}])
        assert post(server, body).status_code == 400
        assert post(server, {"model": "m", "messages": [SYSTEM, USER]}).status_code == 200


def test_a_wire_whose_streams_cannot_be_written_says_so(server):
    body = {"model": "m", "stream": True, "messages": [SYSTEM, USER]}
    refused = post(server, body, "/v2/chat")
    assert refused.status_code == 400
    assert refused.json()["message"].startswith("error: what a fixture says cannot be streamed on the wire")
    assert post(server, body | {"stream": False}, "/v2/chat").status_code == 200


def test_one_fixture_is_served_by_its_file(project):
    with Served(project / "fixtures/conversations/order.yaml", project=Project.find(project)) as server:
        assert "1 fixtures without a cassette" in server.about
        assert post(server, {"model": "m", "messages": [SYSTEM, USER]}).status_code == 400
