"""The records of a log come one by one, whatever form its JSON has; what is damaged is named."""

import gzip
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.importers import _lines
from replay.importers._items import beginnings, frame, items, mended

RECORDS = [{"n": n, "text": 'a "quoted" [bracket] \\ ü\n', "list": [{}, [1.5, None]]} for n in range(5)]


def written(tmp_path, content, name="log.json"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(tmp_path, content, *keys):
    return [(item.place, item.wrong or item.value) for item in items(written(tmp_path, content), *keys)]


FORMS = {
    "lines": "\n".join(map(json.dumps, RECORDS)),
    "a list": json.dumps(RECORDS),
    "a list laid out": json.dumps(RECORDS, indent=2),
    "under a key": json.dumps({"object": "list", "data": RECORDS, "has_more": False}),
    "under a key, laid out": json.dumps({"object": "list", "data": RECORDS}, indent=1),
    "under a key in an object": json.dumps({"log": {"version": "1.2", "entries": RECORDS, "pages": []}}),
    "one a line in a list": "[\n" + ",\n".join(map(json.dumps, RECORDS)) + "\n]",
    "pages one after the other": "\n".join(json.dumps({"data": part}) for part in (RECORDS[:2], RECORDS[2:])),
    "with a byte order mark": "\ufeff" + json.dumps(RECORDS),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_file_gives_the_same_records(form, tmp_path):
    found = read(tmp_path, FORMS[form], "data", "log.entries")
    word, first = ("line", 1) if form == "lines" else ("item", 0)
    assert found == [(f"{word} {number}", record) for number, record in enumerate(RECORDS, first)]
    packed = written(tmp_path, gzip.compress(FORMS[form].encode()))
    assert [item.value for item in items(packed, "data", "log.entries")] == RECORDS


def test_a_document_without_a_list_is_one_record(tmp_path):
    assert read(tmp_path, json.dumps(RECORDS[0], indent=2), "data") == [("item 0", RECORDS[0])]
    assert read(tmp_path, json.dumps({"data": {"a": 1}}), "data") == [("line 1", {"data": {"a": 1}})]
    assert read(tmp_path, "{\n}", "data") == [("item 0", {})]
    assert read(tmp_path, '{"data": []}', "data") == []
    assert read(tmp_path, "") == []


def test_what_stands_beside_the_list_is_there_without_it(tmp_path):
    path = written(tmp_path, json.dumps({"a": 1, "log": {"b": [2], "entries": RECORDS, "c": "3"}, "d": None}))
    assert frame(path, "log.entries") == {"a": 1, "log": {"b": [2], "entries": [], "c": "3"}, "d": None}
    assert frame(written(tmp_path, "[1, 2"), "log.entries") == {}


def test_a_damaged_item_is_named_and_the_next_is_read(tmp_path):
    text = '[{"n": 0}, {"n": nul}, [1, {"a": "b"}], "x", {"n": "\xff"}, {"n": 1}]'.encode("latin-1")
    found = read(tmp_path, text)
    assert [place for place, _ in found] == [f"item {number}" for number in range(6)]
    assert [wrong for _, wrong in found[1:5]] == [
        "not JSON: Expecting value: line 1 column 7 (char 6)",
        "not a JSON object",
        "not a JSON object",
        "not UTF-8 (byte 7)",
    ]
    assert (found[0][1], found[5][1]) == ({"n": 0}, {"n": 1})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[{"n": 0}, {"n": ', "cut: the file ends inside this item"),
        ('[{"n": 0}, {"n": "\\', "cut: the file ends inside this item"),
        ('[{"n": 0}, ', "cut: the file ends inside this item"),
        ('[{"n": 0}', "cut: the file ends inside this item"),
        ('[{"n": 0} {"n": 1}]', "not JSON: a comma is missing; what follows cannot be read"),
        ('[{"n": 0}, }', "not JSON: no value at '}'; what follows cannot be read"),
        (
            '{"data": [{"n": 0}], 7: 8}',
            "not JSON: a key of an object is no string; what follows cannot be read",
        ),
        ('{"data": [{"n": 0}], "a" 8}', "not JSON: : is missing; what follows cannot be read"),
        (
            '{"data": [{"n": 0}], "a": nul}',
            "a beside it: not JSON: Expecting value: line 1 column 1 (char 0)",
        ),
    ],
)
def test_what_cannot_be_told_apart_ends_the_file(text, why, tmp_path):
    assert read(tmp_path, text, "data") == [("item 0", {"n": 0}), ("item 1", why)]


def test_a_broken_first_line_does_not_make_lines_a_document(tmp_path):
    for line in ("[1, 2]", '{"a": ', "hello", '{"data": 5, "x'):
        found = read(tmp_path, f'{line}\n{{"n": 1}}\n', "data")
        assert found[1] == ("line 2", {"n": 1})
        assert isinstance(found[0][1], str)


def test_a_damaged_gzip_file_is_named(tmp_path):
    packed = gzip.compress(json.dumps([{"n": n} for n in range(50_000)]).encode())
    *good, end = read(tmp_path, packed[:-5000])
    assert len(good) > 100
    assert end[1].startswith("the file cannot be read to its end")


def test_an_item_that_is_too_long_is_skipped_without_being_held(tmp_path, monkeypatch):
    monkeypatch.setattr(_lines, "LONGEST", 2**20)
    long = '{"a": ["' + 'x\\"' * 2**23 + '"]}'
    path = written(tmp_path, f'{{"data": [{{"n": 0}}, {long}, {{"n": 1}}]}}')
    tracemalloc.start()
    first, skipped, last = items(path, "data")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (first.value, skipped.wrong, last.value) == ({"n": 0}, "longer than 1 MiB", {"n": 1})
    assert peak < 2**23


def test_a_long_list_is_read_in_constant_memory(tmp_path):
    def peak(count):
        path = written(tmp_path, json.dumps({"data": [{"n": n, "text": "x" * 200} for n in range(count)]}))
        tracemalloc.start()
        assert sum(1 for _ in items(path, "data")) == count
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(40_000) < 1.2 * peak(4_000)


TEXT = st.text('{}[]",:\\ \na\x1fü', max_size=6)
JSON = st.recursive(
    st.none() | st.integers() | TEXT,
    lambda more: st.lists(more, max_size=3) | st.dictionaries(TEXT, more, max_size=3),
    max_leaves=5,
)


@given(st.lists(st.dictionaries(TEXT, JSON, max_size=3), min_size=1, max_size=4), st.data())
def test_every_beginning_of_a_document_can_be_looked_at(records, data):
    text = json.dumps({"data": records}, indent=data.draw(st.sampled_from([None, 1]))).encode()
    assert beginnings(text, "data") == records[:20]
    cut = mended(text[: data.draw(st.integers(0, len(text)))])
    assert not cut or isinstance(json.loads(cut), dict)


def test_of_a_long_first_record_its_keys_are_seen():
    record = json.dumps({"id": "r", "messages": [{"role": "user", "content": "x" * 99}], "late": 1}).encode()
    assert beginnings(record[:60]) == [{"id": "r", "messages": [{"role": "user"}]}]
    assert beginnings(b'{"data": [' + record[:60], "data") == [{"id": "r", "messages": [{"role": "user"}]}]
    assert beginnings(b"interactions:\n- request: {}") == []


@given(st.binary(max_size=200) | st.text('{}[]",:\\ \n1an', max_size=60).map(str.encode))
def test_no_bytes_stop_the_reading(content):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), content)
        for item in items(path, "a", "data"):
            assert item.wrong or isinstance(item.value, dict)
        beginnings(content, "a")
        frame(path, "a")
