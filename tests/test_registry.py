"""The registry rule: the file's name is the plugin's name, and adding one is one new file."""

import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from replay import assertions, faults, importers, providers
from replay.config import Project
from replay.errors import BadInput
from replay.registry import Registry, the_class
from replay.report import sections

ROOMS = (assertions, faults, importers, providers, sections)


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.__name__)
def test_every_file_in_a_room_is_a_plugin(room):
    files = {path.stem for path in Path(room.__file__).parent.glob("*.py") if not path.stem.startswith("_")}
    assert set(room.registry.names()) == files
    for name in files:
        assert room.registry.get(name)


@pytest.fixture
def room(tmp_path, monkeypatch):
    folder = tmp_path / "toys"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "spinning_top.py").write_text("class SpinningTop:\n    pass\n")
    (folder / "_helper.py").write_text("raise RuntimeError('a helper is no plugin')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield Registry("toys", the_class)
    for name in [name for name in sys.modules if name.startswith("toys")]:
        del sys.modules[name]


def test_a_new_file_is_found_and_imported_only_when_asked_for(room):
    assert room.names() == ["spinning_top"]
    assert "toys.spinning_top" not in sys.modules
    assert room.get("spinning_top").__name__ == "SpinningTop"


def test_a_conftest_registration_comes_first(room):
    room.register("spinning_top", int)
    assert room.get("spinning_top") is int


def test_an_entry_point_comes_last(room, monkeypatch):
    point = EntryPoint("ball", "collections:OrderedDict", "replay.toys")
    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda group: [point] if group == "replay.toys" else []
    )
    assert room.get("ball").__name__ == "OrderedDict"
    assert room.names() == ["ball", "spinning_top"]


def test_an_unknown_name_is_answered_with_the_nearest(room):
    with pytest.raises(BadInput, match=r'no toy is called "spining_top"; did you mean "spinning_top"\?'):
        room.get("spining_top")


@pytest.mark.parametrize(
    "item",
    [
        "completed",
        {"contains": "x"},
        {"contains": {"turn": 2, "text": ["a", "b"]}},
        {"refusal": False},
        {"equals": {"json": {"a": 1}}},
        {"not": "refusal"},
        {"not": {"contains": "x"}},
        {"turn": {"at": 2, "assert": ["completed", {"not": {"tool_calls": ["refund"]}}]}},
        {"json_schema": "schemas/reply.json"},
        {"json_schema": {"schema": {"type": "object"}}},
        {"python": {"function": "checks.py:polite", "arguments": {"word": "please"}}},
    ],
    ids=str,
)
def test_an_assertion_is_written_as_a_suite_says_it(tmp_path, item):
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas/reply.json").write_text('{"$ref": "other.json"}')
    (tmp_path / "schemas/other.json").write_text('{"type": "object"}')
    (tmp_path / "checks.py").write_text("def polite(transcript, word): pass\n")
    name, argument = next(iter(item.items())) if isinstance(item, dict) else (item, None)
    made = assertions.bind(assertions.build(name, argument), Project(tmp_path))
    assert assertions.registry.written(made) == item


def test_what_was_registered_is_written_by_the_name_it_was_given(room):
    class Top:
        pass

    room.register("humming_top", Top)
    with pytest.raises(ValueError, match="str is in no file of toys"):
        room.written("a text")
    assert room.written(dataclass(Top)()) == "humming_top"
