"""Differences of JSON and of texts, as a person reads them."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.diff import Difference, aligned, differences, readable, short, visible, words
from replay.jsontext import same

NAN = float("nan")


def paths(before, after, **options):
    return [(item.path, item.kind) for item in differences(before, after, **options)]


@pytest.mark.parametrize(
    ("before", "after", "equal"),
    [
        (1, True, False),  # bad input 65
        ([0], [False], False),
        ([1, True], [True, 1], False),
        (1, 1.0, True),  # 66
        ({"a": [NAN]}, {"a": [float("nan")]}, True),  # 67
        (-0.0, 0, True),  # 68
        ("caf\u00e9", "cafe\u0301", False),  # 69
        ("ok", "ok ", False),  # 70
        ("1", 1, False),
        (None, 0, False),
        ({}, [], False),
        (10**400, 1.0, False),
        (1e16, 10**16 + 1, False),
    ],
)
def test_values_are_compared_as_json(before, after, equal):
    assert (differences(before, after) == []) is equal
    assert same(before, after) is equal


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=True) | st.text("ab é", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab.[", max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=300)
@given(JSON, JSON)
def test_there_are_differences_exactly_where_values_are_not_the_same(before, after):
    assert (differences(before, after) == []) == same(before, after)
    assert differences(before, before) == []
    readable(differences(before, after)).encode()


def test_paths_are_in_the_order_of_what_was_before():
    before = {"b": 1, "a": {"x": [1, 2, {"y": 0}]}, "gone": 1}
    after = {"new": 2, "a": {"x": [1, 3, {"y": 9}, 4]}, "b": 2}
    assert paths(before, after) == [
        ("b", "changed"),
        ("a.x[1]", "changed"),
        ("a.x[2].y", "changed"),
        ("a.x[3]", "added"),
        ("gone", "removed"),
        ("new", "added"),
    ]
    assert paths(1, 2) == [("the value", "changed")]
    assert paths({"so so": {"a.b": 1}}, {"so so": {"a.b": 2}}) == [('["so so"]["a.b"]', "changed")]
    assert str(differences({"n": 0.2}, {"n": 0})[0]) == "n differs (0 was 0.2)"
    assert str(differences({}, {"n": 0})[0]) == "n added (0)"


def test_paths_may_be_ignored_with_all_that_is_in_them():
    before = {"id": 1, "usage": {"total": 1}, "calls": [{"id": 1, "n": 1}], "deep": {"er": {"created": 1}}}
    after = {"id": 2, "usage": {"total": 2}, "calls": [{"id": 2, "n": 1}], "deep": {"er": {"created": 2}}}
    assert paths(before, after, ignore=["id", "usage", "calls[*].id", "**.created"]) == []
    assert paths(before, after, ignore=["usage.total", "calls[0]", "deep.*.created"]) == [("id", "changed")]
    assert len(paths(before, after, ignore=["use", "call", "i"])) == 4  # whole names only
    assert paths({"a": 1}, {"a": 2}, at="turns[0]", ignore=["turns[0].a"]) == []


def test_numbers_may_be_off_by_a_tolerance():
    assert paths({"n": 1.0, "b": 1}, {"n": 1.05, "b": True}, tolerance=0.1) == [("b", "changed")]
    assert paths(10**400, 1.5, tolerance=0.1) == [("the value", "changed")]


def test_equal_values_cost_nothing_and_large_ones_little():
    conversation = {"messages": [{"role": "user", "content": "x" * 400} for _ in range(200)]}
    other = json.loads(json.dumps(conversation))
    other["messages"][100]["content"] = "y"
    start = time.process_time()
    assert paths(conversation, other) == [("messages[100].content", "changed")]
    assert time.process_time() - start < 2


def test_a_word_diff():
    assert words("Where is my refund?", "Where is the refund?") == [
        (" ", "Where is "),
        ("-", "my"),
        ("+", "the"),
        (" ", " refund?"),
    ]
    assert words("a", "a") == [(" ", "a")]
    assert words("", "a") == [("+", "a")]


@given(st.text("ab \n", max_size=20), st.text("ab \n", max_size=20))
def test_a_word_diff_holds_both_texts(before, after):
    pieces = words(before, after)
    assert "".join(text for mark, text in pieces if mark in " -") == before
    assert "".join(text for mark, text in pieces if mark in " +") == after


def test_lines_a_person_can_read():
    before = {"content": "Where is my refund?\nLine two\nbye", "n": 1, "old": [1]}
    after = {"content": "Where is the refund?\nLine two\nbye\nnow", "n": 2, "new": None}
    assert readable(differences(before, after)).splitlines() == [
        "~ content:1: Where is [-my-]{+the+} refund?",
        "+ content:4: now",
        "~ n: 1 -> 2",
        "- old: [1]",
        "+ new: null",
    ]


def test_what_cannot_be_seen_is_shown():  # bad input 69, 70
    def text(before, after):
        return readable([Difference("content", "changed", before, after)])

    assert text("caf\u00e9 ok", "cafe\u0301 ok") == r"~ content: [-caf\xe9-]{+cafe\u0301+} ok"
    assert text("ok", "ok  ") == "~ content: ok{+··+}"
    assert text("ok", "ok\n") == "+ content:2: ⏎"
    assert text("a\tb", "a b") == "~ content: a[-⇥-]{+·+}b"
    assert text("a b", "a\u00a0b") == r"~ content: a[-·-]{+\u00a0+}b"
    assert text("a\r\nb", "a\nb") == r"~ content:1: a[-\u000d-]"
    assert visible("\x1b[31m\u202e\u200b\ud800 plain é") == r"\u001b[31m\u202e\u200b\ud800 plain é"


def test_huge_texts_are_compared_in_short_time_and_shown_shortly():
    start = time.process_time()
    lines = readable(differences("a b " * 500_000, "a c " * 500_000))
    more = readable(differences("x\n" * 100_000, "x\n" * 99_999 + "y\n"))
    assert time.process_time() - start < 5
    assert len(lines) < 5000
    assert more == "~ the value: 100001 lines, 100001 before; the first that differs is line 100000"


def test_a_value_is_shown_shortly_however_deep():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert short(deep) == '"(nested too deeply)"' or short(deep) == "(nested too deeply)"
    assert short("x" * 100, 10) == '"xxxxxxxx…'
    assert [item.kind for item in differences(deep, [])] in (["removed"], ["changed"])


def test_tool_calls_are_aligned_by_name_and_by_the_nearest_arguments():
    def call(name, **arguments):
        return {"name": name, "arguments": arguments}

    before = [call("a", x=1), call("a", x=2), call("gone")]
    after = [call("a", x=2), call("new"), call("a", x=1, y=1)]
    assert aligned(before, after) == [
        (before[0], after[2]),
        (before[1], after[0]),
        (before[2], None),
        (None, after[1]),
    ]
    assert aligned([], []) == []
