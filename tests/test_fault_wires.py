"""Faults in the words of each wire: what its servers really say, as the official SDKs read it."""

import json

import httpx2
import openai
import pytest
from fault_bodies import SAID, cassette

from replay import faults
from replay.cassette.interaction import RecordedRequest, RecordedResponse
from replay.errors import FaultNotPlayed
from replay.faults._answer import Answer
from replay.faults._fault import Wire
from replay.providers import _aws_frames, _refusals, _wire, registry

RESPONSES = "https://api.openai.com/v1/responses"
ARRAY = "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/publishers/google/models/gemini-2.5-flash:streamGenerateContent"
CONVERSE = "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse"
COHERE, COHERE_V1 = "https://api.cohere.com/v2/chat", "https://api.cohere.com/v1/chat"


def item(said, status="completed"):
    content = [{"type": "output_text", "text": said, "annotations": []}]
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": status, "content": content}


def response(said=SAID, **more):
    about = {"id": "resp_1", "object": "response", "model": "gpt-4o-mini", "created_at": 1}
    return about | {"status": "completed", "output": [item(said)], "incomplete_details": None} | more


def responses_stream():
    begun = response(status="in_progress", output=[])
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    documents = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": item("") | {"content": []}},
        *({"type": "response.output_text.delta", "delta": part, **place} for part in ("On its ", SAID[7:])),
        {"type": "response.output_text.done", "text": SAID, **place},
        {"type": "response.output_item.done", "output_index": 0, "item": item(SAID)},
        {"type": "response.completed", "response": response()},
    ]
    numbered = [one | {"sequence_number": number} for number, one in enumerate(documents)]
    return [f"event: {one['type']}\ndata: {json.dumps(one, ensure_ascii=False)}\n\n" for one in numbered]


def array(parts, **last):
    items = [{"candidates": [{"content": {"parts": [{"text": part}], "role": "model"}}]} for part in parts]
    items[-1]["candidates"][0] |= last
    return "[" + ",\r\n".join(json.dumps(one, indent=2) for one in items) + "\n]"


def spoilt(fault, url, body):
    """A recorded body with a fault, and how the provider of its wire reads that."""
    (built,) = faults.built([fault])
    call = built.told(RecordedRequest("POST", url, {}, b"{}"))
    answer = built.spoil(call, Answer.of(RecordedResponse(200, "OK", {}, body.encode())))
    return answer, _wire.answer(call.provider, answer.status, {}, answer.body)


def asked_of_responses(path, pieces, fault, **more):
    body = {"model": "gpt-4o-mini", "input": "Where is my refund?", **more}
    transport = faults.built([fault])[0](cassette(path, (RESPONSES, body, pieces)).transport())
    client = openai.OpenAI(api_key="unused", max_retries=0, http_client=httpx2.Client(transport=transport))
    with client:
        answer = client.responses.create(**body)
        return list(answer) if more.get("stream") else answer


# -- Responses ---------------------------------------------------------------------------------------


def test_a_filter_leaves_a_response_incomplete(tmp_path):
    answer = asked_of_responses(tmp_path / "c.yaml", [json.dumps(response())], {"content_filter": "reply"})
    assert (answer.status, answer.incomplete_details.reason) == ("incomplete", "content_filter")
    assert answer.output_text == SAID[: len(SAID) // 2]
    assert answer.output[0].status == "incomplete"


def test_a_filter_ends_a_stream_of_responses_as_incomplete(tmp_path):
    fault = {"content_filter": "reply"}
    *before, last = asked_of_responses(tmp_path / "c.yaml", responses_stream(), fault, stream=True)
    assert last.type == "response.incomplete"
    assert last.response.incomplete_details.reason == "content_filter"
    half = SAID[: len(SAID) // 2]
    assert "".join(one.delta for one in before if one.type.endswith("text.delta")) == half
    assert last.response.output_text == half
    answer, read = spoilt(fault, RESPONSES, "".join(responses_stream()))
    assert b"event: response.completed" not in answer.body
    assert (read.reply.finish_reason, read.reply.message.text, read.error) == ("content_filter", half, None)


def test_openais_sdk_raises_the_error_in_a_stream_of_responses(tmp_path):
    with pytest.raises(openai.APIError, match="Something went wrong"):
        asked_of_responses(tmp_path / "c.yaml", responses_stream(), "error_event", stream=True)


# -- Cohere ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "body"),
    [
        (COHERE, {"message": {"content": [{"type": "text", "text": SAID}]}, "finish_reason": "COMPLETE"}),
        (COHERE_V1, {"text": SAID, "finish_reason": "COMPLETE"}),
    ],
)
def test_a_filter_stops_cohere_in_its_own_word(url, body):
    answer, read = spoilt({"content_filter": "reply"}, url, json.dumps(body))
    assert json.loads(answer.body)["finish_reason"] == "ERROR_TOXIC"
    assert read.reply.finish_reason == "content_filter"


def test_an_older_stream_of_cohere_ends_in_the_error_of_that_wire():
    said = [{"event_type": "text-generation", "text": part} for part in ("On its ", SAID[7:])]
    end = {"event_type": "stream-end", "finish_reason": "COMPLETE", "response": {"text": SAID}}
    answer, read = spoilt("error_event", COHERE_V1, "".join(f"{json.dumps(one)}\n" for one in [*said, end]))
    assert json.loads(answer.chunks[-1].data)["event_type"] == "stream-end"
    assert read.error.kind == "stream_error"


# -- Claude at others -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "kind", "words"),
    [
        (CONVERSE.replace("converse", "invoke"), "rate_limit", (429, "ThrottlingException")),
        (CONVERSE.replace("converse", "invoke"), "overloaded", (503, "ServiceUnavailableException")),
        ("https://aiplatform.googleapis.com/v1/x:rawPredict", "rate_limit", (429, "RESOURCE_EXHAUSTED")),
        ("https://api.anthropic.com/v1/messages", "rate_limit", (429, "rate_limit_error")),
    ],
)
def test_claude_is_refused_in_the_words_of_where_it_is_asked(url, kind, words):
    refusal = _refusals.of(registry.get("anthropic"), url).of(kind)
    told = json.dumps(refusal.body) + "".join(refusal.headers.values())
    assert refusal.status == words[0]
    assert words[1] in told


def test_google_refuses_a_key_and_vertex_a_token():
    gemini = registry.get("gemini")
    for host, status in (("generativelanguage", 400), ("aiplatform", 401), ("us-central1-aiplatform", 401)):
        refusal = _refusals.of(gemini, f"https://{host}.googleapis.com/v1/x").of("auth")
        assert refusal.status == refusal.body["error"]["code"] == status


def test_claude_on_bedrock_ends_a_stream_with_an_exception():
    event = _refusals.of(registry.get("anthropic"), CONVERSE.replace("converse", "invoke")).event
    assert event["error"] == "exception"


# -- arrays, frames, lists within others -----------------------------------------------------------------

PARTS = ("On its ", "way — ", "3 days.")


@pytest.mark.parametrize(
    ("fault", "texts"),
    [
        ({"duplicate_chunk": 1}, ["On its ", "On its ", "way — ", "3 days."]),
        ({"duplicate_chunk": 2}, ["On its ", "way — ", "way — ", "3 days."]),
        ("empty_choices", [None, *PARTS]),
        ({"empty_choices": 1}, ["On its ", None, "way — ", "3 days."]),
    ],
)
def test_an_array_stays_one_with_an_item_more(fault, texts):
    answer, _ = spoilt(fault, ARRAY, array(PARTS, finishReason="STOP"))
    found = [one["candidates"] for one in json.loads(answer.body)]
    assert [one[0]["content"]["parts"][0]["text"] if one else None for one in found] == texts


@pytest.mark.parametrize("after", [0, 1, 2])
def test_an_array_may_end_with_an_error(after):
    answer, read = spoilt({"error_event": after}, ARRAY, array(PARTS, finishReason="STOP"))
    assert [*map(list, json.loads(answer.body))] == [["candidates"]] * after + [["error"]]
    assert read.error.kind == ("stream_error" if after else "overloaded")


def test_a_malformed_frame_is_told_by_its_checksum():
    body = _aws_frames.framed(
        {"event": "contentBlockDelta", "data": json.dumps({"delta": {"text": part}})} for part in PARTS
    )
    call = Wire().told(RecordedRequest("POST", CONVERSE + "-stream", {}, b"{}"))
    answer = faults.build("malformed_chunk", 2).spoil(call, Answer.of(RecordedResponse(200, "", {}, body)))
    assert len(answer.body) == len(body)
    assert _aws_frames.frames(answer.body)[1] == {"damaged": len(answer.chunks[0].data)}


@pytest.mark.parametrize(
    ("url", "body"),
    [
        (CONVERSE, {"output": {"message": {"content": [{"text": SAID}]}}, "stopReason": "end_turn"}),
        (COHERE, {"message": {"content": [{"type": "text", "text": SAID}]}, "finish_reason": "COMPLETE"}),
    ],
)
def test_an_empty_list_is_found_within_others(url, body):
    answer, read = spoilt("empty_choices", url, json.dumps(body))
    assert read.reply.message.text == ""
    assert json.loads(answer.body).keys() == body.keys()


def test_what_has_no_list_has_no_place_for_an_empty_one():
    with pytest.raises(FaultNotPlayed, match="no list of choices"):
        spoilt("empty_choices", "http://localhost:11434/api/chat", json.dumps({"message": {"content": SAID}}))
