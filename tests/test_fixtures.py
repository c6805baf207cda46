"""Conversation fixtures: what loads as what, what is refused and where (the catalogue of bad input, 1 to 70)."""

# ruff: noqa: E501 - a row of a table is a line

import base64
import gzip
import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from replay import cache, fixtures, schemas
from replay.config import Project
from replay.conversation import Conversation, Message, Tool, ToolCall, ToolResult
from replay.errors import BadInput
from replay.fixtures import _messages, _params, _tools
from replay.jsontext import same

PNG = base64.b64encode(b"\x89PNG\r\n").decode()
RECORDED = "source: {format: vcr}\n"
USER = "messages: [{role: user, content: Hi}]\n"
CALL = """messages:
  - {role: user, content: Hi}
  - role: assistant
    content: null
    tool_calls: [{id: c1, type: function, function: {name: f, arguments: '{"a": 1}'}}]
"""


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def put(project, text, name="t.yaml"):
    path = project.conversations / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return path


def load(project, text, name="t.yaml"):
    warnings = []
    conversation = fixtures.load(put(project, text, name), project, warnings=warnings)
    return conversation, [str(warning).removeprefix("fixtures/conversations/") for warning in warnings]


def refusal(project, text):
    with pytest.raises(BadInput) as caught:
        load(project, text)
    return str(caught.value).replace("fixtures/conversations/", "")


def content(text):
    return f"messages:\n  - role: user\n    content: {text}\n"


def params(text):
    return f"{USER}params:\n  {text}\n"


def part(text):
    return f"messages:\n  - role: user\n    content:\n      - {text}\n"


ROLES = "use one of system, developer, user, assistant, tool, function"
BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
)

# number of the case, the file, what is said of it
REFUSED = [
    (1, "messages:\n\t- role: user", "t.yaml:2:1: error: a tab indents this line; use spaces"),
    (2, f"{USER}<<<<<<< HEAD\ntags: [a]\n=======\n>>>>>>> b\n", "t.yaml:2:1: error: unresolved merge at line 2"),
    (3, "", "t.yaml: error: is empty"),
    (3, "# nothing\n# here\n", "t.yaml: error: is empty"),
    (4, "- role: user", "t.yaml:1:1: error: expected a mapping with `messages`"),
    (4, "hello", "t.yaml:1:1: error: expected a mapping with `messages`"),
    (5, f"{USER}---\n{USER}", "t.yaml:2:1: error: a second document begins here; keep one in a file"),
    (6, f"{USER}tags: [a]\ntags: [b]", 't.yaml:3:1: error: key "tags" is given twice, here and on line 2'),
    (7, f"{USER}parms: {{n: 1}}", 't.yaml:2:1: error: a conversation has no "parms"; did you mean "params"?'),
    (7, f"{USER}temperature: 1", "t.yaml:2:1: error: temperature belongs under `params`"),
    (7, "messages:\n  - {role: user, contant: Hi, content: x}", 'a message has no "contant"; did you mean "content"?'),
    (8, "tags: [a]", "t.yaml:1:1: error: expected a mapping with `messages`"),
    (9, "messages: []", "t.yaml:1:11: error: messages is empty; a conversation needs at least one"),
    (10, "messages:\n  - role: assitant\n    content: Hi", f't.yaml:2:11: error: role "assitant" is not known; {ROLES}'),
    (10, "messages:\n  - content: Hi", f"t.yaml:2:5: error: a message needs a role; {ROLES}"),
    (11, "messages:\n  - role: assistant\n    content: null", "t.yaml:3:14: error: content is missing"),
    (11, "messages:\n  - role: assistant", "t.yaml:2:5: error: content is missing"),
    (12, f"{CALL}  - {{role: tool, content: x}}", "t.yaml:6:5: error: a tool message needs the tool_call_id of the call it answers; ids so far: c1"),
    (12, f"{CALL}  - {{role: tool, tool_call_id: c2, content: x}}", 't.yaml:6:32: error: tool_call_id "c2" answers no call; ids so far: c1'),
    (12, "messages: [{role: tool, tool_call_id: c2, content: x}]", 'tool_call_id "c2" answers no call; no tool was called before it'),
    (16, part("{type: image_urll, image_url: {url: x}}"), 't.yaml:4:16: error: content part "image_urll" is not known; did you mean "image_url"?'),
    (16, part("{text: Hi}"), "t.yaml:4:9: error: a content part needs a type; use one of text, image_url"),
    (16, part("Hi"), "t.yaml:4:9: error: expected a content part, a mapping, not text"),
    (17, part('{type: image_url, image_url: {url: "data:image/png;base64,abc!"}}'), "t.yaml:4:44: error: url is not base64"),
    (17, part("{type: input_audio, input_audio: {data: a, format: wav}}"), "t.yaml:4:49: error: data is not base64"),
    (18, part("{type: image_url, image_url: {url: images/none.png}}"), 't.yaml:4:44: error: no file "images/none.png" in the project'),
    (18, f"{USER}tools: [{{name: f, parameters: schemas/none.json}}]", 't.yaml:2:31: error: no file "schemas/none.json"'),
    (19, part("{type: image_url, image_url: {path: ../secret.png}}"), 'path "../secret.png" leaves the project'),
    (19, part("{type: file, file: {path: /etc/passwd}}"), 'path "/etc/passwd" must be relative to the project'),
    (19, part("{type: file, file: {path: link/passwd}}"), 'path "link/passwd" leaves the project'),
    (20, "messages: &a [*a]", "t.yaml:1:15: error: alias *a stands inside what it names, without end"),
    (21, f"{BOMB}\nmessages: *a8", "more than 1,000,000 values"),
    (22, "messages: " + "[" * 50_000, "t.yaml:1:110: error: nested more than 100 deep"),
    (23, "messages: !!python/object/apply:os.system ['touch canary']", "tag !!python/object/apply:os.system is not supported"),
    (24, content("!!binary aGk="), "t.yaml:3:14: error: tag !!binary is not supported"),
    (24, content("!!set {a}"), "tag !!set is not supported"),
    (24, content("!foo a"), "tag !foo is not supported"),
    (25, content("!!bool maybe"), '"maybe" is not a YAML bool'),
    (25, content("!!timestamp x"), "tag !!timestamp is not supported"),
    (25, content("!!int abc"), '"abc" is not a YAML int'),
    (27, content("é").encode("utf-16"), "t.yaml:1:1: error: is UTF-16 or UTF-32 text (byte 0); save it as UTF-8"),
    (27, content("é").encode("latin-1"), "t.yaml:3:14: error: byte 0xe9 at offset 38 is not UTF-8; save it as UTF-8"),
    (28, content('"a\0"'), 't.yaml:3:16: error: character U+0000 may not stand in a file; write it as "\\x00"'),
    (28, content('"\x1b[1m"'), "character U+001B may not stand in a file"),
    (28, content('"\x7f"'), "character U+007F may not stand in a file"),
    (29, content('"a\x85b"'), 't.yaml:3:16: error: character U+0085 would be read as a line break; write it as "\\N"'),
    (31, content(r'"\ud83d"'), "t.yaml:3:14: error: half a surrogate pair; write the whole character"),
    (34, f"{USER}<<: [1]", "t.yaml:2:1: error: merge keys (<<) are not read; write the keys out"),
    (34, "messages: *m", "t.yaml:1:11: error: no anchor &m comes before this alias"),
    (52, content("~"), 't.yaml:3:14: error: content is missing; write ""'),
    (52, content(""), 'content is missing; write ""'),
    (52, part("{type: text, text: ~}"), 't.yaml:4:28: error: text is empty; write "" or remove it'),
    (53, params("max_tokens: 1e3"), "t.yaml:3:15: error: max_tokens must be a whole number; write 1000"),
    (54, params("max_tokens: true"), "max_tokens must be a whole number"),
    (55, params('max_tokens: "3"'), 'max_tokens must be a whole number, not "3"; write 3'),
    (56, params("n: 1.0"), "t.yaml:3:6: error: n must be a whole number; write 1"),
    (57, params("temperature: .nan"), "temperature must be a finite number"),
    (58, params("temperature: .inf"), "temperature must be a finite number"),
    (58, params("temperature: 1e999"), "temperature must be a finite number"),
    (59, params("max_completion_tokens: -1"), "max_completion_tokens must be 0 or more, not -1"),
    (60, params("max_tokens: 010"), 'max_tokens must be a whole number, not "010"; write 8 or 10'),
    (60, params("max_tokens: 0o10"), 'max_tokens must be a whole number, not "0o10"; write 8 or 10'),
    (61, params(f"seed: {'9' * 30}"), "seed does not fit into 64 bits"),
    (62, params(f"seed: {'9' * 5000}"), "seed must be a whole number, not 5000 characters of text"),
    (63, params("{logit_bias: {50256: 1}}"), 't.yaml:3:17: error: key 50256 is not text; write "50256"'),
    (63, f"{USER}null: x", "t.yaml:2:1: error: key null is not text"),
    (63, f"{USER}true: x", "t.yaml:2:1: error: key true is not text"),
    (64, params("temperature: 1,5"), 'temperature must be a number, not "1,5"; write 1.5'),
    # beside the catalogue
    (0, params("temprature: 1"), 't.yaml:3:3: error: params has no "temprature"; did you mean "temperature"?'),
    (0, params("model: gpt-4o"), "t.yaml:3:3: error: model is no parameter here: the model comes from the target"),
    (0, params("stream: yes"), "t.yaml:3:11: error: stream must be true or false"),
    (0, params("stop: {a: 1}"), "t.yaml:3:9: error: stop must be text, not a mapping"),
    (0, params("logit_bias: {a: 101}"), "t.yaml:3:19: error: logit_bias of a must be 100 or less, not 101"),
    (0, params("response_format: {type: json}"), "response_format has no type 'json'"),
    (0, params("max_tokens: 0x1F"), 'not "0x1F"; write 31'),
    (0, params("max_tokens: 1_000"), 'not "1_000"; write 1000'),
    (0, f"{USER}params: [1]", "t.yaml:2:9: error: expected parameters, a mapping, not a list"),
    (0, f"{USER}tags: a", "t.yaml:2:7: error: tags must be a list of text, not text"),
    (0, f"{USER}tags: [a, null]", "t.yaml:2:11: error: this is empty"),
    (0, f"{USER}source: x", "t.yaml:2:9: error: expected where the conversation comes from, a mapping, not text"),
    (0, f"{USER}tools: [{{description: x}}]", "t.yaml:2:9: error: a tool needs a name"),
    (0, f"{USER}tools: [{{name: f, effect: reed}}]", 'effect "reed" is not known; did you mean "read"?'),
    (0, f"{USER}tools: [{{name: f, parameters: [a]}}]", "parameters must be a JSON Schema, a mapping, or the path"),
    (0, f"{USER}tool_results: [{{content: x}}]", "t.yaml:2:16: error: a tool result needs the name of its tool"),
    (0, f"{USER}tool_results: [{{name: f, result: x}}]", 't.yaml:2:26: error: a tool result has no "result"'),
    (0, f"{USER}tool_results: [{{name: f, arguments: [1]}}]", "arguments must be a mapping, or text"),
    (0, CALL.replace("id: c1, ", ""), "t.yaml:5:18: error: a tool call needs an id"),
    (0, CALL.replace("name: f, ", ""), "a call needs the name of its function"),
    (0, CALL.replace("""arguments: '{"a": 1}'""", "x: 1"), "a call needs arguments, the text the model wrote"),
    (0, CALL.replace("type: function", "type: funktion"), 'tool call type "funktion" is not known'),
    (0, content("{a: 1}"), "t.yaml:3:14: error: content must be text, not a mapping"),
    (0, content("[]"), "t.yaml:3:14: error: content is an empty list"),
    (0, "messages: {role: user}", "t.yaml:1:11: error: messages must be a list of messages, not a mapping"),
    (0, "messages: [Hi]", "t.yaml:1:12: error: expected a message, a mapping, not text"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"), [case[1:] for case in REFUSED], ids=[f"{n}-{i}" for i, (n, *_) in enumerate(REFUSED)]
)
def test_bad_input_is_refused_with_its_place_and_the_mend(project, text, said):
    (project.root / "link").symlink_to("/etc")
    (project.root.parent / "secret.png").write_bytes(b"x")
    begun = time.process_time()
    assert said in refusal(project, text)
    assert time.process_time() - begun < 2


def test_every_refusal_says_where_it_is(project):
    for _, text, _ in REFUSED:
        assert refusal(project, text).startswith("t.yaml:")


KEPT = [
    (36, "Dear {{name}}, ${HOME} {{ cycler.__init__.__globals__ }}", None),
    (39, "no", None),
    (40, "on", None),
    (41, "yes", None),
    (41, "off", None),
    (42, "2024-01-01", None),
    (43, "2024-02-30", None),
    (44, "22:22:22", None),
    (45, "12:30:45.5", None),
    (46, "010", None),
    (47, "3.10", None),
    (48, "1_000", None),
    (49, "0x1F", None),
    (50, "=", None),
    (50, "<<", None),
    (0, "true", None),
    (0, "1e3", None),
    (0, ".nan", None),
    (0, "9" * 5000, None),
    (30, r'"\ud83d\ude00"', "😀"),
    (52, '""', ""),
    (69, '"e\\u0301"', "e\u0301"),
    (69, '"\\u00e9"', "\u00e9"),
    (70, '"a \\n"', "a \n"),
    (70, '"a"', "a"),
]


@pytest.mark.parametrize(
    ("written", "meant"), [case[1:] for case in KEPT], ids=[f"{n}-{w[:12]}" for n, w, _ in KEPT]
)
def test_text_fields_keep_what_was_written(project, written, meant):
    meant = written if meant is None else meant
    conversation, warnings = load(project, content(written))
    assert conversation.messages[0].content == meant
    assert not warnings
    fixtures.save(conversation, project)
    assert fixtures.load(project.conversations / "t.yaml", project) == conversation


def test_every_text_field_keeps_what_was_written(project):
    text = """
messages:
  - {role: user, content: [{type: text, text: 3.10}], name: 1.0}
  - role: assistant
    tool_calls: [{id: 1.50, type: function, function: {name: 2.0, arguments: 3.10}}]
  - {role: tool, tool_call_id: 1.50, content: 1e2}
tools: [{name: 2.0, description: 4.20}]
tool_results: [{name: 2.0, content: x}]
tags: [1.10, no]
params: {user: 7.70, stop: [no, 1:30, 2.50]}
"""
    conversation, warnings = load(project, text)
    user, assistant, tool = conversation.messages
    assert not warnings
    assert (user.text, user.extra) == ("3.10", {"name": "1.0"})
    assert assistant.tool_calls == (ToolCall("1.50", "2.0", "3.10"),)
    assert (tool.tool_call_id, tool.content) == ("1.50", "1e2")
    assert conversation.tools == (Tool("2.0", "4.20"),)
    assert conversation.tool_results[0].name == "2.0"
    assert conversation.tags == ("1.10", "no")
    assert conversation.params == {"user": "7.70", "stop": ["no", "1:30", "2.50"]}


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("1", "true", False),  # 65
        ("1", "1.0", True),  # 66
        (".nan", ".nan", True),  # 67
        ("-0.0", "0", True),  # 68
        ('"e\\u0301"', '"\\u00e9"', False),  # 69
        ('"a"', '"a "', False),  # 70
        ('"a"', '"a\\n"', False),
        ("010", "8", False),
        ("010", "10", False),
    ],
)
def test_what_is_read_compares_as_json_does(project, one, other, equal):
    conversation, _ = load(project, f"{USER}tool_results: [{{name: f, content: [{one}, {other}]}}]")
    assert same(*conversation.tool_results[0].content) is equal


def test_stop_words_stay_text(project):  # 51
    assert load(project, params("stop: [no, 1:30]"))[0].params == {"stop": ["no", "1:30"]}


def test_byte_order_mark_and_crlf_are_kept_out(project):  # 26, 32
    plain = load(project, content("|\n      a\n      b"))[0]
    assert load(project, "\ufeff" + content("|\n      a\n      b").replace("\n", "\r\n"))[0] == plain


def test_a_file_over_the_limit_is_refused(project):  # 33
    path = put(project, USER)
    with path.open("ab") as file:
        file.truncate(50_000_001)
    with pytest.raises(BadInput, match="too large"):
        fixtures.load(path, project)


def test_no_tag_leaves_a_canary(project, monkeypatch):  # 23
    monkeypatch.chdir(project.root)
    refusal(project, "messages: !!python/object/apply:os.system ['touch canary']")
    assert not Path("canary").exists()


def test_deep_nesting_does_not_crash_the_interpreter(project):  # 22
    path = put(project, "messages: " + "[" * 50_000)
    code = (
        "from pathlib import Path; from replay import fixtures; from replay.config import Project; import sys\n"
        "try: fixtures.load(Path(sys.argv[1]), Project(Path('.')))\n"
        "except Exception as problem: print(problem)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "nested more than 100 deep" in done.stdout


def test_an_alias_bomb_costs_little_memory(project):  # 21
    import tracemalloc

    tracemalloc.start()
    try:
        refusal(project, f"{BOMB}\nmessages: *a8")
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


WARNED = [
    (13, f"{CALL}  - {{role: user, content: x}}\n", 't.yaml:5:23: warning: tool call "c1" is never answered'),
    (15, CALL.replace('{"a": 1}', '{"a": '), "t.yaml:5:74: warning: arguments are not JSON"),
    (16, part("{type: video_url, video_url: {url: x}}"), 'warning: content part "video_url" is sent as it is'),
    (0, params("temperature: 3"), "t.yaml:3:16: warning: temperature 3 is more than the 2 that providers take"),
    (0, f"{USER}tools: [{{name: f}}, {{name: f}}]", 'warning: tool "f" is declared twice; the first is on line 2'),
    (0, f"{USER}tools: [{{name: f}}]\ntool_results: [{{name: g}}]", 'warning: no tool is called "g"; use one of f'),
    (0, CALL.replace("[{id", "[{id: c1, function: {name: g, arguments: ''}}, {id"), '"c1" is used twice'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), [case[1:] for case in WARNED])
def test_odd_input_loads_with_a_warning(project, text, said):
    _, warnings = load(project, text)
    assert len(warnings) == 1
    assert said in warnings[0]


LENIENT = (11, 12, 17, 31, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 64)


@pytest.mark.parametrize("text", [text for number, text, _ in REFUSED if number in LENIENT])
def test_what_a_real_client_sent_loads_with_a_warning(project, text):
    source = text if text.endswith("\n") else text + "\n"
    _, warnings = load(project, source + RECORDED)
    assert warnings


@pytest.mark.parametrize(
    "text",
    [
        content("null"),
        content('""'),
        content("[]"),
        "messages:\n  - {role: assistant, content: null, tool_calls: null}\n",
        "messages:\n  - {role: ipython, content: x}\n",
        "messages:\n  - {role: assistant, content: '', tool_calls: [{function: {name: f}}]}\n",
        part("{type: input_audio, input_audio: UklGR}"),
        part("{type: image_url, image_url: 'https://example.com/a.png'}"),
        part("{type: image_url, image_url: {url: REDACTED}}"),
        params("response_format: {type: json_schema, schema: {}}"),
        params("max_tokens: null"),
    ],
)
def test_what_real_traffic_holds_loads(project, text):
    load(project, text + RECORDED)


def test_arguments_given_as_a_mapping_are_kept_as_json_text(project):  # 14
    conversation, warnings = load(project, CALL.replace("""'{"a": 1}'""", '{b: [1, "é"], a: no}'))
    assert conversation.messages[1].tool_calls[0].arguments == '{"b": [1, "é"], "a": "no"}'
    assert not warnings


def test_a_last_message_may_call_tools_that_nobody_has_answered_yet(project):
    assert load(project, CALL)[1] == []


@pytest.mark.parametrize("role", _messages.ROLES)
def test_all_roles_load(project, role):
    answer = "tool_call_id: c1, " if role == "tool" else ""
    conversation, warnings = load(project, f"{CALL}  - {{role: {role}, {answer}content: x, name: n}}\n")
    assert conversation.messages[-1].role == role
    assert role == "tool" or len(warnings) == 1  # the call is not answered


def test_all_parts_load_as_they_are(project):
    parts = [
        {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "input_audio", "input_audio": {"data": PNG, "format": "wav"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PNG}", "filename": "a.pdf"}},
        {"type": "refusal", "refusal": "No."},
    ]
    conversation, warnings = load(project, json.dumps({"messages": [{"role": "user", "content": parts}]}))
    assert conversation.messages[0].content == parts
    assert not warnings


def test_files_of_the_project_are_read_in(project):
    (project.root / "media").mkdir()
    (project.root / "media" / "a.png").write_bytes(base64.b64decode(PNG))
    (project.root / "media" / "s.json").write_text('{"type": "object"}')
    text = """
messages:
  - role: user
    content:
      - {type: image_url, image_url: {url: media/a.png, detail: low}}
      - {type: image_url, image_url: {path: media/a.png}}
      - {type: input_audio, input_audio: {path: media/a.png, format: wav}}
      - {type: file, file: {path: media/a.png}}
tools: [{name: f, parameters: media/s.json}, {type: function, function: {name: g, parameters: media/s.json}}]
params: {response_format: {type: json_schema, json_schema: {name: s, schema: media/s.json}}}
"""
    conversation, warnings = load(project, text)
    data = f"data:image/png;base64,{PNG}"
    assert not warnings
    assert [item[item["type"]] for item in conversation.messages[0].content] == [
        {"url": data, "detail": "low"},
        {"url": data},
        {"data": PNG, "format": "wav"},
        {"file_data": data, "filename": "a.png"},
    ]
    assert [tool.parameters for tool in conversation.tools] == [{"type": "object"}] * 2
    assert conversation.params["response_format"]["json_schema"]["schema"] == {"type": "object"}


def test_a_schema_file_that_is_damaged_is_named(project):
    (project.root / "s.json").write_text('{"type": ')
    with pytest.raises(BadInput, match=r"s\.json:2:1: error: this is not YAML"):
        load(project, f"{USER}tools: [{{name: f, parameters: s.json}}]")


def test_all_faults_of_all_files_are_reported_at_once(project):
    paths = [
        put(project, params("n: 1.0\n  max_tokens: -1") + "nope: 1\n", "a.yaml"),
        put(project, "messages: [\n", "b.yaml"),
        put(project, USER, "good.yaml"),
    ]
    with pytest.raises(BadInput) as caught:
        fixtures.load_all(paths, project)
    places = [(fault.path.rpartition("/")[2], fault.line) for fault in caught.value.faults]
    assert places == [("a.yaml", 3), ("a.yaml", 4), ("a.yaml", 5), ("b.yaml", 2)]


def test_two_files_of_one_conversation_are_both_named(project):  # 35
    paths = [put(project, USER, "x/t.yaml"), put(project, USER, "x/t.json")]
    said = r'x/t\.json: error: is the conversation "x/t", as is fixtures/conversations/x/t\.yaml; rename one'
    with pytest.raises(BadInput, match=said):
        fixtures.load_all(paths, project)
    with pytest.raises(BadInput, match=r'is the conversation "x/t"'):
        fixtures.find("x/t", project)
    assert fixtures.names(project) == ["x/t"]


def test_a_fixture_may_be_json(project):
    text = '{"$schema": "x.json", "messages": [{"role": "user", "content": "\\ud83d\\ude00"}]}'
    conversation, _ = load(project, text, "deep/er/t.json")
    assert (conversation.name, conversation.messages[0].content) == ("deep/er/t", "😀")
    assert fixtures.save(conversation, project).name == "t.json"
    assert fixtures.load(fixtures.find("deep/er/t", project), project) == conversation


def test_globs(project):
    for name in (
        "a.yaml",
        "s/b.yml",
        "s/c.json",
        "s/deep/d.yaml",
        "s/[x] y.yaml",
        ".hidden.yaml",
        "s/note.txt",
    ):
        put(project, USER, name)
    every = ["a", "s/[x] y", "s/b", "s/c", "s/deep/d"]
    assert fixtures.names(project) == fixtures.names(project, "**") == every
    assert fixtures.names(project, "*") == ["a"]
    assert fixtures.names(project, "s/*") == ["s/[x] y", "s/b", "s/c"]
    assert fixtures.names(project, "s/**") == every[1:]
    assert fixtures.names(project, "**/d") == ["s/deep/d"]
    assert fixtures.names(project, "**/a") == ["a"]
    assert fixtures.names(project, "s/?") == ["s/b", "s/c"]
    assert fixtures.names(project, "s/[x] y") == ["s/[x] y"]
    assert fixtures.names(project, "s/[x]*") == ["s/[x] y"]
    assert fixtures.names(project, "none/*") == fixtures.names(project, "none") == []
    assert fixtures.names(project, "../conversations/a") == []


def test_what_was_checked_before_is_not_parsed_again_and_loads_equal(project, monkeypatch):
    text = CALL.replace('{"a": 1}', '{"a": ') + 'tags: [no, "\\ud83d\\ude00"]\nparams: {x: .inf}\n'
    first = load(project, text)
    monkeypatch.setattr(fixtures.documents, "parse", None)
    assert load(project, text) == first
    assert (project.root / ".replay" / ".gitignore").read_text() == "*\n"


def test_the_cache_is_never_trusted_over_the_file(project):
    path = put(project, content("one"))
    fixtures.load(path, project)
    times = path.stat()
    path.write_text(content("two"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # same size, same time
    assert fixtures.load(path, project).messages[0].text == "two"
    put(project, "messages: []")
    with pytest.raises(BadInput):
        fixtures.load(path, project)


def a_new_process(project):
    """What is kept is written, and read anew."""
    cache._store(str(project.root), os.getpid()).flush()
    cache._store.cache_clear()
    return project.root / ".replay" / "cache.db"


def test_what_was_checked_by_one_process_is_not_parsed_by_the_next(project, monkeypatch):
    first = load(project, content("one"))
    a_new_process(project)
    monkeypatch.setattr(fixtures.documents, "parse", None)
    assert load(project, content("one")) == first


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"key": 1}', "\x00", "[" * 100_000])
def test_a_damaged_entry_is_made_anew(project, damage):
    path = put(project, content("one"))
    fixtures.load(path, project)
    with closing(sqlite3.connect(a_new_process(project))) as database, database:
        ((whole,),) = database.execute("SELECT entry FROM entries").fetchall()
        database.execute("UPDATE entries SET entry = ?", (damage,))
    assert fixtures.load(path, project).messages[0].text == "one"
    with closing(sqlite3.connect(a_new_process(project))) as database, database:
        assert database.execute("SELECT entry FROM entries").fetchall() == [(whole,)]


@pytest.mark.parametrize("damage", [b"", b"no database at all" * 1000, None])
def test_a_damaged_cache_is_made_anew(project, damage):
    path = put(project, content("one"))
    fixtures.load(path, project)
    file = a_new_process(project)
    if damage is None:  # only a part of it is left
        damage = file.read_bytes()[:4500]
    file.write_bytes(damage)
    for _ in range(3):
        assert fixtures.load(path, project).messages[0].text == "one"
        a_new_process(project)
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("SELECT count(*) FROM entries").fetchall() == [(1,)]


def test_a_cache_that_another_process_holds_costs_no_more_than_a_parse(project, monkeypatch):
    monkeypatch.setattr(cache, "_PATIENCE", 0.01)
    path = put(project, content("one"))
    fixtures.load(path, project)
    with closing(sqlite3.connect(a_new_process(project))) as database, database:
        database.execute("BEGIN EXCLUSIVE")
        assert fixtures.load(path, project).messages[0].text == "one"
        a_new_process(project)


def test_without_a_place_for_the_cache_all_is_well(project):
    (project.root / ".replay").write_text("in the way")
    assert load(project, content("one"))[0].messages[0].text == "one"


def test_a_fixture_that_reads_other_files_is_read_anew(project):
    (project.root / "a.txt").write_bytes(b"one")
    text = part("{type: file, file: {path: a.txt}}")
    before = load(project, text)
    (project.root / "a.txt").write_bytes(b"two")
    assert load(project, text) != before


def test_a_file_outside_the_project_leaves_no_trace(project, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "t.yaml"
    other.write_text(USER)
    assert fixtures.load(other, project).name == "t"
    assert [path.name for path in other.parent.iterdir()] == ["t.yaml"]
    assert not (project.root / ".replay").exists()


def test_a_missing_conversation_is_answered_with_the_nearest(project):
    put(project, USER, "support/refund.yaml")
    with pytest.raises(
        BadInput, match=r'no conversation is called "support/refnd"; did you mean "support/refund"'
    ):
        fixtures.find("support/refnd", project)


@pytest.mark.parametrize("name", ["../x", "/x", "a//b", "", "a/./b", "a\0b", "a" * 300])
def test_a_name_that_cannot_be_a_file_is_refused(project, name):
    with pytest.raises(BadInput, match="cannot be the name of a conversation"):
        fixtures.save(Conversation(name, (Message("user", "x"),)), project)


def test_dump_is_what_a_person_would_write_and_names_its_schema():
    conversation = Conversation(
        "support/refund",
        (Message("system", "Be brief.\nBe kind."), Message("user", "Where is it?")),
        (Tool("lookup", "Look it up.", {"type": "object"}, "read"),),
        {"temperature": 0},
        (ToolResult("lookup", {"id": "A"}, {"status": "refunded"}),),
        ("support",),
        {"format": "jsonl"},
    )
    assert fixtures.dump(conversation) == (
        "# yaml-language-server: $schema=../../../fixtures/.schemas/conversation.json\n"
        "messages:\n"
        "  - role: system\n"
        "    content: |-\n"
        "      Be brief.\n"
        "      Be kind.\n"
        "  - role: user\n"
        "    content: Where is it?\n"
        "params: {temperature: 0}\n"
        "tools:\n"
        "  - name: lookup\n"
        "    description: Look it up.\n"
        "    parameters: {type: object}\n"
        "    effect: read\n"
        "tool_results:\n"
        "  - {name: lookup, arguments: {id: A}, content: {status: refunded}}\n"
        "tags: [support]\n"
        "source: {format: jsonl}\n"
    )


texts = st.text(max_size=20) | st.sampled_from(["no", "3.10", "null", "", "a\n b\n", "{{x}}", "<<"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda some: st.lists(some, max_size=3) | st.dictionaries(texts, some, max_size=3),
    max_leaves=6,
)
calls = st.builds(ToolCall, st.text(min_size=1, max_size=5), st.text(min_size=1, max_size=5), texts)
messages = st.lists(
    st.builds(Message, st.sampled_from(["system", "developer", "user"]), texts)
    | st.builds(Message, st.just("assistant"), texts, st.lists(calls, max_size=2).map(tuple)),
    min_size=1,
    max_size=4,
).map(tuple)
conversations = st.builds(
    Conversation,
    st.just("x/t"),
    messages,
    st.lists(st.builds(Tool, st.text(min_size=1, max_size=5), texts), max_size=2).map(tuple),
    st.fixed_dictionaries({}, optional={"temperature": st.floats(0, 2), "stop": texts, "x": json_values}),
    st.lists(st.builds(ToolResult, texts, st.none() | st.dictionaries(texts, json_values), json_values)).map(
        tuple
    ),
    st.lists(texts, max_size=2).map(tuple),
)


@settings(max_examples=150)
@given(conversations)
def test_a_saved_conversation_loads_equal(project, conversation):
    path = fixtures.save(conversation, project)
    assert fixtures.load(path, project) == conversation


def outcome(project, text):
    """The conversation, or None where it was refused by name; anything else fails the test."""
    path = put(project, text)
    try:
        return fixtures.load(path, project)
    except BadInput as problem:
        refused = str(problem)
    assert "t.yaml" in refused
    return None


@settings(max_examples=300)
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: f"messages: {text}".encode()))
def test_any_bytes_load_or_are_refused(project, data):
    outcome(project, data)


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(fixtures.FIELDS), json_values), st.booleans())
def test_any_json_loads_or_is_refused(project, data, recorded):
    data = data | ({"source": {"format": "x"}} if recorded else {})
    outcome(project, json.dumps(data))


field = st.sampled_from(
    [
        *_messages.FIELDS,
        "type",
        "function",
        "custom",
        "id",
        "arguments",
        "url",
        "data",
        "path",
        "text",
        "effect",
    ]
)
shapes = st.recursive(
    st.none() | st.integers() | st.sampled_from([*_messages.ROLES, *_messages.PARTS, "function", "x"]),
    lambda some: st.lists(some, max_size=3) | st.dictionaries(field, some, max_size=4),
    max_leaves=15,
)
items = st.lists(st.dictionaries(field, shapes, max_size=4), max_size=2)


@settings(max_examples=500)
@given(items, items, items, st.booleans())
def test_fixtures_of_any_shape_load_or_are_refused(project, shaped, tools, results, recorded):
    data = {"messages": shaped, "tools": tools, "tool_results": results}
    data |= {"source": {"format": "x"}} if recorded else {}
    loaded = outcome(project, json.dumps(data))
    if loaded:
        assert all(isinstance(message.text, str) for message in loaded.messages)
        assert Conversation.from_json(loaded.name, loaded.to_json()) == loaded


def accepted():
    yield from (content(written) for _, written, _ in KEPT if len(written) < 4000)
    yield from (text for _, text, _ in WARNED)
    yield CALL


def test_the_published_schema_accepts_what_the_loader_accepts(project):
    validator = jsonschema.Draft202012Validator(schemas.schema("conversation"))
    for text in accepted():
        path = put(project, text)
        fixtures.load(path, project)
        data = fixtures.documents.read(path).data
        assert [error.message for error in validator.iter_errors(data)] == []


def test_the_published_schema_refuses_what_it_can(project):
    validator = jsonschema.Draft202012Validator(schemas.schema("conversation"))
    for number in (4, 7, 8, 9, 10, 53, 54, 55, 59):
        text = next(text for case, text, _ in REFUSED if case == number)
        assert not validator.is_valid(yaml.safe_load(text)), f"bad input {number}"


def test_the_published_schema_agrees_with_the_code():
    schema = schemas.schema("conversation")
    jsonschema.Draft202012Validator.check_schema(schema)
    kinds = schema["$defs"]
    assert set(schema["properties"]) == set(fixtures.FIELDS)
    assert tuple(kinds["message"]["properties"]["role"]["enum"]) == _messages.ROLES
    assert set(kinds["message"]["properties"]) == set(_messages.FIELDS)
    assert tuple(kinds["part"]["properties"]["type"]["examples"]) == _messages.PARTS
    assert tuple(kinds["tool"]["properties"]["effect"]["enum"]) == _tools.EFFECTS
    assert set(kinds["tool_result"]["properties"]) == set(_tools.RESULT_FIELDS)
    assert set(kinds["params"]["properties"]) == {*_params._RULES, *_params._ELSEWHERE}


def test_the_parameters_are_those_that_openai_publishes():
    corpus = Path(__file__).parents[1] / os.environ.get("REPLAY_CORPUS", "../shared/corpus")
    spec = corpus / "specs" / "openai-openapi.yaml.gz"
    if not spec.exists():
        pytest.skip(f"no corpus at {corpus}; set REPLAY_CORPUS")
    published = yaml.load(gzip.decompress(spec.read_bytes()), yaml.CSafeLoader)["components"]["schemas"]

    def properties(name):
        for piece in published[name].get("allOf", [published[name]]):
            if "$ref" in piece:
                yield from properties(piece["$ref"].rpartition("/")[2])
            yield from piece.get("properties", ())

    names = set(properties("CreateChatCompletionRequest"))
    assert len(names) > 30
    assert names - set(_params._ELSEWHERE) <= set(_params._RULES)


def test_schemas_are_put_where_the_first_line_points(project):
    conversation = Conversation("a/b/c", (Message("user", "x"),))
    path = fixtures.save(conversation, project)
    assert len(schemas.write(project.root)) == len(schemas.KINDS)
    assert schemas.write(project.root) == []
    named = path.read_text().splitlines()[0].rpartition("=")[2]
    assert json.loads((path.parent / named).read_text()) == schemas.schema("conversation")
