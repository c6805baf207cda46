"""Every recorder's container gives the same exchange: decoded bytes, in recorded order, nothing left out."""

import base64
import gzip
import json
import sys
import zlib

import pytest
import yaml

from replay import importers
from replay.importers import _packed, vcr

ASKED = {"model": "m-1", "messages": [{"role": "user", "content": "Où est ma commande ?"}]}
ANSWER = {"id": "c-1", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Là."}}]}
URL = "https://api.example.com/v1/chat/completions"
QUESTION, REPLY = json.dumps(ASKED), json.dumps(ANSWER, ensure_ascii=False)
REQUEST = {"method": "POST", "uri": URL, "body": QUESTION, "headers": {"Content-Type": ["application/json"]}}
OK = {"code": 200, "message": "OK"}


def response(body, **headers):
    return {"status": OK, "headers": {"content-type": ["application/json"], **headers}, "body": body}


def vcrpy(body, **headers):
    return {"version": 1, "interactions": [{"request": REQUEST, "response": response(body, **headers)}]}


def go_vcr():
    asked = {"proto": "HTTP/1.1", "host": "", "body": QUESTION, "url": URL, "method": "POST"}
    got = {"body": REPLY, "headers": {"Content-Type": ["application/json"]}, "status": "200 OK", "code": 200}
    return {"version": 2, "interactions": [{"id": 0, "request": asked, "response": got}]}


def go_vcr_1():
    asked = {"body": QUESTION, "form": {}, "headers": {"Content-Type": ["application/json"]}, "url": URL}
    got = {"body": REPLY, "headers": {"Date": ["x"]}, "status": "200 OK", "code": 200, "duration": "1.2s"}
    return {"version": 1, "interactions": [{"request": asked | {"method": "POST"}, "response": got}]}


def go_vcr_3():
    side = {"proto": "HTTP/2.0", "proto_major": 2, "proto_minor": 0, "transfer_encoding": [], "trailer": {}}
    asked = {**side, "content_length": 9, "host": "api.example.com", "remote_addr": "", "request_uri": ""}
    asked |= {"body": QUESTION, "form": {}, "headers": {"Content-Type": ["application/json"]}, "url": URL}
    got = {
        **side,
        "content_length": -1,
        "uncompressed": True,
        "body": REPLY,
        "headers": {},
        "status": "200 OK",
    }
    one = {"id": 0, "request": asked | {"method": "POST"}, "response": got | {"code": 200, "duration": "1s"}}
    return {"version": 2, "interactions": [one]}


def ruby(body):
    asked = {
        "method": "post",
        "uri": URL,
        "body": {"encoding": "UTF-8", "string": QUESTION},
        "headers": {"Accept": ["*/*"]},
    }
    one = {"request": asked, "response": response(body), "recorded_at": "Wed, 04 Mar 2026 10:11:12 GMT"}
    return {"http_interactions": [one], "recorded_with": "VCR 6"}


def r_vcr():
    asked = {"method": "POST", "uri": URL, "body": {"string": QUESTION}}
    got = {"status": 200, "headers": {"content-type": "application/json"}, "body": {"string": REPLY}}
    return {"http_interactions": [{"request": asked, "response": got}], "recorded_with": "vcr/2"}


def old_httpx():
    got = {"content": REPLY, "headers": {}, "http_version": "HTTP/1.1", "status_code": 200}
    return {"version": 1, "interactions": [{"request": REQUEST, "response": got}]}


def parsed():
    asked = {"method": "POST", "uri": URL, "headers": {}, "parsed_body": ASKED}
    got = {"status": OK, "headers": {"content-type": ["application/json"]}, "parsed_body": ANSWER}
    return {"version": 1, "interactions": [{"request": asked, "response": got}]}


def tree_as_body():
    return {
        "interactions": [{"request": {**REQUEST, "body": ASKED}, "response": response({"string": REPLY})}]
    }


def split():
    return {"requests": [REQUEST], "responses": [response({"string": REPLY})]}


def ddapm(body=REPLY):
    return {
        "request": {"method": "POST", "url": URL, "headers": {}, "body": QUESTION},
        "response": response(body),
    }


def listed():
    asked = {"method": "POST", "url": URL, "headers": {"Host": "api.example.com"}, "body": QUESTION}
    got = {"status_code": 200, "headers": {"Content-Type": "application/json"}, "body": REPLY}
    return [{"request": asked, "response": got}]


RAW = REPLY.encode()
FORMS = {
    "a plain list": listed(),
    "pieces of a body": vcrpy([REPLY[:9], REPLY[9:]]),
    "a pickled stream": vcrpy({"state": [RAW, 0, None]}),
    "vcrpy": vcrpy({"string": REPLY}),
    "vcrpy bytes": vcrpy({"string": RAW}),
    "vcrpy gzip": vcrpy({"string": gzip.compress(RAW)}, **{"content-encoding": ["gzip"]}),
    "vcrpy zlib": vcrpy({"string": zlib.compress(RAW)}, **{"content-encoding": ["deflate"]}),
    "headers that lie about gzip": vcrpy({"string": REPLY}, **{"content-encoding": ["gzip"]}),
    "go-vcr": go_vcr(),
    "go-vcr 1": go_vcr_1(),
    "go-vcr 3": go_vcr_3(),
    "ruby text": ruby({"encoding": "UTF-8", "string": REPLY}),
    "ruby latin-1": ruby({"encoding": "ISO-8859-1", "string": RAW.decode("latin-1")}),
    "ruby base64": ruby({"encoding": "ASCII-8BIT", "base64_string": base64.b64encode(RAW).decode()}),
    "r vcr": r_vcr(),
    "old httpx": old_httpx(),
    "parsed body": parsed(),
    "a tree as body": tree_as_body(),
    "split lists": split(),
    "one interaction a file": ddapm(),
    "base64 text": ddapm("base64:" + base64.b64encode(gzip.compress(RAW)).decode()),
}


BINARY = {form for form in FORMS if b"!!binary" in yaml.safe_dump(FORMS[form]).encode()}
FILES = [(form, ending) for form in FORMS for ending in ("yaml", "json", "yaml.gz")]


@pytest.mark.parametrize(
    ("form", "ending"), [file for file in FILES if file not in {(form, "json") for form in BINARY}]
)
def test_every_container_gives_the_same_exchange(form, ending, tmp_path):
    text = (
        json.dumps(FORMS[form], indent=1).encode()
        if ending == "json"
        else yaml.safe_dump(FORMS[form]).encode()
    )
    path = tmp_path / f"case.{ending}"
    path.write_bytes(gzip.compress(text) if ending.endswith("gz") else text)
    assert vcr.sniff(text)
    (logged,) = vcr.read(path)
    assert (logged.refused, logged.place) == ("", "interaction 0")
    assert (logged.method, logged.url, logged.status) == ("POST", URL, 200)
    assert json.loads(logged.request) == ASKED
    assert json.loads(logged.response) == ANSWER


def test_the_order_is_kept_and_equal_requests_stay_apart(tmp_path):
    answers = [response({"string": f"answer {number}"}) for number in range(3)]
    pairs = [{"request": REQUEST, "response": answer} for answer in answers]
    path = tmp_path / "repeats.yaml"
    path.write_text(yaml.safe_dump({"interactions": pairs}))
    got = list(vcr.read(path))
    assert [(one.place, one.response) for one in got] == [
        (f"interaction {number}", f"answer {number}".encode()) for number in range(3)
    ]


def test_all_providers_endpoints_may_share_a_cassette(tmp_path):
    urls = [
        URL,
        "https://api.anthropic.com/v1/messages",
        "https://generativelanguage.googleapis.com/v1beta/models/g:streamGenerateContent?alt=sse",
        "https://bedrock-runtime.eu-west-1.amazonaws.com/model/a.b%3A0/converse-stream",
        "http://localhost:11434/api/chat",
    ]
    bodies = [
        b"{}",
        b"event: ping\n\n",
        'data: {"a": "\u00fc"}\r\n\r\n'.encode(),
        b"\0\0\0\x10\xff\xfe",
        b"{}\n{}\n",
    ]
    pairs = [
        {"request": REQUEST | {"uri": url}, "response": response({"string": body})}
        for url, body in zip(urls, bodies, strict=True)
    ]
    path = tmp_path / "all.yaml"
    path.write_text(yaml.safe_dump({"interactions": pairs}))
    assert [(one.url, one.response) for one in vcr.read(path)] == list(zip(urls, bodies, strict=True))


def test_repeated_headers_are_joined_and_the_date_is_kept_as_iso(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(yaml.safe_dump(ruby({"string": REPLY}) | {"x": 1}))
    (logged,) = vcr.read(path)
    assert logged.source == {"recorded_at": "2026-03-04T10:11:12Z"}
    path.write_text(
        yaml.safe_dump(vcrpy({"string": "x"}, Vary=["a", "b"], Date=["Wed, 04 Mar 2026 10:11:12 GMT"]))
    )
    (logged,) = vcr.read(path)
    assert logged.response_headers["vary"] == "a, b"
    assert logged.source == {"recorded_at": "2026-03-04T10:11:12Z"}


def test_python_tags_give_their_text_and_run_nothing(tmp_path):
    canary = tmp_path / "canary"
    path = tmp_path / "tags.yaml"
    path.write_text(
        "interactions:\n- request:\n    body: '{}'\n    headers:\n"
        "      ? !!python/object/apply:multidict._multidict.istr\n      - Accept\n      : - text/plain\n"
        f"      x: !!python/object/apply:os.system [touch {canary}]\n"
        f"    method: POST\n    uri: {URL}\n  response:\n    body:\n      string: !binary |-\n        e30=\n"
        "    status: {code: 200}\n"
    )
    (logged,) = vcr.read(path)
    assert logged.request_headers["accept"] == "text/plain"
    assert logged.response == b"{}"
    assert not canary.exists()


def test_dates_and_lone_equals_signs_stay_text(tmp_path):
    path = tmp_path / "words.yaml"
    path.write_text(
        "interactions:\n- request: {method: POST, uri: u, parsed_body: {on: 2024-01-01, c: =}}\n"
        "  response: {status: 200}\n"
    )
    (logged,) = vcr.read(path)
    assert json.loads(logged.request) == {"on": "2024-01-01", "c": "="}


def test_parts_that_are_not_recorded_are_named(tmp_path):
    path = tmp_path / "gaps.yaml"
    pairs = [
        {"request": None, "response": response("x")},
        {"request": REQUEST},
        "nonsense",
        {"request": REQUEST, "response": response({"base64_string": "!"})},
    ]
    path.write_text(yaml.safe_dump({"interactions": pairs}))
    why = [logged.refused for logged in vcr.read(path)]
    assert why[:2] == ["no request is recorded", "no response is recorded"]
    assert all(reason.startswith("the interaction cannot be read") for reason in why[2:])


def test_a_response_saved_alone_has_no_request(tmp_path):
    path = tmp_path / "response.json"
    path.write_text(json.dumps(ANSWER, indent=2))
    assert vcr.sniff(path.read_bytes())
    assert [logged.refused for logged in vcr.read(path)] == ["no request is recorded"]


DAMAGED = {
    "cut": b"interactions:\n- request: {body: 'x",
    "list": b"- a\n- b\n",
    "empty": b"",
    "no list": b"interactions: 3\n",
    "deep": b"interactions: " + b"[" * 5000,
    "alias bomb": b"a: &a [x,x,x,x,x,x,x,x,x,x]\n"
    + b"".join(b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 10)) for n in range(8))
    + b"interactions: []\n",
    "alias cycle": b"interactions: &a [*a]\n",
    "bad utf-8": b"interactions: [\xff\xfe]\n",
    "bad gzip": gzip.compress(b"interactions: []" * 100)[:30],
    "odd bool": b"interactions: !!bool maybe\n",
    "odd int": b"interactions: [!!int abc]\n",
    "null bytes": b"interactions: [\0]\n",
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_file_is_one_refusal_and_never_an_exception(kind, tmp_path):
    path = tmp_path / "damaged.yaml"
    path.write_bytes(DAMAGED[kind])
    (logged,) = vcr.read(path)
    assert logged.refused
    assert "\n" not in logged.refused


def test_a_gzip_bomb_is_refused(tmp_path):
    path = tmp_path / "bomb.yaml.gz"
    path.write_bytes(gzip.compress(b"\n" * 2**23))
    (logged,) = vcr.read(path)
    assert "unpack to more than" in logged.refused


PACKERS = {
    "br": ("brotli", lambda data: __import__("brotli").compress(data)),
    "zstd": ("zstandard", lambda data: __import__("zstandard").compress(data)),
}


def packed(tmp_path, encoding, data):
    path = tmp_path / f"{encoding}.yaml"
    path.write_text(yaml.safe_dump(vcrpy({"string": data}, **{"content-encoding": [encoding]})))
    (logged,) = vcr.read(path)
    return logged


@pytest.mark.parametrize("encoding", PACKERS)
def test_other_compressions_are_read_by_what_is_installed(encoding, tmp_path, monkeypatch):
    module, pack = PACKERS[encoding]
    data = pack(RAW)
    assert packed(tmp_path, encoding, data).response == RAW
    assert packed(tmp_path, encoding, RAW).response == RAW  # headers that lie
    assert packed(tmp_path, encoding, data[:-9]).refused.endswith("its body ends early")
    for name in ("brotlicffi", "compression.zstd", module):
        monkeypatch.setitem(sys.modules, name, None)
    why = f"its body is compressed with {encoding}: pip install {module}"
    assert packed(tmp_path, encoding, data).refused == f"the interaction cannot be read: {why}"


def test_a_body_in_an_unknown_compression_is_refused_by_name(tmp_path):
    logged = packed(tmp_path, "snappy", b"\xff\x06sNaPpY")
    assert logged.refused == "the interaction cannot be read: its body is compressed with snappy"


@pytest.mark.parametrize("encoding", PACKERS)
def test_a_bomb_of_another_compression_is_refused(encoding, tmp_path, monkeypatch):
    monkeypatch.setattr(_packed, "MAX_DECODED", 2**20)
    logged = packed(tmp_path, encoding, PACKERS[encoding][1](b"\0" * 2**22))
    assert "unpack to more than 1048576" in logged.refused


def test_formats_are_told_apart():
    names = importers.registry.names()
    assert {"vcr", "jsonl"} <= set(names)

    assert importers.sniffed(b"interactions:\n- request:\n    body: '{\"a\": 1}'\n") == ["vcr"]
    assert importers.sniffed(b"---\nversion: 2\ninteractions:\n") == ["vcr"]
    assert importers.sniffed(b'{"version": 1, "interactions": [') == ["vcr"]
    assert importers.sniffed(b'{"model": "m", "messages": []}\n{"model"') == ["jsonl"]
    assert importers.sniffed(b"\n{'broken'\n" + b'{"messages": []}\n') == ["jsonl"]
    assert importers.sniffed(b"# A readme\n\nsome text\n") == []


@pytest.mark.parametrize("form", FORMS)
def test_every_container_is_known_by_its_beginning(form):
    assert importers.sniffed(yaml.safe_dump(FORMS[form], sort_keys=False).encode()) == ["vcr"]
    if form not in BINARY:
        for indent in (None, 1):
            text = json.dumps(FORMS[form], indent=indent).encode()
            known = (
                ["jsonl"]
                if isinstance(FORMS[form], dict) and "request" in FORMS[form] and not indent
                else ["vcr"]
            )
            assert importers.sniffed(text) == known
