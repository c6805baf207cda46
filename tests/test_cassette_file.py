"""vcrpy's file format: nothing is lost, nothing is run, a damaged file is never taken for a whole one."""

import gzip
import json
import os
import random
import time
import warnings
import zlib
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from vcr.serialize import deserialize
from vcr.serializers import yamlserializer

from replay.cassette import file
from replay.cassette.interaction import Failure, Interaction, RecordedRequest, RecordedResponse
from replay.errors import BadInput, StorageError

CORPUS = Path(os.environ.get("REPLAY_CORPUS", Path(__file__).parents[2] / "shared" / "corpus"))

BODIES = [
    b"",
    b"{}",
    b'{"model": "m", "messages": [{"role": "user", "content": "it\'s \xc3\xa9\xf0\x9f\x98\x80"}]}',
    b'data: {"a": 1}\n\ndata: [DONE]\n\n',
    b"data: x\r\n\r\ndata: y\r\n\r\n",
    b"\n",
    b"\n\n\n",
    b"\n  indented first\nthen not\n",
    b"trailing space \nnext",
    b"  \n \n",
    b"\ttab\n\tagain",
    b"no newline at end\nreally",
    b"# not a comment\n--- not a document\n... nor this\n",
    b"yes",
    b"null",
    b"1e3",
    b"- a: b\n: c",
    b"bell \x07 nul \x00 escape \x1b del \x7f",
    "line separator \u2028 next line \x85 bom \ufeff byte \ufffe".encode(),
    b"\xff\xfe not text",
    b"\xed\xa0\xbd lone surrogate",
    bytes(range(256)) * 20,
    b"x" * 5000 + b'"' + b"y" * 5000,
]


def one(body=b"{}", sent=b"{}", **response):
    request = RecordedRequest("POST", "https://api.test/v1/x?a=1", {"content-type": "application/json"}, sent)
    response = {"status": 200, "reason": "OK", "headers": {"set-cookie": ["a=1", "b: 2"]}} | response
    return Interaction(request, RecordedResponse(body=body, **response))


def load_text(text, path="cassette.yaml"):
    return file.whole(file.read(path, text.encode() if isinstance(text, str) else text))


def wrong_with(text):
    with pytest.raises(BadInput) as caught:
        load_text(text)
    return str(caught.value)


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_every_body_survives_our_reader_pyyaml_vcrpy_and_git_autocrlf(body):
    interaction = one(body, sent=body)
    text = file.dump([interaction, interaction])
    assert load_text(text) == (interaction, interaction)
    assert load_text(text.replace("\n", "\r\n")) == (interaction, interaction)
    requests, responses = deserialize(text, yamlserializer)
    assert responses[1]["body"]["string"] == body
    assert requests[1].body == body
    assert yaml.safe_load(text)["interactions"][0]["response"]["headers"] == {"set-cookie": ["a=1", "b: 2"]}


def test_a_stream_is_stored_as_readable_lines():
    text = file.dump([one(b'data: {"a": 1}\n\ndata: [DONE]\n\n')])
    assert '      string: |2+\n        data: {"a": 1}\n\n        data: [DONE]\n\n    headers:' in text


def test_what_is_ours_survives_and_vcrpy_still_loads_it():
    cut = one(
        b"abc",
        chunks=((1.5, 2), (2.0, 1)),
        failure=Failure("ReadError", "reset: \x00 \u2028"),
        attempt=2,
        source={"format": "har", "at": [1, None, True, -1.5e-7, "no", "1e3"]},
    )
    unanswered = one(b"", status=None, reason="", headers={}, failure=Failure("ConnectError", ""))
    text = file.dump([cut, unanswered])
    assert load_text(text) == (cut, unanswered)
    _, responses = deserialize(text, yamlserializer)
    assert [response["status"]["code"] for response in responses] == [200, 599]


def test_half_a_character_in_a_message_does_not_stop_the_writing():
    broken = one(b"", failure=Failure("ReadError", "half \ud83d"))
    (interaction,) = load_text(file.dump([broken]).encode())
    assert interaction.response.failure.message == "half \ufffd"


def test_an_empty_cassette_is_not_an_empty_file():
    assert load_text(file.dump([])) == ()
    assert "the file is empty" in wrong_with("")


def test_vcrpys_json_form_loads():
    data = yaml.safe_load(file.dump([one(b"\xf0\x9f\x98\x80")]))
    assert load_text(json.dumps(data)) == (one(b"\xf0\x9f\x98\x80"),)


def stored(request="", response="body: {string: hi}, status: {code: 200, message: OK}"):
    request = f"{{method: GET, uri: 'http://x/', {request}}}"
    return f"interactions:\n- request: {request}\n  response: {{{response}}}\nversion: 1\n"


@pytest.mark.parametrize(
    ("response", "body"),
    [
        ("content: hi, status_code: 200, headers: {}, http_version: HTTP/1.1", b"hi"),
        ("parsed_body: {a: 1, b: 1e3, c: ~, d: 1.5, e: '2'}, status: {code: 200, message: OK}", None),
        ("body: {string: !!binary aGk=}, status: {code: 200, message: null}", b"hi"),
        ("body: {base64_string: aGk=}, status: {code: 200, message: OK}", b"hi"),
        ("body: {string: ! hi}, status: {code: 200, message: OK}", b"hi"),
        ("body: {string: 1.10}, status: {code: 200, message: OK}", b"1.10"),
        ("body: &b {string: hi}, status: {code: 200, message: OK}", b"hi"),
    ],
)
def test_old_and_foreign_forms_of_a_response_load(response, body):
    (interaction,) = load_text(stored(response=response))
    expected = b'{"a": 1, "b": "1e3", "c": null, "d": 1.5, "e": "2"}' if body is None else body
    assert interaction.response.body == expected
    assert interaction.response.status == 200


@pytest.mark.parametrize(
    ("request_form", "body"),
    [
        ("body: null", b""),
        ("body: {messages: [{role: user}]}", b'{"messages": [{"role": "user"}]}'),
        ("body: !!python/object/new:_io.BytesIO {state: !!python/tuple [!!binary aGk=, 0, null]}", b"hi"),
        ("body: !!python/object/apply:builtins.iter {args: [[h, i]]}", b"hi"),
        ("headers: {? !!python/object/apply:multidict._multidict.istr [Accept] : [a, b]}", b""),
    ],
)
def test_old_and_foreign_forms_of_a_request_load(request_form, body):
    (interaction,) = load_text(stored(request_form))
    assert interaction.request.body == body
    assert interaction.request.headers in ({}, {"accept": "a, b"})


def test_python_tags_are_read_as_text_and_never_run(tmp_path):
    canary = tmp_path / "canary"
    text = stored(f"body: !!python/object/apply:os.system ['touch {canary}']")
    load_text(text)
    assert not canary.exists()


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, lambda data: zlib.compress(data, wbits=-15)])
def test_packed_bodies_are_unpacked(pack):
    encoding = "gzip" if pack is gzip.compress else "deflate"
    packed = one(pack(b'{"a": 1}' * 50), headers={"content-encoding": [encoding]})
    (interaction,) = load_text(file.dump([packed]))
    assert interaction.response.body == b'{"a": 1}' * 50
    assert "content-encoding" not in interaction.response.headers


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd"])
def test_a_header_that_lies_about_plain_text_is_not_believed(encoding):
    (interaction,) = load_text(file.dump([one(b'{"a": 1}', headers={"content-encoding": [encoding]})]))
    assert interaction.response.body == b'{"a": 1}'
    assert "content-encoding" not in interaction.response.headers


def test_an_encoding_we_cannot_read_keeps_its_header():
    (interaction,) = load_text(file.dump([one(b"\x8b\xff\x00", headers={"content-encoding": ["br"]})]))
    assert interaction.response.headers == {"content-encoding": ["br"]}


def test_a_gzip_bomb_is_refused():
    bomb = gzip.compress(b"\0" * 100_000_000, 9)
    began = time.process_time()
    assert "unpack to more than" in wrong_with(file.dump([one(bomb)]))
    assert time.process_time() - began < 5


GOOD = stored()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("  \n", "the file is empty"),
        ("# nothing\n", "the file holds only comments"),
        ("null\n", "1:1: error: a mapping with `interactions` is expected here"),
        ("- a\n", "1:1: error: a mapping with `interactions` is expected here"),
        ("version: 1\n", "there is no list of `interactions`; if another recorder wrote it: replay record "),
        ("interactions: null\nversion: 1\n", "1:15: error: a list is expected here"),
        (
            "interactions:\n- request: {method: GET, uri: x}\nversion: 1\n",
            "2: error: this interaction has no `response`",
        ),
        (stored(response="body: {string: x}, status: {code: abc}"), 'has a response status "abc"'),
        (stored(response="body: null, status: {code: 200}"), "has a response without a body"),
        (stored(response="body: {string: !!binary a=b}, status: {code: 200}"), "this is not base64"),
        (stored(response="body: {base64_string: a=b}, status: {code: 200}"), "has a body that is not base64"),
        (GOOD.replace("version: 1", "version: 2"), "written in version 2 of the format, this Replay reads 1"),
        ("<<<<<<< ours\n" + GOOD + "=======\n>>>>>>> theirs\n", "unresolved merge at line 1"),
        (GOOD.encode() + b"x: \xff\n", " is not UTF-8"),
        (GOOD.replace("method: GET", "method: GET, method: GET"), 'key "method" is given twice'),
        (GOOD + "---\n" + GOOD, "a second document starts here"),
        ("a: " + "[" * 50_000 + "]" * 50_000, "nested more than 100 deep"),
        ("a: " + "{x: " * 50_000, "nested more than 100 deep"),
        ("a: &a [*a]\n", "*a stands for nothing that ends before it"),
        (
            "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}' if n else 'y'] * 9)}]\n" for n in range(9)),
            "aliases make this larger than 1,000,000 nodes",
        ),
        (
            stored(response="body: {string: x}, status: {code: 200, message: x}, replay: [1]"),
            "has a `replay` that cannot be read",
        ),
        ("\tinteractions: []\n", "this is not YAML"),
        ('interactions: "\x07"\nversion: 1\n', "this is not YAML"),
    ],
)
def test_damage_is_refused_by_name_and_place(text, says):
    began = time.process_time()
    message = wrong_with(text)
    assert message.startswith("cassette.yaml")
    assert says in message
    assert time.process_time() - began < 2


def test_all_faults_of_a_file_come_in_one_go():
    text = "interactions:\n- {request: {}}\n- {request: {method: GET, uri: x}, response: {}}\nversion: 1\n"
    with pytest.raises(BadInput) as caught:
        load_text(text)
    assert [fault.line for fault in caught.value.faults] == [2, 3]


def test_an_edited_body_only_loses_its_timing():
    text = file.dump([one(b"abc", chunks=((1.0, 3),), attempt=2)]).replace("string: abc", "string: edited")
    contents = file.read("c.yaml", text.encode())
    assert contents.interactions == [one(b"edited", attempt=2)]
    assert [fault.warning for fault in contents.faults] == [True]


RECORDED = [
    one(
        b"data: 1\n\ndata: 2\n\n", chunks=((0.5, 9), (1.5, 9)), source={"recorded_at": "2026-01-01T00:00:00Z"}
    ),
    one(b"\xff\x00", source={"recorded_at": "2026-01-01T00:00:01Z"}),
    one(b'{"a": "\r"}', source={"recorded_at": "2026-01-01T00:00:02Z"}, attempt=2),
]


def test_a_file_cut_at_any_byte_is_refused_and_its_whole_interactions_are_found():
    raw = file.dump(RECORDED).encode()
    assert raw.endswith(b"version: 1\n")
    for end in range(len(raw) - 1):
        contents = file.read("c.yaml", raw[:end])
        assert contents.errors, end
        assert contents.interactions == RECORDED[: len(contents.interactions)], end
    assert len(contents.interactions) == 3
    assert str(contents.errors[0]) == (
        f"c.yaml: error: cut at byte {len(raw) - 2} (interaction 4 of ?);"
        " 3 are whole: replay cassette recover c.yaml"
    )


def test_flipped_bits_never_end_in_a_traceback():
    dice = random.Random(7)
    samples = [file.dump(RECORDED).encode(), file.dump([one(body) for body in BODIES]).encode()]
    for _ in range(600):
        raw = bytearray(dice.choice(samples))
        raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
        file.read("c.yaml", bytes(raw))


@settings(max_examples=150)
@given(
    st.one_of(
        st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
    )
)
def test_anything_at_all_can_be_read_without_a_traceback(raw):
    file.read("c.yaml", raw)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
TREE = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXT
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=150)
@given(
    st.sampled_from(["body", "parsed_body", "headers", "status", "replay", "content", "method", "uri"]), TREE
)
def test_any_tree_in_any_place_is_read_or_refused(key, tree):
    item = {"method": "GET", "uri": "x", "body": "", "status": {"code": 200}} | {key: tree}
    data = {"interactions": [{"request": item, "response": item}], "version": 1}
    file.read("c.json", json.dumps(data).encode())
    file.read("c.yaml", yaml.safe_dump(data).encode("utf-8", "surrogatepass"))


@settings(max_examples=150)
@given(st.binary(max_size=60), TEXT, TEXT, st.dictionaries(TEXT, TREE, max_size=3))
def test_what_is_written_is_read_back(body, reason, header, source):
    interaction = one(body, sent=body, reason=reason, headers={"x": [header]}, source={"by": "us"} | source)
    assert load_text(file.dump([interaction])) == (interaction,)


def test_folders_fifos_and_devices_are_named(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path, kind in ((tmp_path, "a folder"), (tmp_path / "fifo", "a FIFO"), ("/dev/null", "a device")):
        with pytest.raises(BadInput, match=f"this is {kind}, not a file"):
            file.load(path)
    with pytest.raises(BadInput, match="cannot hold NUL"):
        file.load("a\0b")
    with pytest.raises(StorageError, match="cannot be read"):
        file.load(tmp_path / ("x" * 300))


def test_every_vcrpy_cassette_of_the_corpus_loads_and_survives_a_rewrite():
    index = CORPUS / "index.jsonl"
    if not index.exists():
        warnings.warn(f"the corpus of real cassettes is not at {CORPUS}: not tried", stacklevel=1)
        pytest.skip(f"no corpus at {CORPUS}")
    entries = [json.loads(line) for line in index.read_text().splitlines()]
    paths = sorted({entry["file"] for entry in entries if entry["container"] == "vcrpy"})
    interactions = [interaction for path in paths for interaction in file.load(CORPUS / path)]
    assert len(interactions) == sum(entry["container"] == "vcrpy" for entry in entries)
    assert list(load_text(file.dump(interactions))) == interactions


def test_a_format_that_is_not_known_is_one_fault_that_says_who_reads_it():
    go_vcr = "version: 2\ninteractions:\n- id: 0\n  request: {url: x}\n  response: {code: 200}\n"
    (said,) = wrong_with(go_vcr).splitlines()
    assert said.endswith(
        "update Replay; if another recorder wrote it: replay record cassette.yaml --suite NAME"
    )
