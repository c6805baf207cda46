"""Redaction: nothing planted comes through, nothing else changes, and a redacted recording still matches."""

import base64
import json
import os
import random
import re
import string
from dataclasses import replace
from itertools import pairwise
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.cassette._pseudonyms import luhn, mod97
from replay.cassette.interaction import Failure, RecordedRequest, RecordedResponse
from replay.cassette.redact import Redactor
from replay.config import Project
from replay.errors import BadInput

LOWER, UPPER, DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
WORD, HEX = LOWER + UPPER + DIGITS, DIGITS + "abcdef"


def of(alphabet, count):
    return lambda rng: "".join(rng.choice(alphabet) for _ in range(count))


def after(prefix, alphabet, count):
    return lambda rng: prefix + of(alphabet, count)(rng)


def segment(rng, data):
    return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")


def jwt(rng):
    head, body = {"alg": "HS256", "typ": "JWT"}, {"sub": of(DIGITS, 10)(rng), "name": of(LOWER, 9)(rng)}
    return f"{segment(rng, head)}.{segment(rng, body)}.{of(WORD + '-_', 43)(rng)}"


def pem(rng):
    lines = "\n".join(of(WORD + "+/", 64)(rng) for _ in range(6))
    return f"-----BEGIN RSA PRIVATE KEY-----\n{lines}\n-----END RSA PRIVATE KEY-----"


# Made here, at random, in each issuer's format: none of these is anyone's.
PREFIXED = {
    "openai": after("sk-", WORD, 48),
    "openai project": after("sk-proj-", WORD + "-_", 120),
    "openai service account": after("sk-svcacct-", WORD + "-_", 90),
    "anthropic": after("sk-ant-api03-", WORD + "-_", 95),
    "openrouter": after("sk-or-v1-", HEX, 64),
    "deepseek": after("sk-", HEX, 32),
    "google": after("AIza", WORD + "-_", 35),
    "google oauth": after("ya29.", WORD + "-_", 100),
    "google client secret": after("GOCSPX-", WORD + "-_", 28),
    "aws access key id": after("AKIA", UPPER + "234567", 16),
    "groq": after("gsk_", WORD, 52),
    "xai": after("xai-", WORD, 80),
    "perplexity": after("pplx-", WORD, 48),
    "hugging face": after("hf_", LOWER + UPPER, 34),
    "replicate": after("r8_", WORD, 37),
    "nvidia": after("nvapi-", WORD + "-_", 64),
    "langsmith": lambda rng: f"lsv2_pt_{of(HEX, 32)(rng)}_{of(HEX, 10)(rng)}",
    "databricks": after("dapi", HEX, 32),
    "github": after("ghp_", WORD, 36),
    "github fine-grained": lambda rng: f"github_pat_{of(WORD, 22)(rng)}_{of(WORD, 59)(rng)}",
    "gitlab": after("glpat-", WORD + "-_", 20),
    "slack": lambda rng: f"xoxb-{of(DIGITS, 12)(rng)}-{of(DIGITS, 12)(rng)}-{of(WORD, 24)(rng)}",
    "stripe": after("sk_live_", WORD, 24),
    "sendgrid": lambda rng: f"SG.{of(WORD + '-_', 22)(rng)}.{of(WORD + '-_', 43)(rng)}",
    "twilio": after("SK", HEX, 32),
    "npm": after("npm_", WORD, 36),
    "pypi": after("pypi-AgEIcHlwaS5vcmc", WORD + "-_", 120),
    "digitalocean": after("dop_v1_", HEX, 64),
    "shopify": after("shpat_", HEX, 32),
    "telegram": lambda rng: f"{rng.choice('123456789')}{of(DIGITS, 9)(rng)}:AA{of(WORD + '-_', 33)(rng)}",
    "jwt": jwt,
    "pem": pem,
}
OPAQUE = {
    "azure": of(HEX, 32),
    "cohere": of(WORD, 40),
    "mistral": of(WORD, 32),
    "aws secret": of(WORD + "+/", 40),
    "password": of(WORD + '!"\\/&%$', 16),
    "uuid": lambda rng: "-".join(of(HEX, n)(rng) for n in (8, 4, 4, 4, 12)),
}
PERSONAL = {
    "email": lambda rng: f"{of(LOWER, 7)(rng)}.{of(LOWER, 8)(rng)}@{of(LOWER, 9)(rng)}.com",
    "phone": lambda rng: f"+49{rng.choice('123456789')}{of(DIGITS, 9)(rng)}",
    "card": lambda rng: (body := f"4{rng.choice('1256789')}{of(DIGITS, 13)(rng)}") + str(luhn(body)),
    "iban": lambda rng: (account := of(DIGITS, 18)(rng)) and f"DE{98 - mod97(f'DE00{account}'):02}{account}",
    "ip": lambda rng: f"93.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 256)}",
}
ALL = PREFIXED | OPAQUE | PERSONAL
SALT = "a salt"


def request_with(body, **fields):
    data = json.dumps(body).encode()
    return RecordedRequest("POST", "https://api.example.com/v1/chat/completions", {}, data, **fields)


def in_prose(text, rng):
    return request_with({"messages": [{"role": "user", "content": f"Use\n{text}\nand (twice) “{text}”, é."}]})


def in_json_in_json(text, rng):
    inner = json.dumps({"note": text, "n": 1})
    return request_with({"messages": [{"role": "tool", "content": f"It said: {inner}"}]})


def double_escaped(text, rng):
    inner = json.dumps({"body": json.dumps({"log": f"\tline\n{text}"})})
    return request_with({"messages": [{"role": "tool", "content": inner}]})


def in_tool_arguments(text, rng):
    call = {"name": "save", "arguments": json.dumps({"value": text, "keep": True})}
    message = {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": call}]}
    return RecordedResponse(200, body=json.dumps({"choices": [{"message": message}]}).encode())


def split(text, rng):
    cuts = sorted({0, len(text), *(rng.randrange(len(text) + 1) for _ in range(rng.randrange(1, 6)))})
    return [text[a:b] for a, b in pairwise(cuts)]


def sse(events):
    lines = [f"data: {json.dumps(event)}\n\n".encode() for event in events] + [b"data: [DONE]\n\n"]
    chunks = tuple((float(place), len(line)) for place, line in enumerate(lines))
    return RecordedResponse(200, "OK", {"content-type": ["text/event-stream"]}, b"".join(lines), chunks)


def chunk(**delta):
    return {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]}


def over_chunks(text, rng):
    return sse(
        [
            chunk(role="assistant", content=""),
            *(chunk(content=part) for part in split(f"Here: {text} — so", rng)),
        ]
    )


def arguments_over_chunks(text, rng):
    def call(**function):
        return chunk(tool_calls=[{"index": 1, "function": function}])

    arguments = json.dumps({"to": text, "count": 3})
    return sse([call(name="send", arguments=""), *(call(arguments=part) for part in split(arguments, rng))])


PLACES = (
    in_prose,
    in_json_in_json,
    double_escaped,
    in_tool_arguments,
    over_chunks,
    arguments_over_chunks,
)


def everything(exchange):
    """All that would be written down, with every string inside JSON undone and streams joined."""
    texts = [
        getattr(exchange, "uri", ""),
        exchange.body.decode("utf-8", "surrogatepass"),
        "".join(deltas(exchange.body)),
    ]
    headers = [value if isinstance(value, str) else value[0] for value in exchange.headers.values()]
    return "\n".join([*headers, *(part for text in texts for part in unfolded(text))])


def unfolded(text):
    yield text
    for place in (text.find("{"), text.find("[")):
        try:
            value, _ = json.JSONDecoder().raw_decode(text, place) if place >= 0 else (None, 0)
        except ValueError:
            continue
        yield from leaves(value)


def leaves(value):
    if isinstance(value, str):
        yield from unfolded(value)
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from leaves(item)


def deltas(body):
    for line in body.split(b"\n"):
        if line.startswith(b"data: {"):
            delta = json.loads(line[6:])["choices"][0]["delta"]
            yield delta.get("content") or ""
            yield from (call["function"].get("arguments", "") for call in delta.get("tool_calls", ()))


def redacted(redactor, exchange):
    return (
        redactor.request(exchange) if isinstance(exchange, RecordedRequest) else redactor.response(exchange)
    )


def recall(kinds, places, redactor_of, times=4):
    rng, missed, planted = random.Random(7), [], 0
    for kind, make in kinds.items():
        for place in places:
            for _ in range(times):
                text, planted = make(rng), planted + 1
                exchange = place(text, rng)
                assert text in everything(exchange), f"{kind} was not planted by {place.__name__}"
                if text in everything(redacted(redactor_of(text), exchange)):
                    missed.append((kind, place.__name__))
    return 1 - len(missed) / planted, missed


def test_a_known_value_comes_through_nowhere():
    figure, missed = recall(ALL, PLACES, lambda text: Redactor(SALT, [text]))
    assert figure == 1, missed


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: base64.b64encode(f"user:{text}".encode()).decode(),
        lambda text: base64.urlsafe_b64encode(f"x{text}yz".encode()).decode(),
        lambda text: text.encode().hex(),
        lambda text: quote(text, safe=""),
    ],
    ids=["base64", "basic auth", "base64 inside", "hex", "url"],
)
def test_a_known_value_comes_through_in_no_encoding(encode):
    rng = random.Random(3)
    for kind, make in ALL.items():
        text = make(rng)
        for place in PLACES:
            out = everything(redacted(Redactor(SALT, [text]), place(f"<{encode(text)}>", rng)))
            assert encode(text) not in out, (kind, place.__name__)


def test_well_known_keys_are_found_wherever_they_stand():
    figure, missed = recall(PREFIXED, PLACES, lambda _: Redactor(SALT), times=8)
    assert figure >= 0.99, missed


def test_personal_data_is_found_wherever_it_stands():
    figure, missed = recall(PERSONAL, PLACES, lambda _: Redactor(SALT), times=8)
    assert figure >= 0.99, missed


def in_header(text, rng):
    name = rng.choice(
        ["authorization", "x-api-key", "api-key", "cookie", "x-goog-api-key", "openai-organization"]
    )
    return replace(in_prose("nothing", rng), headers={name: f"Bearer {text}"})


def in_response_header(text, rng):
    name = rng.choice(["Set-Cookie", "openai-organization", "x-amz-security-token", "CF-Ray"])
    return RecordedResponse(200, headers={name: [text], "content-type": ["application/json"]})


def in_query(text, rng):
    name = rng.choice(["key", "api_key", "api-key", "access_token", "sig", "X-Amz-Signature", "token"])
    return RecordedRequest("GET", f"https://x.example.com/v1/models?a=1&{name}={text}&b=2")


def in_field(text, rng):
    name = rng.choice(
        ["api_key", "apiKey", "x-api-key", "password", "client_secret", "accessToken", "Authorization"]
    )
    return request_with({"tools": [{"server": {"headers": {name: text}, "on": True}}]})


def in_escaped_field(text, rng):
    name = rng.choice(["api_key", "password", "client_secret", "refresh_token", "secretAccessKey"])
    return request_with({"messages": [{"role": "tool", "content": json.dumps({name: text, "n": 1})}]})


def in_streamed_field(text, rng):
    parts = split(json.dumps({"password": text, "n": 1}), rng)
    return sse([chunk(tool_calls=[{"index": 0, "function": {"arguments": part}}]) for part in parts])


@pytest.mark.parametrize(
    "place", [in_header, in_response_header, in_query, in_field, in_escaped_field, in_streamed_field]
)
def test_headers_parameters_and_fields_named_as_secret_keep_no_value(place):
    unfit = {in_query: ("password", "pem"), in_header: ("pem",), in_response_header: ("pem",)}.get(place, ())
    kinds = {kind: make for kind, make in (PREFIXED | OPAQUE).items() if kind not in unfit}
    figure, missed = recall(kinds, [place], lambda _: Redactor(SALT), times=10)
    assert figure == 1, missed


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
        answer = redactor.response(over_chunks(text, rng))
        raw, played = f"Here: {text} — so", "".join(deltas(answer.body))

        def echo(said):
            history = [{"role": "assistant", "content": said}, {"role": "user", "content": "and?"}]
            return request_with({"messages": history})

        assert redactor.request(echo(raw)) == redactor.request(echo(played)), kind


@pytest.mark.parametrize("kind", [*PERSONAL, "openai", "mistral"])
def test_requests_that_differ_only_in_a_value_stay_different(kind):
    rng, redactor = random.Random(13), Redactor(SALT)
    values = {ALL[kind](rng) for _ in range(400)}
    bodies = {
        redactor.request(request_with({"user": v, "password": v, "content": f"I am {v}"})).body
        for v in values
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


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES | st.text(max_size=6), max_size=8).map("".join))
def test_redacting_twice_is_redacting_once(text):
    redactor = Redactor(SALT, ["the-known-value"], ["Ada"])
    once = redactor.text(text)
    assert redactor.text(once) == once
    assert redactor.find(once) == []


@settings(max_examples=200, deadline=None)
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
    for written in (json.dumps(value), json.dumps(value, ensure_ascii=False), json.dumps(json.dumps(value))):
        same_shape(json.loads(written), json.loads(redactor.text(written)))


@settings(max_examples=200, deadline=None)
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
