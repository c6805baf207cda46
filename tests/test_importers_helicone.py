"""Helicone's exports: both bodies as they went over the wire, in every format of the export."""

import json

import pytest
from importing import green, imported, lines, logged

from replay import importers
from replay.importers import helicone

ASKED = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": 'Say "hi",\nplease.'}], "stop": ""}
USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
CHOICE = {"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}
ANSWER = {
    "id": "c-1",
    "object": "chat.completion",
    "model": "gpt-4o-mini",
    "choices": [CHOICE],
    "usage": USAGE,
}
EVENTS = 'data: {"id":"c","choices":[{"index":0,"delta":{"content":"Hi."}}]}\n\ndata: [DONE]\n\n'


def record(answer=ANSWER, request=ASKED, **more):
    return {
        "response_id": "r-1",
        "response_created_at": "2026-03-04T10:11:13.000Z",
        "response_body": answer,
        "response_status": 200,
        "request_id": "q-1",
        "request_created_at": "2026-03-04T10:11:12.000Z",
        "request_body": request,
        "request_path": "https://api.openai.com/v1/chat/completions",
        "request_model": "gpt-4o-mini",
        "request_properties": {
            "Helicone-Session-Id": "s-1",
            "Helicone-Session-Name": "shop",
            "team": "support",
        },
        "provider": "OPENAI",
        **more,
    }


RECORDS = [record(request=ASKED | {"seed": number}) for number in range(2)]
FORMS = {
    "helicone.jsonl": lines(*RECORDS),
    "helicone.json": json.dumps(RECORDS, indent=2),
    "query.json": json.dumps({"data": RECORDS}),
}


@pytest.mark.parametrize("name", FORMS)
def test_requests_play_as_they_were_answered(name, sandbox):
    outcome = imported(sandbox, {name: FORMS[name]})
    assert (outcome.imported, outcome.refused) == (2, 0)
    for conversation, turn in green(sandbox):
        assert conversation.messages[0].content == 'Say "hi",\nplease.'
        assert conversation.source["recorded_at"] == "2026-03-04T10:11:12Z"
        assert (turn.reply.message.text, turn.reply.finish_reason) == ("Hi.", "stop")
        assert turn.reply.usage.to_json() == USAGE


def test_sessions_are_threads_and_other_properties_tags(tmp_path):
    (one,) = logged(helicone, tmp_path, lines(record()))
    assert (one.thread, one.tags, one.model) == ("s-1", ("team:support",), "gpt-4o-mini")
    assert (one.derived, one.source["id"]) == ("", "q-1")


def test_a_stream_is_its_events_where_they_were_kept(tmp_path):
    asked = ASKED | {"stream": True}
    events, joined = logged(
        helicone, tmp_path, lines(record({"streamed_data": EVENTS}, asked), record(ANSWER, asked))
    )
    assert (events.response, events.derived) == (EVENTS.encode(), "")
    assert json.loads(joined.response) == ANSWER
    assert joined.derived == "helicone keeps the answer of a stream put together, not its events"


def test_of_helicones_own_hosts_the_path_counts(tmp_path):
    (one,) = logged(
        helicone, tmp_path, lines(record(request_path="https://oai.helicone.ai/v1/chat/completions"))
    )
    assert one.url == "/v1/chat/completions"


def test_errors_keep_their_status(sandbox):
    error = {"error": {"message": "slow down", "type": "requests", "code": "rate_limit_exceeded"}}
    imported(sandbox, {"h.jsonl": lines(record(error, response_status=429))})
    ((_, turn),) = green(sandbox)
    assert (turn.error.status, turn.error.kind) == (429, "rate_limit")


NAMES = [
    "response_id",
    "response_status",
    "request_created_at",
    "request_body",
    "request_properties",
    "model",
]


def cell(value):
    """As the export tool writes it: an object is quoted twice."""
    if isinstance(value, dict):
        value = json.dumps(value).replace('"', '""')
    return '"' + str(value).replace('"', '""') + '"'


def test_a_table_has_requests_that_wait_for_their_answer(tmp_path):
    values = {**record(), "model": "gpt-4o-mini"}
    row = ",".join(cell(values[name]) for name in NAMES)
    broken = f'"r-2","200","two\nlines",{cell({})},"",'
    text = "\n".join([",".join(NAMES), row, broken, "r-3,200", row]) + "\n"
    assert importers.sniffed(text.encode()) == ["helicone"]
    first, empty, short, last = logged(helicone, tmp_path, text, "output.csv")
    for one, place in ((first, "line 2"), (last, "line 6")):
        assert (one.refused, one.place, one.thread) == ("", place, "s-1")
        assert json.loads(one.request) == ASKED
        assert one.notes == ("its answer was not kept",)
    assert (empty.place, short.place) == ("line 3", "line 5")
    assert short.refused == "it has 2 columns, not 6"
    assert json.loads(empty.request) == {}


def test_what_was_not_kept_is_named(tmp_path):
    records = [
        record(signed_body_url="https://s3.example/x", request_body=None),
        record(request={"heliconeMessage": "too large"}),
        record(request="text"),
        record(response_status=-3),
        record(None),
        {"request_body": {"messages": []}, "request_path": 7, "request_properties": [], "response_body": 7},
    ]
    found = logged(helicone, tmp_path, lines(*records))
    assert [one.refused for one in found] == [
        "its bodies were not exported: export with --include-body",
        "its request body was not kept",
        "its request body was not kept",
        "it was not answered (status -3)",
        "",
        "it was not answered (status None)",
    ]
    assert found[4].notes == ("its answer was not kept",)


def test_helicone_is_told_from_other_documents():
    for text in FORMS.values():
        assert importers.sniffed(text.encode()) == ["helicone"]
