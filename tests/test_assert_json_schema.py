"""Replies and arguments against JSON Schema: nothing is fetched, and everything stops."""

import json
import socket
import time

import pytest
from transcripts import call, failed, kinds, says, transcript, turn, verdicts

from replay.assertions import build, judge, review
from replay.assertions._schema import validator
from replay.config import Project
from replay.conversation import Tool

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": "^\\p{L}+$"},
        "age": {"type": "integer", "minimum": 0},
    },
    "required": ["name"],
    "additionalProperties": False,
}


def fits(schema, text, **options):
    return kinds("json_schema", {"schema": schema, **options}, says(text))


def message(schema, text, **options):
    return verdicts("json_schema", {"schema": schema, **options}, says(text))[0].message


def refused(schema):
    with pytest.raises(ValueError, match=r"\S") as caught:
        build("json_schema", {"schema": schema})
    return str(caught.value)


def test_a_reply_fits_or_says_where_it_does_not():
    assert not fits(PERSON, '{"name": "Zoë", "age": 3}')
    found = verdicts("json_schema", {"schema": PERSON}, says('{"age": -1, "size": 4}'))
    assert [verdict.kind for verdict in found] == ["minimum", "required", "additionalProperties"]
    assert [verdict.message for verdict in found] == [
        "age is -1, the schema wants minimum 0",
        "the value has no name",
        "the value has size, which the schema does not know",
    ]
    assert found[0].expected == {"minimum": 0}
    assert found[0].actual == -1


def test_the_deepest_reason_is_named():
    schema = {"anyOf": [{"type": "string"}, {"type": "object", "properties": {"at": {"type": "integer"}}}]}
    assert message(schema, '{"at": "noon"}') == 'at is "noon", the schema wants type "integer"'


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "strng"}, 'type: type "strng" is not known; did you mean "string"?'),  # bad input 119
        ({"properties": {"a": {"type": "strng"}}}, "properties.a.type: "),
        ({"properties": {"a": {"pattern": "("}}}, 'properties.a: pattern "(" is wrong: missing )'),  # 120
        ({"patternProperties": {"[": {}}}, "pattern"),
        ({"$ref": "http://example.com/a.json"}, "nothing is fetched from the network"),  # 122
        ({"$ref": "https://example.com/a.json#/x"}, "nothing is fetched from the network"),
        ({"items": {"$ref": "file:///etc/passwd"}}, "items: $ref file:///etc/passwd cannot be used"),  # 123
        ({"$ref": "#"}, "goes round in a circle: the schema -> the schema"),  # 125
        (
            {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
            "$defs.a -> $defs.b -> $defs.a",
        ),
        ({"anyOf": [{"type": "string"}, {"$ref": "#"}]}, "round in a circle"),
        ({"$ref": "#/$defs/none"}, "$ref #/$defs/none leads nowhere"),
        ({"$schema": "http://example.com/schema"}, "$schema"),  # 126
        ({"$schema": 5}, "is not known"),
        ([{"type": "string"}], "a schema is a mapping"),  # 127
        ({"multipleOf": 0}, "multipleOf: 0 breaks the rules"),  # 128
        (
            {"maximum": 3, "exclusiveMaximum": True},
            "true or false is draft 4; write the number itself",
        ),  # 129
        ({"patternProperties": {"a": {}}, "unevaluatedProperties": False}, "not supported"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_with_its_place(schema, said, monkeypatch):
    monkeypatch.setattr(socket, "socket", None)  # nothing may even try
    assert said in refused(schema)


def test_a_schema_nested_too_deeply_is_refused():
    deep = {}
    for _ in range(5000):
        deep = {"items": deep}
    assert "nested too deeply" in refused(deep)


def test_a_schema_may_come_back_to_itself_for_an_inner_value():
    tree = {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#"}}}}
    assert not fits(tree, '{"children": [{"children": []}]}')
    assert message(tree, '{"children": [3]}') == 'children[0] is 3, the schema wants type "object"'


def test_drafts_are_read_by_their_own_rules():
    draft4 = {"$schema": "http://json-schema.org/draft-04/schema#", "maximum": 3, "exclusiveMaximum": True}
    assert fits(draft4, "3") == ["maximum"]
    assert not fits({"$ref": "https://json-schema.org/draft/2020-12/schema"}, '{"type": "string"}')
    assert not fits({"$id": "https://x.org/a", "$defs": {"b": {"$id": "b"}}, "$ref": "b"}, "1")


def test_patterns_are_ecma_s():  # bad input 121
    assert fits(PERSON, '{"name": "R2D2"}') == ["pattern"]
    assert fits({"pattern": "^a$"}, '"a\\n"') == ["pattern"]
    assert not fits({"pattern": "^[$]a\\$$"}, '"$a$"')
    words = {"patternProperties": {"^\\p{L}+$": {"type": "string"}}, "additionalProperties": {"type": "null"}}
    assert not fits(words, '{"é": "x", "1": null}')
    assert fits(words, '{"é": 1, "1": 2}') == ["type", "type"]


def test_a_pattern_that_does_not_end_is_stopped():  # bad input 137
    start = time.process_time()
    assert fits({"items": {"pattern": "^(a|a|aa)+$"}}, json.dumps(["a" * 60 + "!"] * 20)) == ["timed_out"]
    assert time.process_time() - start < 4


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("", "empty", "the reply is empty"),  # bad input 134
        (None, "empty", "the reply is empty"),
        ('```json\n{"a": 1}\n```', "fenced", "Markdown fence"),  # 131
        ('Here:\n```\n{"a": 1}\n```', "fenced", "Markdown fence"),
        ('{"a": 1} I hope this helps', "prose_after", 'after it at character 8: "I hope this helps"'),  # 132
        ('Sure: {"a": 1}', "prose_before", 'before it at character 0: "Sure:"'),
        ('{"a": 1, "a": 2}', "duplicate_keys", 'key "a" is given twice'),  # 133
        ('{"a": NaN}', "not_finite", "NaN is not JSON"),  # 130
        ('{"a": 1e999}', "not_finite", "1e999 is too big"),  # 128
        ("[" * 100_000, "too_deep", "nested too deeply"),  # 136
        ('{"a": 1', "not_json", "expected JSON"),
        ("Hello", "not_json", 'the reply says "Hello"'),
    ],
)
def test_what_is_no_json_is_called_by_its_name(text, kind, said):
    (verdict,) = verdicts("json_schema", {"schema": {}}, says(text))
    assert verdict.kind == kind
    assert said in verdict.message


def test_json_cut_by_length_is_called_cut():  # bad input 135
    (verdict,) = verdicts("json_schema", {"schema": {}}, says('{"name": "Ad', finish="length"))
    assert verdict.kind == "truncated"
    assert "cut by length" in verdict.message


def test_a_fence_and_repeated_keys_are_taken_where_asked_for():
    assert not fits(PERSON, '```json\n{"name": "Ada"}\n```', fenced=True)
    assert not fits(PERSON, '{"name": 1, "name": "Ada"}', duplicate_keys="allow")
    assert fits(PERSON, '{"name": "Ada"} and more', fenced=True) == ["prose_after"]


def test_a_value_too_deep_or_too_big_for_the_checker_fails():
    tree = {"type": "array", "items": {"$ref": "#"}}
    assert fits(tree, "[" * 400 + "]" * 400) == ["too_deep"]
    assert fits({"multipleOf": 0.5}, "1" * 400) == ["not_finite"]


def test_the_request_s_own_schema_is_the_default():
    params = {"response_format": {"type": "json_schema", "json_schema": {"name": "p", "schema": PERSON}}}
    assert not kinds("json_schema", None, turn(says('{"name": "Ada"}'), params=params))
    assert kinds("json_schema", None, turn(says("{}"), params=params)) == ["required"]
    assert kinds(
        "json_schema", None, turn(says("[]"), params={"response_format": {"type": "json_object"}})
    ) == ["type"]
    (verdict,) = verdicts("json_schema", None, says("{}"))
    assert (verdict.kind, "write schema: FILE" in verdict.message) == ("no_schema", True)
    (fault,) = review([build("json_schema")], transcript(says()).conversation)
    assert "no response_format to judge by" in fault.message


def test_the_arguments_of_a_tool_are_judged_by_what_it_declares():
    def of(*turns, **options):
        return kinds("json_schema", {"tool": "lookup", **options}, *turns)

    assert not of(says(None, call(arguments={"id": "A"})), says())
    assert of(says(None, call(arguments={"id": 1})), says()) == ["type"]
    assert of(says(None, call(arguments='{"id": "A"')), says()) == ["malformed"]
    assert of(says(None, call("refund"))) == ["not_called"]
    assert of(says(None, call(arguments={"id": "A"})), schema={"required": ["limit"]}) == ["required"]
    assert of(turn(says(None, call()), tools=(Tool("lookup"),))) == ["no_schema"]
    (fault,) = review([build("json_schema", {"tool": "lokup"})], transcript(says()).conversation)
    assert fault.message == 'json_schema: no tool lokup is declared; did you mean "lookup"?'


def test_every_choice_is_judged_and_a_missing_reply_is_no_crash():
    assert kinds("json_schema", {"schema": PERSON}, says('{"name": "A"}', others=[says("{}")])) == [
        "required"
    ]
    assert kinds("json_schema", {"schema": PERSON}, failed()) == ["no_reply"]


@pytest.fixture
def project(tmp_path):
    for name, text in {
        "fixtures/schemas/person.json": '{"properties": {"name": {"$ref": "common.json#/$defs/name"}}}',
        "fixtures/schemas/common.json": '{"$defs": {"name": {"type": "string"}}}',
        "fixtures/schemas/escaping.json": '{"$ref": "../../../outside.json"}',
        "fixtures/schemas/gone.json": '{"$ref": "nowhere.json"}',
        "fixtures/schemas/broken.json": '{"type": ',
        "fixtures/schemas/wrong.json": '{"type": "strng"}',
        "schemas/top.yaml": "type: object\n",
    }.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "outside.json").write_text("{}")
    (tmp_path / "project/link.json").symlink_to(tmp_path / "outside.json")
    return Project(tmp_path / "project")


def test_a_schema_file_is_found_in_the_project_and_may_refer_to_files_beside_it(project):
    bound = build("json_schema", "schemas/person.json").bind(project)
    assert [v.kind for v in judge([bound], transcript(says('{"name": 1}')))] == ["type"]
    inline = build("json_schema", {"schema": {"$ref": "fixtures/schemas/common.json#/$defs/name"}})
    assert [v.kind for v in judge([inline.bind(project)], transcript(says("1")))] == ["type"]
    assert (
        judge([build("json_schema", "schemas/top.yaml").bind(project)], transcript(says("1")))[0].kind
        == "type"
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "schemas/persn.json",
            'schema schemas/persn.json is not there; did you mean "schemas/person.json"?',
        ),  # 104
        ("../outside.json", "outside the project"),  # bad input 19
        ("link.json", "outside the project"),
        ("schemas/escaping.json", "outside the project"),  # 124
        ("schemas/gone.json", "cannot be read: No such file"),
        ("schemas/broken.json", "is not JSON"),
        ("schemas/wrong.json", 'did you mean "string"?'),
    ],
)
def test_a_schema_file_that_cannot_be_used_is_refused(project, name, said):
    with pytest.raises(ValueError, match=r"\S") as caught:
        build("json_schema", name).bind(project)
    assert said in str(caught.value)


def test_a_validator_is_made_once_for_equal_schemas():
    assert validator(json.loads(json.dumps(PERSON))) is validator(PERSON)
