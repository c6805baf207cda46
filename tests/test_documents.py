"""YAML in and out: what each word means, what is refused and where, and that what was written reads back."""

import errno
import math
import os
import re
import stat
import time

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from replay import documents
from replay.documents import _parser
from replay.errors import BadInput, StorageError


@pytest.fixture(params=["libyaml", "pure"])
def parser(request, monkeypatch):
    """Everything that is read must be read the same without libyaml."""
    if request.param == "pure":
        monkeypatch.setattr(_parser, "PARSER", _parser.PurePython)
    elif _parser.PARSER is _parser.PurePython:
        pytest.skip("this PyYAML was built without libyaml")


def value(text):
    return documents.parse(f"key: {text}\n").data["key"]


def refusal(source):
    with pytest.raises(BadInput) as caught:
        documents.parse(source, "f.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    "word",
    [
        "no",
        "on",
        "off",
        "yes",
        "y",
        "n",
        "No",
        "YES",
        "2024-01-01",
        "2024-02-30",
        "22:22:22",
        "12:30:45.5",
        "1:30",
        "010",
        "0o10",
        "0x1F",
        "1_000",
        "=",
        "<<",
        "1e",
        ".e1",
        "1,5",
        "--",
        "00",
        "1.2.3",
        "nan",
        "inf",
        "infinity",
        "nULL",
        "tRUE",
    ],
)
def test_words_that_only_yaml_1_1_or_nobody_reads_otherwise_are_text(word, parser):
    assert value(word) == word


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("null", None),
        ("~", None),
        ("", None),
        ("true", True),
        ("False", False),
        ("0", 0),
        ("-12", -12),
        ("+3", 3),
        ("3.10", 3.1),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("!!str 12", "12"),
        ("! 12", "12"),
        ("!!int 12", 12),
        ("!!float 12", 12.0),
        ("!!bool true", True),
        ("!!null ~", None),
        ("!!seq [1]", [1]),
        ("!!map {a: 1}", {"a": 1}),
        ('"12"', "12"),
        ("'no'", "no"),
    ],
)
def test_core_schema(word, meaning, parser):
    found = value(word)
    assert found == meaning
    assert type(found) is type(meaning)


def test_nan_is_a_number():
    assert math.isnan(value(".nan"))


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        (r'"\ud83d\ude00"', "😀"),
        (r'"a\uD83D\uDE00b"', "a😀b"),
        (r'"\\ud83d\\ude00"', r"\ud83d\ude00"),
        (r"'\ud83d\ude00'", r"\ud83d\ude00"),
        (r"\ud83d\ude00", r"\ud83d\ude00"),
        (r'"\ud83d"', "\ud83d"),
        (r'"\ude00\ud83d"', "\ude00\ud83d"),
        (r'"\ud83d\ude00\ud83d"', "😀\ud83d"),
        ('"a\u2028b"', "a\u2028b"),
        ("a\u2029b", "a\u2029b"),
        (r'"\N\/\x41"', "\x85/A"),
    ],
)
def test_surrogate_escapes_and_line_separators(text, meaning, parser):
    assert value(text) == meaning


def test_a_block_scalar_with_an_escape_in_it_is_kept_to_the_letter(parser):
    assert documents.parse('a: |\n  {"x": "\\ud83d"}\nb: "\\ud83d\\ude00"').data == {
        "a": '{"x": "\\ud83d"}\n',
        "b": "😀",
    }


def test_a_place_after_a_surrogate_escape_is_the_place_in_the_file():
    document = documents.parse('a: ["\\ud83d\\ude00", x]')
    assert document.fault(("a", 1), "m").column == 21


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("a:\n\tb: 1\n", "f.yaml:2:1: error: a tab indents this line; use spaces"),
        ("a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> x\n", "f.yaml:2:1: error: unresolved merge"),
        ("", "f.yaml: error: is empty"),
        ("# only this\n", "f.yaml: error: is empty"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1: error: a second document begins here"),
        ("a: 1\nb: 2\na: 3\n", 'f.yaml:3:1: error: key "a" is given twice, here and on line 1; keep one'),
        ("x:\n - {k: 1,\n    k: 2}\n", 'f.yaml:3:5: error: key "k" is given twice, here and on line 2'),
        ("&a [*a]", "f.yaml:1:5: error: alias *a stands inside what it names"),
        ("a: &x {b: [*x]}", "f.yaml:1:12: error: alias *x stands inside what it names"),
        (
            "a: &one 1\nb: *won\n",
            'f.yaml:2:4: error: no anchor &won comes before this alias; did you mean "one"?',
        ),
        ("b: *won\n", "f.yaml:1:4: error: no anchor &won comes before this alias; the file has none"),
        ("<<: [1]\n", "f.yaml:1:1: error: merge keys (<<) are not read; write the keys out"),
        (
            "a: !!binary aGk=",
            "f.yaml:1:4: error: tag !!binary is not supported; only plain JSON data is read",
        ),
        ("a: !!set {x}", "f.yaml:1:4: error: tag !!set is not supported"),
        ("a: !foo x", "f.yaml:1:4: error: tag !foo is not supported"),
        ("a: !!bool maybe", 'f.yaml:1:4: error: "maybe" is not a YAML bool; remove !!bool or write a bool'),
        ("a: !!int abc", 'f.yaml:1:4: error: "abc" is not a YAML int'),
        ("a: !!int 010", 'f.yaml:1:4: error: "010" is not a YAML int'),
        ("a: !!timestamp x", "f.yaml:1:4: error: tag !!timestamp is not supported"),
        (
            "a: 1\ncaf\xe9: 2".encode("latin-1"),
            "f.yaml:2:4: error: byte 0xe9 at offset 8 is not UTF-8; save it",
        ),
        ("a: 1".encode("utf-16"), "f.yaml:1:1: error: is UTF-16 or UTF-32 text (byte 0); save it as UTF-8"),
        (
            "a: 1".encode("utf-16-le"),
            "f.yaml:1:1: error: is UTF-16 or UTF-32 text (byte 0); save it as UTF-8",
        ),
        ("a: 1".encode("utf-32"), "f.yaml:1:1: error: is UTF-16 or UTF-32 text"),
        (
            'a: 1\nb: "x\0"',
            'f.yaml:2:6: error: character U+0000 may not stand in a file; write it as "\\x00"',
        ),
        ('b: "\x1b[31m"', 'f.yaml:1:5: error: character U+001B may not stand in a file; write it as "\\x1B"'),
        ('b: "\x7f"', "f.yaml:1:5: error: character U+007F may not stand in a file"),
        (
            'b: "a\x85b"',
            'f.yaml:1:6: error: character U+0085 would be read as a line break; write it as "\\N"',
        ),
        ("a: b: c", 'f.yaml:1:5: error: a ":" where no key can stand; put the text in quotes'),
        ("a: [1, 2", "this is not YAML: while parsing a flow sequence, did not find expected ',' or ']'"),
        ("1: x", 'f.yaml:1:1: error: key 1 is not text; write "1"'),
        ("null: x", 'f.yaml:1:1: error: key null is not text; write "null"'),
        ("true: x", 'f.yaml:1:1: error: key true is not text; write "true"'),
        ("!!int 3: x", "a key that is an alias or has a tag is not text"),
        ("a: &x [1]\nb: {*x : 1}", "a key that is an alias or has a tag is not text"),
        ("a: &x k\nb: {*x : 1, k: 2}", "or is given twice"),
        ("[a]: x", "f.yaml:1:1: error: a key must be text, not a mapping or a list"),
        ("? {a: 1}\n: x", "f.yaml:1:3: error: a key must be text, not a mapping or a list"),
    ],
)
def test_refused_at_its_place(source, said):
    assert said in refusal(source)


@pytest.mark.parametrize(
    "source", ["a:\n\tb: 1", "1: x", "a: b: c", "a: !foo x", '"\x1b"', "a: 1\n---\nb: 2"]
)
def test_refused_at_the_same_place_without_libyaml(source, monkeypatch):
    place = refusal(source).split(" ")[0]
    monkeypatch.setattr(_parser, "PARSER", _parser.PurePython)
    assert refusal(source).split(" ")[0] == place


def test_all_bad_keys_of_a_file_are_named_at_once():
    said = refusal("a: 1\na: 2\nb: {c: 1, c: 2, 3: 4}\n")
    assert [line.split(" ")[0] for line in said.splitlines()] == [
        "f.yaml:2:1:",
        "f.yaml:3:11:",
        "f.yaml:3:17:",
    ]


def test_a_quoted_merge_key_is_an_ordinary_key():
    assert documents.parse('"<<": [1]').data == {"<<": [1]}


@pytest.mark.parametrize("text", ["[" * 50_000, "{a: " * 50_000, "- " * 50_000, "[" * 50_000 + "]" * 50_000])
def test_deep_nesting_is_refused_at_once(text):
    begun = time.process_time()
    assert "nested more than 100 deep" in refusal(text)
    assert time.process_time() - begun < 1


def test_a_hundred_levels_are_read():
    assert documents.parse("[" * 100 + "]" * 100).data


def test_what_is_written_out_may_be_long():
    assert len(documents.parse("- [a, {b: *c}]\n".replace("*c", "c") * 250_000).data) == 250_000


def test_an_alias_bomb_is_refused_without_being_unfolded():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    begun = time.process_time()
    assert "aliases stand for more than 1,000,000 values" in refusal("\n".join(lines))
    assert time.process_time() - begun < 1


def test_aliases_are_read_where_they_stay_small(parser):
    assert documents.parse("a: &x k\n*x : 1\nb: &y l\n*y : 2").data == {"a": "k", "k": 1, "b": "l", "l": 2}
    assert documents.parse("a: &x {b: [1]}\nc: *x\nd: &s t\ne: [*s, *x]\n").data == {
        "a": {"b": [1]},
        "c": {"b": [1]},
        "d": "t",
        "e": ["t", {"b": [1]}],
    }


def test_no_tag_is_ever_executed(tmp_path):
    canary = tmp_path / "canary"
    said = refusal(f"a: !!python/object/apply:os.system ['touch {canary}']")
    assert "tag !!python/object/apply:os.system is not supported" in said
    assert not canary.exists()


def test_byte_order_mark_and_crlf_are_read_as_if_they_were_not_there():
    assert documents.parse(b"\xef\xbb\xbfa: |\r\n  x\r\n  y\r\nb: 1\r\n").data == {"a": "x\ny\n", "b": 1}


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "big.yaml"
    with path.open("wb") as file:
        file.truncate(50_000_001)
    with pytest.raises(BadInput, match=r"50,000,001 bytes, more than 50,000,000\); split it"):
        documents.read(path)
    path.write_text("a: 123456789")
    assert documents.read(path, max_bytes=12).data == {"a": 123456789}
    with pytest.raises(BadInput, match="too large"):
        documents.read(path, max_bytes=11)


def test_what_is_no_file_is_said_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, said in (("none", r"No such file"), ("pipe", "is not a file"), (".", "is not a file")):
        with pytest.raises(BadInput, match=said):
            documents.read(tmp_path / name, name)


def test_numbers_of_thousands_of_digits_stay_text():
    assert value("9" * 5000) == "9" * 5000
    assert value("9" * 30) == int("9" * 30)


def test_places_of_keys_and_values():
    document = documents.parse("a: 1\nlist:\n  - x: 3.10\n    y: [no, {z: ''}]\n", "f.yaml")
    assert str(document.fault(("list", 0, "y", 1, "z"), "here")) == "f.yaml:4:17: error: here"
    assert str(document.fault(("list", 0, "y"), "here", key=True)) == "f.yaml:4:5: error: here"
    assert str(document.fault(("list", 0, "y", 7), "here", True)) == "f.yaml:4:8: warning: here"
    assert document.plain(("list", 0, "x")) == "3.10"
    assert document.plain(("list", 0, "y", 1, "z")) is None
    assert document.plain(("list", 9)) is None


ODD = [
    *[
        "no",
        "on",
        "y",
        "Yes",
        "~",
        "null",
        "010",
        "0o10",
        "0x1F",
        "1_000",
        "22:22:22",
        "2024-01-01",
        "=",
        "<<",
        "-",
        "?",
        ":",
        "::",
        "---",
        "...",
        "|",
        ">",
        "%",
        "@",
        "`",
        "true",
        "1e3",
        ".5",
    ],
    *("", " ", "\n", "\n\n", "\n a", " a\nb", "a\n\n", "a\n b\n\n\n", "  \n a", "a\n  \nb", "a\n ", "\t\na"),
    *(
        "- a",
        "a: b",
        "a #b",
        "#",
        "{x",
        "[",
        "*a",
        "&a",
        "!t",
        "a:",
        "a\n",
        "\ta",
        "a\tb",
        "a\r\nb",
        "a,b",
        "a]",
        "a?",
        "a?b",
        "a:b",
    ),
    *(
        "\u2028",
        "\x85",
        "\ufeff",
        "\ud83d",
        "\ude00",
        "\\ud83d\\ude00",
        "😀",
        "\u202e",
        "\x7f",
        "\0",
        "é",
        "\xa0",
    ),
    *(
        "it's",
        '"q"',
        '{"a": "it\'s"}',
        "a\\b",
        "a" * 2000,
        "a b " * 400,
        "x\n" * 3,
        "<<<<<<< x",
        "a\n=======\nb\n",
    ),
]
HALVES = re.compile("[\ud800-\udbff][\udc00-\udfff]")  # JSON cannot say it either: it means one character
texts = (st.sampled_from(ODD) | st.text(max_size=12) | st.text(" \n\t-:#ab'\"\\|>é", max_size=14)).filter(
    lambda text: not HALVES.search(text)
)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
json_values = st.recursive(
    scalars, lambda some: st.lists(some, max_size=4) | st.dictionaries(texts, some, max_size=4), max_leaves=12
)


@settings(max_examples=500)
@given(json_values, st.booleans())
@example(ODD, False)
@example({text: text for text in ODD}, True)
@example({text: {"a": [text, {text: [text]}]} for text in ODD}, True)
def test_what_was_written_reads_back_equal_and_by_a_yaml_1_1_reader_too(data, opened):
    text = documents.dump(data, open_lists=("a",) if opened else ())
    assert repr(documents.parse(text).data) == repr(data)
    if not any("\ud800" <= char <= "\udfff" for char in repr(data) + text) and not re.search(r"\\ud", text):
        assert yaml.safe_load(text) == data


@settings(max_examples=100)
@given(json_values)
def test_writing_is_deterministic_and_a_fixed_point(data):
    text = documents.dump(data)
    assert documents.dump(documents.parse(text).data) == text


def test_the_writer_writes_what_people_would():
    data = {
        "messages": [
            {"role": "system", "content": "You are an agent.\nBe brief.\n"},
            {"role": "user", "content": "Where is order A-1001?"},
            {"role": "user", "content": "no"},
            {"role": "tool", "content": '{"status": "late"}'},
        ],
        "params": {"temperature": 0, "stop": ["yes", "1:30"]},
        "tags": ["support", "tools"],
        "tools": [],
        "note": "\n  indented\nend",
    }
    assert documents.dump(data, open_lists=("messages",)) == (
        "messages:\n"
        "  - role: system\n"
        "    content: |\n"
        "      You are an agent.\n"
        "      Be brief.\n"
        "  - role: user\n"
        "    content: Where is order A-1001?\n"
        "  - role: user\n"
        '    content: "no"\n'
        "  - role: tool\n"
        '    content: \'{"status": "late"}\'\n'
        'params: {temperature: 0, stop: ["yes", "1:30"]}\n'
        "tags: [support, tools]\n"
        "tools: []\n"
        "note: |2-\n"
        "\n"
        "    indented\n"
        "  end\n"
    )


def test_what_is_not_json_cannot_be_written():
    for data in (b"x", {1: 2}, {"a": {1}}):
        with pytest.raises(TypeError):
            documents.dump(data)
    deep = []
    for _ in range(200):
        deep = [deep, "x" * 200]
    with pytest.raises(ValueError, match="nested more than 100 deep"):
        documents.dump(deep)


def test_numbers_keep_their_kind():
    data = [1, 1.0, -0.0, 1e16, 1.5e-300, math.inf, -math.inf]
    assert repr(documents.parse(documents.dump(data)).data) == repr(data)
    assert repr(yaml.safe_load(documents.dump(data))) == repr(data)


def test_write_replaces_the_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "new" / "folder" / "f.yaml"
    documents.write(path, "a: 1\n")
    documents.write(path, "a: é\n")
    assert path.read_bytes() == "a: é\n".encode()
    assert [each.name for each in path.parent.iterdir()] == ["f.yaml"]


def test_write_follows_a_link_and_keeps_the_mode(tmp_path):
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    documents.write(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_a_new_file_has_the_mode_that_the_umask_says(tmp_path):
    before = os.umask(0o027)
    try:
        documents.write(tmp_path / "f", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o640


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path, monkeypatch, call):
    path = tmp_path / "f.yaml"
    path.write_text("old")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(
        StorageError, match=r"cannot write .*f\.yaml \(No space left on device\); nothing was"
    ):
        documents.write(path, "new")
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["f.yaml"]


def test_a_folder_in_the_way_is_a_storage_error(tmp_path):
    with pytest.raises(StorageError, match="Is a directory"):
        documents.write(tmp_path, "x")


def test_an_empty_list_is_written_however_far_to_the_right_it_stands():
    nested = []
    for _ in range(80):
        nested = [nested, {}]
    assert documents.parse(documents.dump(nested)).data == nested
