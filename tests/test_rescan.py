"""Files that are there already: what must not be in them is named by place and kind, or replaced."""

import base64
import fcntl
import gzip
import io
import json
import random
import stat

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import PREFIXED, asked, chat_text, invoke_text

from replay import cli
from replay.cassette import file as cassettes
from replay.cassette.cassette import Cassette
from replay.cassette.interaction import Interaction, RecordedResponse
from replay.cassette.journal import line as journal_line
from replay.cassette.redact import Redactor
from replay.cassette.shape import to_shape
from replay.config import Project
from replay.report.blocks import Blocks
from replay.rescan._scalars import rewritten, scalars

RNG = random.Random(3)
KEY = PREFIXED["openai project"](RNG)
QUESTION = asked({"messages": [{"role": "user", "content": f"é my key: {KEY}"}], "n": 1e-05})
STREAM = chat_text(KEY, RNG)


def cassette(*pairs):
    return cassettes.dump(Interaction(*pair) for pair in pairs or ((QUESTION, STREAM),)).encode()


def gzipped_body():
    body = gzip.compress(json.dumps({"text": KEY}).encode())
    return RecordedResponse(200, headers={"content-encoding": ["gzip"]}, body=body)


def journal():
    head = {"replay_journal": 1, "cassette": "c.yaml", "base": "", "began": "", "mode": "once"}
    return journal_line(head) + journal_line(to_shape(Interaction(QUESTION, STREAM)))


def page():
    spool = io.BytesIO(b"<html>\n")
    spool.seek(0, io.SEEK_END)
    blocks = Blocks(spool)
    blocks.add(json.dumps({"raw": STREAM.body.decode()}).encode() + b"\n")
    blocks.flush()
    return spool.getvalue()


FILES = {
    "fixtures/a.yaml": f"messages:\n  - role: user\n    content: |\n      Look:\n\n      {KEY}\n".encode(),
    "fixtures/named.yaml": b"# mine\ntool_results:\n- name: x\n  content: {password: hunter, on: 1.50}\n",
    "cassettes/plain.yaml": cassette(),
    "cassettes/frames.yaml": cassette((QUESTION, invoke_text(KEY, RNG))),
    "cassettes/body.yaml": cassette((QUESTION, gzipped_body())),
    "cassettes/packed.yaml.gz": gzip.compress(cassette()),
    "cassettes/c.json": json.dumps(
        {"interactions": [to_shape(Interaction(QUESTION, STREAM))], "version": 1}, default=str, indent=1
    ).encode(),
    "cassettes/.c.yaml.1-a.journal": journal(),
    "reports/x/run.jsonl": (
        json.dumps({"replay": 1}) + "\n" + json.dumps({"raw": STREAM.body.decode()})
    ).encode(),
    "logs/app.log": f"12:00 GET /\n12:01 key {KEY} used\n".encode(),
    "logs/old.jsonl.gz": gzip.compress(json.dumps({"request": json.dumps({"key": KEY})}).encode() + b"\n"),
    "notes.txt": base64.b64encode(f"the key is {KEY}".encode()),
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "replay.toml").write_text("[redaction]\nsalt = 's'\n")

    def write(files):
        for name, data in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    write(FILES)
    return write


def replay(capsys, *arguments):
    code = cli.main(["redact", *arguments])
    said = capsys.readouterr()
    assert KEY[:20] not in said.out + said.err
    assert "hunter" not in said.out + said.err
    return code, said.out.splitlines(), said.err


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_file_is_searched_whatever_wraps_the_secret(project, capsys, name):
    code, lines, _ = replay(capsys, "--check", name)
    assert code == 1
    assert all(line.startswith(f"{name}:") for line in lines)
    kinds = {line.rpartition(":")[2].removesuffix(" in base64") for line in lines}
    assert kinds == {"field password" if "named" in name else "OpenAI key"}


def test_a_place_is_its_path_line_and_kind(project, capsys):
    _, lines, _ = replay(capsys, "--check", "fixtures", "logs/app.log")
    assert lines == [
        "fixtures/a.yaml:6:OpenAI key",
        "fixtures/named.yaml:4:field password",
        "logs/app.log:2:OpenAI key",
    ]
    code, lines, _ = replay(capsys, "--check", "--json", "logs/app.log")
    assert (code, json.loads("\n".join(lines))) == (1, {"found": ["logs/app.log:2:OpenAI key"]})


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_file_is_rewritten_clean_and_once(project, tmp_path, capsys, name):
    path = tmp_path / name
    path.chmod(0o640)
    code, lines, _ = replay(capsys, name)
    assert code == 0
    assert len(lines) == 1
    assert lines[0].startswith(f"{name}: replaced ")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert replay(capsys, "--check", name) == (0, [], "")
    before = path.read_bytes()
    assert replay(capsys, name) == (0, [], "")
    assert path.read_bytes() == before


def test_only_the_values_change(project, tmp_path, capsys):
    replay(capsys, ".")
    assert (
        (tmp_path / "fixtures/named.yaml")
        .read_bytes()
        .startswith(b"# mine\ntool_results:\n- name: x\n  content: {password: REDACTED-key-")
    )
    assert (tmp_path / "fixtures/named.yaml").read_bytes().endswith(b", on: 1.50}\n")
    log = (tmp_path / "logs/app.log").read_text().splitlines()
    assert log[0] == "12:00 GET /"
    assert log[1].startswith("12:01 key REDACTED-key-")


@pytest.mark.parametrize("name", ["cassettes/plain.yaml", "cassettes/frames.yaml", "cassettes/body.yaml"])
def test_a_rewritten_cassette_answers_the_same_requests(project, tmp_path, capsys, name):
    before = cassettes.load(tmp_path / name)
    replay(capsys, name)
    redactor = Redactor.for_project(Project.find(tmp_path), {})
    with Cassette(tmp_path / name, redactor=redactor) as cassette:
        answer = cassette.play(QUESTION)
    assert answer == redactor.response(before[0].response)
    assert len(answer.chunks) == len(before[0].response.chunks)


def test_a_journal_is_rewritten_so_that_it_can_be_recovered(project, tmp_path, capsys):
    replay(capsys, "cassettes/.c.yaml.1-a.journal")
    assert cli.main(["cassette", "recover", "cassettes/c.yaml"]) == 0
    (one,) = cassettes.load(tmp_path / "cassettes/c.yaml")
    assert [time for time, _ in one.response.chunks] == [time for time, _ in STREAM.chunks]


FOREIGN = """\
---
http_interactions:
- request:
    method: post
    body: {encoding: UTF-8, string: '{"api_key":"%s"}'}
    headers:
      Authorization:
      - Bearer "quoted" abcdef
      Openai-Organization: [acme]
      X-Api-Key:
      - <API_KEY>
  response:
    # the answer
    body:
      string: "one\\ttwo \\u00e9 %s"
  recorded_at: Tue, 03 Mar 2026 10:11:12 GMT
recorded_with: VCR 6.2.0
"""


def test_a_cassette_of_another_tool_keeps_its_form(project, tmp_path, capsys):
    project({"ruby.yml": (FOREIGN % (KEY, KEY)).encode()})
    _, lines, _ = replay(capsys, "--check", "ruby.yml")
    assert lines == [
        "ruby.yml:5:OpenAI key",
        "ruby.yml:8:header Authorization",
        "ruby.yml:9:header Openai-Organization",
        "ruby.yml:15:OpenAI key",
    ]
    replay(capsys, "ruby.yml")
    text = (tmp_path / "ruby.yml").read_text()
    kept = [line for line in (FOREIGN % (KEY, KEY)).splitlines() if line in text.splitlines()]
    assert len(kept) == len(FOREIGN.splitlines()) - 4
    read = yaml.safe_load(text)["http_interactions"][0]
    assert read["response"]["body"]["string"].startswith("one\ttwo é REDACTED-key-")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("cut.yaml", cassette()[:-40], "cut at byte"),
        ("bad.json", b'{"key": "%s"' % KEY.encode(), "this is not JSON"),
        ("bad.yaml.gz", gzip.compress(cassette())[:-30], "this gzip file cannot be read"),
        ("tab.yaml", b"a: [%s\n\tb: 1\n" % KEY.encode(), "is not YAML"),
        ("index.html", page(), "replay report RUN"),
        ("image.png", b"\0\x01 known-live-value \0", "this is no text"),
    ],
)
def test_what_cannot_be_rewritten_is_named_and_left(
    project, tmp_path, capsys, monkeypatch, name, data, message
):
    monkeypatch.setenv("SOME_API_KEY", "known-live-value")
    project({name: data})
    code, lines, said = replay(capsys, name)
    assert (code, lines) == (4, [])
    assert said.startswith(f"{name}:")
    assert message in said
    assert (tmp_path / name).read_bytes() == data
    assert [path.name for path in tmp_path.glob(".*.tmp")] == []


def test_a_journal_that_is_being_written_is_left(project, tmp_path, capsys):
    path = tmp_path / "cassettes/.c.yaml.1-a.journal"
    before = path.read_bytes()
    with path.open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        code, _, said = replay(capsys, str(path))
    assert code == 4
    assert "still runs" in said
    assert path.read_bytes() == before


def test_one_bad_file_does_not_keep_the_others_from_being_rewritten(project, capsys):
    project({"logs/bad.json": b'{"key": "%s"' % KEY.encode()})
    code, lines, said = replay(capsys, "logs")
    assert code == 4
    assert len(lines) == 2
    assert said.startswith("logs/bad.json: error: this is not JSON")


def test_folders_are_searched_whole_but_for_those_of_tools(project, capsys):
    project({"node_modules/a.txt": KEY.encode(), ".git/config": KEY.encode()})
    _, lines, _ = replay(capsys, "--check", ".")
    assert {line.split(":")[0] for line in lines} == set(FILES)


def test_the_report_of_a_run_is_searched_where_it_is_folded(project, capsys):
    project({"index.html": page()})
    assert replay(capsys, "--check", "index.html")[:2] == (1, ["index.html:2:OpenAI key"])


def test_the_hooks_call_what_there_is():
    from pathlib import Path

    hooks = yaml.safe_load((Path(__file__).parents[1] / ".pre-commit-hooks.yaml").read_text())
    assert [hook["entry"] for hook in hooks] == ["replay redact --check", "replay redact"]


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n '\"#:-"), max_size=30)
TREES = st.recursive(
    TEXTS | st.binary(max_size=90),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150)
@given(
    TREES,
    st.sampled_from([None, "|", ">", '"', "'"]),
    st.booleans(),
    st.text(st.sampled_from("a é\n"), max_size=9),
)
def test_a_value_of_yaml_is_replaced_and_nothing_else(tree, style, flow, new):
    text = yaml.safe_dump(
        {"x": [tree]},
        default_style=style,
        default_flow_style=flow,
        allow_unicode=True,
        width=40,
        sort_keys=False,
    )
    values = [scalar.value for scalar in scalars(text)]
    for place, scalar in enumerate(scalars(text)):
        if not scalar.value.strip():  # there is nothing in it that could be a secret
            continue
        value = f"R{new}Z"
        if isinstance(scalar.value, bytes):
            value = value.encode()
        elif scalar.style == "|":  # what ends a block stays
            value += scalar.value[len(scalar.value.rstrip("\n")) :]
        after = text[: scalar.start] + rewritten(text[scalar.start : scalar.end], scalar, value)
        after += text[scalar.end :]
        assert [one.value for one in scalars(after)] == [*values[:place], value, *values[place + 1 :]]
