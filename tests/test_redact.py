"""Redaction: nothing planted comes through, nothing else changes, and a redacted recording still matches."""

import base64
import json
import os
import random
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import (
    ALL,
    ENCODINGS,
    FRAMES,
    NAMED,
    OPAQUE,
    PERSONAL,
    PREFIXED,
    STREAMS,
    TEXTS,
    answered,
    asked,
    chat_text,
    chunk,
    everything,
    in_a_sentence,
    in_field,
    recall,
    redacted,
    split,
    sse,
)

from replay.cassette._patterns import KEYS, SHAPES
from replay.cassette._pseudonyms import luhn, mod97
from replay.cassette.interaction import Failure, RecordedRequest, RecordedResponse
from replay.cassette.redact import Redactor
from replay.config import Project
from replay.errors import BadInput

SALT = "a salt"


def deltas(body):
    for line in body.split(b"\n"):
        if line.startswith(b"data: {"):
            delta = json.loads(line[6:])["choices"][0]["delta"]
            yield delta.get("content") or ""
            yield from (call["function"].get("arguments", "") for call in delta.get("tool_calls", ()))


def test_a_known_value_comes_through_nowhere():
    places = (*NAMED, *TEXTS, *STREAMS, *FRAMES)
    figure, missed, _ = recall(ALL, places, lambda text: Redactor(SALT, [text]), random.Random(7))
    assert figure == 1, missed


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
def test_a_known_value_comes_through_in_no_encoding(encode):
    rng = random.Random(3)
    for kind, make in ALL.items():
        for place in rng.sample((*TEXTS, *STREAMS, *FRAMES, in_field), 3):
            text = make(rng)
            exchange = place(f"<{encode(text)}>", rng)
            assert text in everything(exchange), (kind, place.__name__)
            assert text not in everything(redacted(Redactor(SALT, [text]), exchange)), (kind, place.__name__)


@pytest.mark.parametrize("place", [*TEXTS, *STREAMS, *FRAMES])
def test_well_known_keys_are_found_wherever_they_stand(place):
    figure, missed, _ = recall(PREFIXED, [place], lambda _: Redactor(SALT), random.Random(7), times=2)
    assert figure >= 0.99, missed


def test_every_pattern_is_of_a_kind_that_is_planted():
    rng, redactor = random.Random(5), Redactor(SALT)
    found = {kind for make in PREFIXED.values() for _ in range(9) for kind, _ in redactor.find(make(rng))}
    patterns = {kind for kind, *_ in (*KEYS, *SHAPES)}
    assert patterns - found == {"authorization", "password in a URL"}  # found in other tests


@pytest.mark.parametrize("place", [*TEXTS, *STREAMS, *FRAMES])
def test_personal_data_is_found_wherever_it_stands(place):
    figure, missed, _ = recall(PERSONAL, [place], lambda _: Redactor(SALT), random.Random(7), times=4)
    assert figure >= 0.99, missed


@pytest.mark.parametrize("place", NAMED)
def test_headers_parameters_and_fields_named_as_secret_keep_no_value(place):
    kinds = PREFIXED | OPAQUE
    figure, missed, _ = recall(kinds, [place], lambda _: Redactor(SALT), random.Random(7), times=4)
    assert figure == 1, missed


def test_keys_without_a_prefix_are_found_by_what_is_said_around_them():
    kinds = {kind: make for kind, make in OPAQUE.items() if kind != "password"}
    figure, missed, _ = recall(kinds, [in_a_sentence], lambda _: Redactor(SALT), random.Random(7), times=40)
    assert figure >= 0.9, missed


def test_hashes_and_ids_are_no_keys():
    rng, redactor = random.Random(4), Redactor(SALT)
    for text in (
        "commit {} fixes the login",
        "The SHA-256 of the file is {}",
        '{{"id": "{}", "key": "blue"}}',
        '{{"secret_name": "db", "etag": "{}"}}',
        "trace {} took 5 s; see https://x.example.com/d/{}/edit",
        "primary key {} is taken",
    ):
        for make in (OPAQUE["azure"], OPAQUE["cohere"], OPAQUE["uuid"]):
            said = text.format(make(rng), "1")
            assert redactor.text(said) == said


def test_shapes_of_credentials_that_have_no_prefix():
    redactor = Redactor(SALT)
    for text, secret in (
        ("postgres://app:hunter2hunter@db.internal:5432/x", "hunter2hunter"),
        ("curl -H 'Authorization: Bearer abcdef0123456789abcdef'", "abcdef0123456789abcdef"),
        ("export COHERE_API_KEY=abcdefgh12345678", "abcdefgh12345678"),
        ("my api key: zyxwvut98765432", "zyxwvut98765432"),
        ("client = Client(api_key='abcdefgh12345678')", "abcdefgh12345678"),
        (
            "https://hooks.slack.com/services/T0ABCDEFG/B0ABCDEFG/abcdefghijklmnopqrstuvwx",
            "abcdefghijklmnopqrstuvwx",
        ),
    ):
        assert secret not in redactor.text(text), text


def test_what_only_looks_like_a_secret_is_left_alone():
    redactor = Redactor(SALT)
    for body in (
        {"usage": {"prompt_tokens": 5, "completion_tokens": 7, "max_tokens": 9}},
        {
            "logprobs": {
                "content": [{"token": "abc12345", "logprob": -0.5, "bytes": [97], "top_logprobs": []}]
            }
        },
        {"type": "thinking", "signature": "EqQBCkYIBxgCKkA12345678abcdefgh"},
        {"encrypted_content": "gAAAAABo12345678abcdefgh", "prompt_cache_key": "abc12345678"},
        {
            "properties": {"password": {"type": "string"}, "api_key": {"type": "string"}},
            "required": ["password"],
        },
        {"text": "max_tokens=4096, next_page_token: abc12345, version 1.2.3.4, ratio 12:30:45, a::b"},
        {"text": "api_key = os.environ['OPENAI_API_KEY'] # or <your-api-key>, password: ******** "},
        {"id": 4111111111111111, "created": 1700000000, "image": base64.b64encode(os.urandom(3000)).decode()},
        {"text": "The secret: patience. Author: key staff; git@github.com:a/b.git on 10.0.0.1, 127.0.0.1"},
    ):
        raw = json.dumps(body).encode()
        request = RecordedRequest("POST", "https://api.example.com/v1/x?api-version=2024-10-21", {}, raw)
        assert redactor.request(request) == request
        assert redactor.request(request).body is raw
        assert redactor.find(raw) == []


def test_only_the_value_changes():
    raw = b'{ "t":1e-05,"x" : 1.0, "a":"caf\\u00e9 \\/ caf\xc3\xa9 bob.b@corp.example.com\\n", "n":1E5}'
    out = Redactor(SALT).request(RecordedRequest("POST", "https://x/y", {}, raw)).body
    assert re.sub(rb"u-[0-9a-f]{8}@redacted\.invalid", b"bob.b@corp.example.com", out) == raw


def test_a_stream_keeps_its_events_chunks_and_times():
    rng = random.Random(5)
    key = PREFIXED["openai project"](rng)
    before = sse([chunk(content=part) for part in ["Use ", key[:9], key[9:30], key[30:], " now"]])
    cut = replace(before, chunks=tuple((place / 2, 37) for place in range(len(before.body) // 37 + 1)))
    cut = replace(cut, chunks=(*cut.chunks[:-1], (99.0, len(before.body) % 37)))
    redactor = Redactor(SALT)
    after, recut = redactor.response(before), redactor.response(cut)
    assert list(deltas(after.body)) == ["Use ", redactor.text(key), "", "", " now"]
    assert [time for time, _ in after.chunks] == [time for time, _ in before.chunks]
    assert [time for time, _ in recut.chunks] == [time for time, _ in cut.chunks]
    assert sum(size for _, size in after.chunks) == len(after.body) == sum(size for _, size in recut.chunks)
    ends, done = [], 0
    for _, size in after.chunks:
        done += size
        ends.append(after.body[done - 2 : done])
    assert set(ends) == {b"\n\n"}


def test_other_streams_are_joined_too():
    redactor, key = Redactor(SALT), "sk-ant-" + "a1B2" * 12
    responses = [
        {
            "type": "response.output_text.delta",
            "item_id": "m1",
            "output_index": 0,
            "content_index": 0,
            "delta": part,
        }
        for part in (key[:10], key[10:])
    ]
    anthropic = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": part}}
        for part in (key[:10], key[10:])
    ]
    for events in (responses, anthropic):
        body = b"".join(b"event: x\r\ndata: %s\r\n\r\n" % json.dumps(event).encode() for event in events)
        out = redactor.response(RecordedResponse(200, body=body)).body
        assert key[10:].encode() not in out
        assert redactor.text(key).encode() in out
    lines = b"".join(
        json.dumps({"model": "m", "message": {"role": "assistant", "content": part}}).encode() + b"\n"
        for part in (key[:10], key[10:])
    )
    assert key[10:].encode() not in redactor.response(RecordedResponse(200, body=lines)).body


def logprob(token):
    one = {"token": token, "logprob": -0.25, "bytes": list(token.encode())}
    return one | {"top_logprobs": [one, {"token": '["', "logprob": -9.0, "bytes": [91, 34]}]}


@pytest.mark.parametrize("streamed", [False, True])
def test_the_tokens_that_logprobs_repeat_are_hidden_with_the_text(streamed):
    rng = random.Random(8)
    for kind in ("openai project", "github", "jwt"):
        key = PREFIXED[kind](rng)
        tokens = ["Use", " é", *split(f" {key}", rng), " now", "."]
        if streamed:
            events = [chunk(content=token) for token in tokens]
            for event, token in zip(events, tokens, strict=True):
                event["choices"][0]["logprobs"] = {"content": [logprob(token)]}
            before = sse(events)
        else:
            choice = {
                "message": {"content": "".join(tokens)},
                "logprobs": {"content": [*map(logprob, tokens)]},
            }
            before = answered({"choices": [choice]})
        redactor = Redactor(SALT)
        after = redactor.response(before)
        assert redactor.response(after) == after
        assert redactor.find(before.body)
        found = re.findall(
            r'"token": ("(?:[^"\\]|\\.)*"), "logprob": -0.25, "bytes": (\[[^\]]*\])', after.body.decode()
        )
        texts, spelled = (
            [json.loads(text) for text, _ in found],
            [bytes(json.loads(data)) for _, data in found],
        )
        assert key not in "".join(texts)
        assert redactor.text(key) in "".join(texts)
        assert key.encode() not in b"".join(spelled)
        assert texts[:2] == ["Use", "Use"]
        assert texts[-1] == "."


def test_two_choices_of_one_stream_are_not_mixed():
    def event(index, text):
        return {"choices": [{"index": index, "delta": {"content": text}}]}

    key = "sk-" + "a1B2" * 12
    body = b"".join(
        b"data: %s\n\n" % json.dumps(event(index, part)).encode()
        for part in (key[:10], key[10:], " done")
        for index in (0, 1)
    )
    out = Redactor(SALT).response(RecordedResponse(200, body=body)).body.decode()
    texts = {0: "", 1: ""}
    for line in filter(None, out.splitlines()):
        choice = json.loads(line[6:])["choices"][0]
        texts[choice["index"]] += choice["delta"]["content"]
    assert texts[0] == texts[1] == Redactor(SALT).text(key) + " done"


def test_headers_are_kept_by_list():
    response = RecordedResponse(
        429,
        headers={
            "Content-Type": ["application/json"],
            "Retry-After": ["2"],
            "x-ratelimit-remaining-tokens": ["100"],
            "openai-processing-ms": ["12"],
            "x-request-id": ["req_0123456789"],
            "content-encoding": ["br"],
            "content-length": ["5"],
            "set-cookie": ["a=b"],
        },
    )
    redactor = Redactor(SALT)
    headers = redactor.response(response).headers
    assert headers.pop("x-request-id")[0].startswith("REDACTED-id-")
    assert headers == {
        "Content-Type": ["application/json"],
        "Retry-After": ["2"],
        "x-ratelimit-remaining-tokens": ["100"],
        "openai-processing-ms": ["12"],
        "content-encoding": ["br"],  # a body in an encoding that could not be undone
    }
    once = redactor.response(response)
    assert redactor.response(once) == once


def test_a_transport_error_says_nothing_secret():
    failure = Failure("ConnectError", "cannot reach https://bob:hunter2@host/")
    out = Redactor(SALT).response(RecordedResponse(None, failure=failure)).failure
    assert out.exception == "ConnectError"
    assert "hunter2" not in out.message
    assert "host" in out.message


def test_pseudonyms_keep_the_shape():
    rng, redactor = random.Random(2), Redactor(SALT)
    for _ in range(50):
        assert re.fullmatch(r"u-[0-9a-f]{8}@redacted\.invalid", redactor.text(PERSONAL["email"](rng)))
        assert re.fullmatch(r"\+155501\d{8}", redactor.text(PERSONAL["phone"](rng)))
        card = redactor.text(PERSONAL["card"](rng))
        assert re.fullmatch(r"400000\d{10}", card)
        assert luhn(card[:-1]) == int(card[-1])
        iban = redactor.text(PERSONAL["iban"](rng))
        assert iban.startswith("ZZ")
        assert mod97(iban) == 1
    assert re.fullmatch(r"4000 00\d\d \d{4} \d{4}", redactor.text("4111 1111 1111 1111"))
    assert re.fullmatch(r"4000-00\d{4}-\d{5}", redactor.text("3782-822463-10005"))
    assert redactor.text("4111 1111 1111 1111").replace(" ", "") == redactor.text("4111111111111111")
    assert redactor.text("2606:2800:220:1:248:1893:25c8:1946").startswith("2001:db8::")
    field = redactor.json({"api_key": "3f2504e0-4f89-41d3-9a0c-0305e82c3301"})
    assert re.fullmatch(r"[0-9a-f]{8}-0000-8000-8000-0{12}", field["api_key"])


def test_the_salt_decides_and_one_value_has_one_pseudonym():
    key = PREFIXED["openai"](random.Random(1))
    assert Redactor("a").text(key) != Redactor("b").text(key)
    one = Redactor("a", ["an opaque value"])
    bearer = one.json({"authorization": f"Bearer {key}"})["authorization"]
    assert bearer == one.text(key) == one.json([json.dumps({"k": key})])[0][7:-2]
    assert one.text("(an opaque value)")[1:-1] == one.json({"password": "an opaque value"})["password"]


def test_personal_data_can_be_dropped_or_kept():
    texts = ["a.b@corp.example.com", "+4915112345678", "sk-" + "a1B2" * 12]
    drop, keep = Redactor(SALT, pii="drop"), Redactor(SALT, pii="keep")
    assert drop.text(texts[0]) == drop.text("c.d@corp.example.com") == "u-00000000@redacted.invalid"
    assert drop.text(drop.text(" ".join(texts))) == drop.text(" ".join(texts))
    assert [keep.text(text) == text for text in texts] == [True, True, False]


def test_terms_are_hidden_as_whole_words_in_any_case():
    redactor = Redactor(SALT, terms=["Ada Lovelace", "Müller"])
    raw = json.dumps({"a": "ada lovelace met Müller and Müllers", "b": "\nADA LOVELACE"}).encode()
    out = redactor.request(RecordedRequest("POST", "https://x", {}, raw)).body
    assert len(re.findall(rb"REDACTED-term-[0-9a-f]{8}", out)) == 3
    assert json.loads(out)["a"].endswith("and Müllers")


def test_a_value_too_short_to_be_a_secret_is_not_taken_for_one():
    assert Redactor(SALT, ["ollama", ""]).text("ollama is fine") == "ollama is fine"


def test_binary_bodies_are_searched_for_known_values_only():
    raw = b"\x00\x01\xff bob@corp.example.com a-known-value \x00"
    out = Redactor(SALT, ["a-known-value"]).response(RecordedResponse(200, body=raw)).body
    assert b"bob@corp.example.com" in out
    assert b"a-known-value" not in out


def test_find_names_kind_and_place_and_never_the_value():
    redactor, key = Redactor(SALT, ["a-known-value"]), PREFIXED["github"](random.Random(1))
    text = f'é a-known-value {key} {{"password": "pw"}} x@corp.example.com'
    found = redactor.find(text)
    assert [kind for kind, _ in found] == ["known value", "GitHub token", "field password", "email"]
    assert [text[place:].split(maxsplit=1)[0] for _, place in found[:2]] == ["a-known-value", key]
    assert redactor.find(redactor.text(text)) == []
    stream = sse([chunk(content=part) for part in (key[:8], key[8:])]).body
    headers = "request:\n  headers:\n    X-Api-Key:\n    - abcd1234efgh\n    cookie: ['a']\n"
    assert redactor.find(headers) == [("field X-Api-Key", headers.index("abcd1234efgh"))]
    assert redactor.find(stream) == [("GitHub token", stream.index(key[:8].encode()))]


def test_the_echo_of_a_redacted_answer_matches():
    """The next request of a recording holds the raw answer, the next request of a replay its pseudonyms."""
    rng, redactor = random.Random(11), Redactor(SALT)
    for kind, make in (PREFIXED | PERSONAL).items():
        text = make(rng)
        answer = redactor.response(chat_text(text, rng))
        raw, played = f"Here: {text} — so", "".join(deltas(answer.body))

        def echo(said):
            history = [{"role": "assistant", "content": said}, {"role": "user", "content": "and?"}]
            return asked({"messages": history})

        assert redactor.request(echo(raw)) == redactor.request(echo(played)), kind


@pytest.mark.parametrize("kind", [*PERSONAL, "openai", "mistral"])
def test_requests_that_differ_only_in_a_value_stay_different(kind):
    rng, redactor = random.Random(13), Redactor(SALT)
    values = {ALL[kind](rng) for _ in range(400)}
    bodies = {
        redactor.request(asked({"user": v, "password": v, "content": f"I am {v}"})).body for v in values
    }
    assert len(bodies) == len(values)


PIECES = st.sampled_from(
    [make(random.Random(place)) for place, make in enumerate(ALL.values())]
    + [
        '"password": "',
        '\\"token\\": \\"',
        '"',
        "\\",
        "\\\\",
        "\n",
        "=",
        "api_key=",
        "?key=",
        "://a:",
        "@",
        "é",
        ":",
        "+1",
        "4",
    ]
    + ["REDACTED-key-0123abcd", "u-0123abcd@redacted.invalid", "data: {", "the-known-value", "Ada"]
)


@settings(max_examples=300)
@given(st.lists(PIECES | st.text(max_size=6), max_size=8).map("".join))
def test_redacting_twice_is_redacting_once(text):
    redactor = Redactor(SALT, ["the-known-value"], ["Ada"])
    once = redactor.text(text)
    assert redactor.text(once) == once
    assert redactor.find(once) == []


@settings(max_examples=200)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | PIECES,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["a", "password", "content", "api_key"]), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_json_stays_json_of_the_same_structure(value):
    redactor = Redactor(SALT)
    value = [value]
    for written in (json.dumps(value), json.dumps(value, ensure_ascii=False), json.dumps(json.dumps(value))):
        same_shape(json.loads(written), json.loads(redactor.text(written)))


@settings(max_examples=200)
@given(st.lists(PIECES | st.text(max_size=4), max_size=8), st.booleans(), st.booleans(), st.randoms())
def test_a_stream_stays_a_stream_of_the_same_events(texts, as_arguments, ascii_only, rng):
    parts = split("".join(texts), rng) if rng.random() < 0.7 else texts
    deltas_of = [
        {"tool_calls": [{"index": 0, "function": {"arguments": part}}]} if as_arguments else {"content": part}
        for part in parts
    ]
    lines = [
        f"data: {json.dumps(chunk(**delta), ensure_ascii=ascii_only)}\n\n".encode("utf-8", "surrogatepass")
        for delta in deltas_of
    ]
    before = RecordedResponse(200, body=b"".join(lines), chunks=tuple((1.0, len(line)) for line in lines))
    redactor = Redactor(SALT, ["the-known-value"], ["Ada"])
    after = redactor.response(before)
    assert redactor.response(after) == after
    assert sum(size for _, size in after.chunks) == len(after.body)
    place = 0
    for (_, size), line in zip(after.chunks, lines, strict=True):
        event, place = after.body[place : place + size], place + size
        assert event.endswith(b"\n\n")
        same_shape(json.loads(line[6:]), json.loads(event[6:]))
    assert "the-known-value" not in "".join(deltas(after.body))


def same_shape(one, other):
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert len(one) == len(other)
        for mine, theirs in zip(one.values(), other.values(), strict=True):
            same_shape(mine, theirs)
    elif isinstance(one, list):
        assert len(one) == len(other)
        for mine, theirs in zip(one, other, strict=True):
            same_shape(mine, theirs)
    elif not isinstance(one, str):
        assert one == other


def project(tmp_path, **table):
    return Project(tmp_path, settings={"redaction": table})


def test_a_project_says_salt_terms_and_pii(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "environment-value")
    monkeypatch.setenv("SOME_KEY_FILE", "/etc/keys/my.pem")
    monkeypatch.delenv("REPLAY_SALT", raising=False)
    redactor = Redactor.for_project(
        project(tmp_path, salt="s", terms=["Ada"], pii="keep"), {"A_KEY": "live-value", "B_KEY": None}
    )
    out = redactor.text("environment-value live-value Ada a@corp.example.com /etc/keys/my.pem")
    assert re.fullmatch(
        r"REDACTED-key-\w+ REDACTED-key-\w+ REDACTED-term-\w+ a@corp.example.com /etc/keys/my.pem", out
    )
    monkeypatch.setenv("REPLAY_SALT", "other")
    assert Redactor.for_project(project(tmp_path, salt="s"), {}).text("environment-value") not in out


@pytest.mark.parametrize("table", [{"salt": 5}, {"terms": "Ada"}, {"pii": "hide"}])
def test_a_mistaken_table_is_refused(tmp_path, table):
    with pytest.raises(BadInput, match="redaction"):
        Redactor.for_project(project(tmp_path, **table), {})
