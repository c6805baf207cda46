"""Variants: a target that is asked with another prompt, other params or tools."""

import pytest

from replay.config import Project
from replay.conversation import Conversation, Message, Tool
from replay.errors import BadInput, StorageError
from replay.fixtures.variants import as_asked, with_variants
from replay.turn import Target

ASKED = Conversation(
    "shop/hours",
    (Message("system", "Be brief."), Message("user", "When?")),
    (Tool("clock"),),
    {"temperature": 0, "seed": 7},
)


def project(tmp_path, **files):
    for name, text in files.items():
        (tmp_path / name.replace("__", ".")).write_text(text)
    return Project(tmp_path, {"small": Target("small", "openai", "m", {"retries": 2})})


def asked(project, name, conversation=ASKED):
    found, (target,) = with_variants(project, [name])
    return as_asked(conversation, found.target(target), found)


def test_a_text_file_is_the_system_message(tmp_path):
    found = asked(project(tmp_path, new__md="Be kind.\n"), "small+new.md")
    assert found.messages == (Message("system", "Be kind."), Message("user", "When?"))
    assert (found.params, found.tools) == (ASKED.params, ASKED.tools)


def test_a_conversation_without_a_system_message_gets_one(tmp_path):
    bare = Conversation("a", (Message("user", "When?"),))
    found = asked(project(tmp_path, new__txt="Be kind."), "small+new.txt", bare)
    assert [message.role for message in found.messages] == ["system", "user"]


def test_a_yaml_file_changes_params_and_tools(tmp_path):
    text = "params: {temperature: 1, seed: null, top_p: 0.5}\ntools: [{name: calendar}]\n"
    found = asked(project(tmp_path, hot__yaml=text), "small+hot.yaml")
    assert found.params == {"temperature": 1, "top_p": 0.5}
    assert [tool.name for tool in found.tools] == ["calendar"]
    assert found.messages == ASKED.messages


def test_a_variant_is_a_target_of_its_own_with_its_base_s_settings(tmp_path):
    found, names = with_variants(project(tmp_path, new__md="x"), ["small", "small+new.md"])
    assert names == ["small", "small+new"]
    target = found.target("small+new")
    assert (target.model, target.settings["retries"]) == ("m", 2)


def test_a_plain_target_is_asked_as_it_is(tmp_path):
    assert asked(project(tmp_path), "small") is ASKED


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("smal+new.md", 'did you mean "small"?'),
        ("small+gone.md", "gone.md"),
        ("small+bad.yaml", 'a variant has no "sistem"; did you mean "system"?'),
        ("small+idle.yaml", "a variant changes something"),
        ("small+worse.yaml", "worse.yaml:1:"),
    ],
)
def test_what_is_wrong_with_a_variant_is_said_with_its_place(tmp_path, name, said):
    files = {
        "new__md": "x",
        "bad__yaml": "sistem: hello\n",
        "idle__yaml": "description: nothing\n",
        "worse__yaml": "params: {temperature: hot}\n",
    }
    with pytest.raises((BadInput, StorageError)) as caught:
        with_variants(project(tmp_path, **files), [name])
    assert said in str(caught.value)


def test_two_variants_of_one_name_are_refused(tmp_path):
    found = project(tmp_path, new__md="x", new__txt="y")
    with pytest.raises(BadInput, match="two targets are called"):
        with_variants(found, ["small+new.md", "small+new.txt"])
