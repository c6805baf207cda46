"""Two requests are the same question, or the nearest one is named with the place where it differs."""

import json
import time

import pytest

from replay.cassette.interaction import Interaction, RecordedRequest, RecordedResponse
from replay.cassette.lookup import Lookup
from replay.cassette.match import key
from replay.cassette.nearest import Nearest, nearest

JSON = {"content-type": "application/json"}


def ask(body, uri="https://api.test/v1/chat/completions", method="POST", headers=JSON):
    return RecordedRequest(
        method, uri, headers, body if isinstance(body, bytes) else json.dumps(body).encode()
    )


def recorded(*bodies):
    return [Interaction(ask(body), RecordedResponse(200, body=b"%d" % n)) for n, body in enumerate(bodies)]


def tool_turn(first, second):
    return {
        "messages": [
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": first, "function": {"name": "f"}},
                    {"id": second, "function": {"name": "g"}},
                ],
            },
            {"role": "tool", "tool_call_id": first, "content": "1"},
            {"role": "tool", "tool_call_id": second, "content": "2"},
        ]
    }


def anthropic_turn(call):
    use = {"type": "tool_use", "id": call, "name": "f", "input": {"id": "kept"}}
    return {"messages": [{"content": [use]}, {"content": [{"type": "tool_result", "tool_use_id": call}]}]}


def responses_turn(call, item):
    return {
        "input": [
            {"type": "function_call", "id": item, "call_id": call, "name": "f"},
            {"type": "function_call_output", "call_id": call, "output": "1"},
        ]
    }


def backwards(value):
    """The same JSON with the fields of every object in the other order."""
    if isinstance(value, list):
        return [backwards(item) for item in value]
    if isinstance(value, dict):
        return {key: backwards(item) for key, item in reversed(value.items())}
    return value


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ask({"a": 1, "b": [1.0, -0.0]}), ask(b'{"b":[1,0],"a":1}')),
        (ask(responses_turn("call", "item")), ask(backwards(responses_turn("call", "item")))),
        (ask({}), ask({}, uri="http://localhost:8000/v1/chat/completions")),
        (ask({}, uri="http://x/p?b=2&a=1"), ask({}, uri="http://x/p?a=1&b=2")),
        (ask(b"", uri="http://x", method="get"), ask(b"", uri="http://x/", method="GET")),
        (ask({}, headers={}), ask({}, headers={"authorization": "x", "user-agent": "y"})),
        (ask(tool_turn("call_a", "call_b")), ask(tool_turn("call_x", "call_y"))),
        (ask(anthropic_turn("toolu_1")), ask(anthropic_turn("toolu_2"))),
        (ask(responses_turn("call_1", "fc_1")), ask(responses_turn("call_2", "fc_2"))),
        (ask({"tools": [], "stop": None}), ask({})),
        (
            ask({"messages": [{"role": "a", "content": None, "tool_calls": []}]}),
            ask({"messages": [{"role": "a"}]}),
        ),
        (
            ask({"tools": [{"type": "function", "function": {"name": "f", "description": None}}]}),
            ask({"tools": [{"type": "function", "function": {"name": "f"}}]}),
        ),
        (
            ask(b"--aa\r\nx\r\n--aa--", headers={"content-type": 'multipart/form-data; boundary="aa"'}),
            ask(b"--bb\r\nx\r\n--bb--", headers={"content-type": "multipart/form-data; boundary=bb"}),
        ),
        (
            ask(b"a=1&b=%20", headers={"content-type": "application/x-www-form-urlencoded"}),
            ask(b"b=+&a=1", headers={"content-type": "application/x-www-form-urlencoded"}),
        ),
    ],
)
def test_these_are_the_same_question(one, other):
    assert key(one) == key(other)


def backwards(value):
    """The same JSON with the fields of every object in the other order."""
    if isinstance(value, list):
        return [backwards(item) for item in value]
    if isinstance(value, dict):
        return {key: backwards(item) for key, item in reversed(value.items())}
    return value


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ask({"a": 1}), ask({"a": True})),
        (ask({"a": 1}), ask({"a": "1"})),
        (ask({"stop": "a"}), ask({"stop": None})),
        (ask({"a": {"b": None}}), ask({"a": {}})),
        (ask({}), ask({}, uri="https://api.test/v1/embeddings")),
        (ask({}), ask({}, method="PUT")),
        (ask({}, uri="http://x/p?a=1"), ask({}, uri="http://x/p?a=2")),
        (ask(tool_turn("call_a", "call_b")), ask(tool_turn("call_a", "call_a"))),
        (ask({"messages": [{"id": "a"}]}), ask({"messages": [{"id": "b"}]})),
        (ask(b"\xff"), ask(b"\xfe")),
        (ask(b"not json"), ask(b"not json either")),
    ],
)
def test_these_are_not(one, other):
    assert key(one) != key(other)


def test_arguments_of_a_tool_call_are_not_taken_for_ids():
    body = anthropic_turn("toolu_1")
    other = anthropic_turn("toolu_1")
    other["messages"][0]["content"][0]["input"]["id"] = "changed"
    assert key(ask(body)) != key(ask(other))


@pytest.mark.parametrize(
    "path", ["user", "params.user", "metadata.*", "messages[0].content", "messages[*].name"]
)
def test_ignored_paths_do_not_count(path):
    message = {"role": "user", "content": "a", "name": "n1"}
    body = {"user": "u1", "metadata": {"run": 1}, "messages": [message]}
    changed = json.loads(json.dumps(body))
    place = path.removeprefix("params.").partition("[")[0].partition(".")[0]
    changed[place] = {"user": "u2", "metadata": {"run": 2}, "messages": [message]}[place]
    if place == "messages":
        changed["messages"] = [message | ({"content": "b"} if "content" in path else {"name": "n2"})]
    assert key(ask(body)) != key(ask(changed))
    assert key(ask(body), [path]) == key(ask(changed), [path])


def test_a_body_nested_deeper_than_python_walks_is_compared_by_its_bytes():
    deep = b"[" * 600 + b"]" * 600
    assert key(ask(deep)) == key(ask(deep))
    assert key(ask(deep)) != key(ask(b"[" * 601 + b"]" * 601))


def test_equal_requests_are_answered_in_recorded_order_and_then_no_more():
    lookup = Lookup(recorded({"q": 1}, {"q": 2}, {"q": 1}), key)
    assert [lookup.take(ask({"q": 1})), lookup.take(ask(b'{"q":1}')), lookup.take(ask({"q": 1}))] == [
        0,
        2,
        None,
    ]
    assert lookup.missed(ask({"q": 1})) == (3, 2)
    assert lookup.missed(ask({"q": 1})) == (4, 2)
    assert lookup.unplayed == (1,)


def test_the_nearest_interaction_is_named_with_the_path_that_differs():
    first = {"model": "m", "temperature": 0, "messages": [{"role": "user", "content": "weather?"}]}
    second = first | {
        "messages": [{"role": "user", "content": "refunded"}, {"role": "assistant", "content": "ok"}]
    }
    asked = second | {
        "temperature": 0.2,
        "messages": [{"role": "user", "content": "Refunded."}, second["messages"][1]],
    }
    index, found = nearest(ask(asked), recorded(first, second))
    assert index == 1
    places = {one.path: (one.before, one.after) for one in found}
    assert places == {"messages[0].content": ("refunded", "Refunded."), "temperature": (0, 0.2)}
    line = Nearest(recorded(first, second)).describe(ask(asked))
    assert line.startswith("closest is #2: ")
    assert 'messages[0].content differs ("Refunded." was "refunded")' in line


def test_a_run_that_misses_everywhere_is_not_slowed_down_by_a_large_cassette():
    bodies = [
        {"model": "old", "messages": [{"role": "user", "content": f"question {n}"}]} for n in range(3000)
    ]
    finder = Nearest(recorded(*bodies))
    began = time.process_time()
    for n in range(0, 3000, 100):
        assert finder.find(ask(bodies[n] | {"model": "new"}))[0] == n
    assert time.process_time() - began < 1


def test_a_different_path_is_named():
    _, found = nearest(ask({}, uri="https://api.test/v2/x"), recorded({}))
    assert [str(one) for one in found] == ['path differs ("/v2/x" was "/v1/chat/completions")']


def test_a_key_in_the_query_is_no_part_of_the_question():
    url = "https://generativelanguage.googleapis.com/v1beta/models/m:streamGenerateContent?alt=sse&key="
    assert key(ask({}, f"{url}one")) == key(ask({}, f"{url}other"))
    assert key(ask({}, f"{url}one")) != key(ask({}, url.replace("alt=sse", "alt=json") + "one"))
