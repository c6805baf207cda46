"""Importing again, and a longer log: what is new is added, and nothing else changes."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from recording import answers, asks, cases, chat, entry, files, played, recorded, user, write

from replay import suites
from replay.config import Project
from replay.errors import BadInput
from replay.record import Recording, record

LOG = [
    *chat(("Open?", "Yes."), ("Until when?", "Six.")),
    entry(asks(user("Price?")), answers("Ten.", "p")),
    entry(asks(user("Colour?")), answers("Red.", "q")),
]


def suite_of(project):
    return project.suites / "shop.yaml"


def test_the_same_log_again_changes_nothing(tmp_path):
    first, project = recorded(tmp_path / "p", *LOG)
    before = files(project.root)
    again, _ = recorded(tmp_path / "p", *LOG)
    assert files(project.root) == before
    assert (first.imported, again.imported) == (4, 0)
    assert {outcome.skipped for outcome in again.outcomes} == {"already there"}
    assert [one.conversation for one in again.outcomes] == [one.conversation for one in first.outcomes]
    assert "0 imported into suite shop, 0 refused, 4 already there" in again.text


def test_a_longer_log_adds_and_touches_nothing_that_was_there(tmp_path):
    _, project = recorded(tmp_path / "p", *LOG)
    before = files(project.root)
    more = entry(asks(user("Size?"), model="gpt-5"), answers("Big.", "r"))
    outcome, project = recorded(tmp_path / "p", more, *LOG)
    after = files(project.root)
    assert outcome.imported == 1
    changed = {name for name in before if after[name] != before[name]}
    assert changed == {"suites/shop.yaml", "replay.toml"}
    assert all(after[name].startswith(before[name]) for name in changed)
    assert len(cases(project)) == 4
    assert len(played(project)) == 4


def test_a_conversation_that_has_grown_is_new_beside_the_old_one(tmp_path):
    first, _ = recorded(tmp_path / "p", *LOG)
    grown = chat(("Open?", "Yes."), ("Until when?", "Six."), ("Thanks.", "Bye."))
    outcome, project = recorded(tmp_path / "p", *grown, *LOG[2:])
    old = first.outcomes[0].conversation
    assert outcome.outcomes[2].notes == (f"has grown out of {old}, which stays as it is",)
    assert len(played(project)) == 4


def test_what_a_person_has_edited_stays(tmp_path):
    first, project = recorded(tmp_path / "p", *LOG)
    suite, name = suite_of(project), first.outcomes[2].conversation
    edited = suite.read_text().replace("- finish_reason: stop", "- finish_reason: [stop, length]  # mine")
    suite.write_text(edited + "# the end\n")
    fixture = project.conversations / f"{name}.yaml"
    fixture.write_text(fixture.read_text() + "tags: [mine]\n")
    renamed = project.conversations / f"shop/renamed-{name[-12:]}.yaml"
    (project.conversations / f"{first.outcomes[3].conversation}.yaml").rename(
        project.conversations / f"shop/renamed-{first.outcomes[3].conversation[-12:]}.yaml"
    )
    before = files(project.root)
    recorded(tmp_path / "p", *LOG)
    assert files(project.root) == before
    assert not renamed.exists()
    recorded(tmp_path / "p", *LOG, entry(asks(user("New?")), answers("Yes.", "n")))
    assert suite.read_text().startswith(edited + "# the end\n  - conversation: shop/new-")


def test_a_case_that_was_deleted_is_not_brought_back(tmp_path):
    first, project = recorded(tmp_path / "p", *LOG)
    head, *blocks = suite_of(project).read_text().split("  - conversation: ")
    suite_of(project).write_text("  - conversation: ".join([head, *blocks[1:]]))
    recorded(tmp_path / "p", *LOG)
    assert first.outcomes[0].conversation not in [case["conversation"] for case in cases(project)]
    (project.conversations / f"{first.outcomes[0].conversation}.yaml").unlink()
    outcome, _ = recorded(tmp_path / "p", *LOG)
    assert outcome.imported == 2
    assert first.outcomes[0].conversation in [case["conversation"] for case in cases(project)]


def test_a_recording_that_a_person_has_edited_is_not_written_over(tmp_path):
    first, project = recorded(tmp_path / "p", *LOG)
    name = first.outcomes[2].conversation
    cassette = project.cassettes / name / "gpt-4o-mini.yaml"
    cassette.write_text(cassette.read_text().replace("Ten.", "Eleven."))
    (project.conversations / f"{name}.yaml").unlink()
    recorded(tmp_path / "p", *LOG)
    assert "Eleven." in cassette.read_text()


FORMS = {
    "wide": """
play: to_completion
cases:
    - conversation: {name}
      assert: [baseline]
      targets: [gpt-4o-mini]""",
    "at the margin": """
play: next_turn
cases:
- conversation: {name}
  targets: [gpt-4o-mini]
  assert:
  - baseline
""",
    "with remarks": """
cases:  # mine
  - conversation: {name} # mine too
    targets: [gpt-4o-mini]
    assert: [baseline]
  # the end
""",
    "with text of lines at its end": """
cases:
  - conversation: {name}
    targets: [gpt-4o-mini]
    assert: [baseline]
    description: |+
      Of
      lines

""",
}
CASE = """
cases:
  - conversation: {name}
    targets: [gpt-4o-mini]
"""
OTHERS = {
    "cases are not the last key": CASE + "assert: [baseline]\n",
    "cases on one line": "targets: [gpt-4o-mini]\nassert: [baseline]\ncases: [{conversation: {name}}]\n",
    "no cases": "targets: [gpt-4o-mini]\nassert: [baseline]\nconversations: ['{name}']\n",
    "an end": f"assert: [baseline]{CASE}...\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_cases_are_added_in_the_form_that_a_suite_has(form, tmp_path):
    first, project = recorded(tmp_path / "p", LOG[2])
    text = FORMS[form].replace("{name}", first.outcomes[0].conversation)
    suite_of(project).write_text(text)
    recorded(tmp_path / "p", *LOG)
    assert suite_of(project).read_text().startswith(text)
    suite = suites.load(suite_of(project), project)
    assert [case.play for case in suite.entries[1:]] == ["every_turn", "next_turn"]
    assert len(played(project)) == 3


@pytest.mark.parametrize("form", OTHERS)
def test_a_suite_in_another_form_gets_a_second_file(form, tmp_path):
    first, project = recorded(tmp_path / "p", LOG[2])
    text = OTHERS[form].replace("{name}", first.outcomes[0].conversation)
    suite_of(project).write_text(text)
    for _ in range(2):
        outcome, _ = recorded(tmp_path / "p", *LOG)
    assert suite_of(project).read_text() == text
    assert len(cases(project, "shop-2")) == 2
    assert outcome.suite == "shop-2"
    recorded(tmp_path / "p", *LOG, entry(asks(user("New?")), answers("Yes.", "n")))
    assert len(cases(project, "shop-2")) == 3


def test_a_damaged_suite_is_named_before_anything_is_written(tmp_path):
    _, project = recorded(tmp_path / "p", LOG[2])
    suite_of(project).write_text("cases: [\n")
    before = files(project.root)
    with pytest.raises(BadInput, match=r"suites/shop\.yaml:"):
        recorded(tmp_path / "p", *LOG)
    assert files(project.root) == before


def test_an_import_that_is_stopped_keeps_what_it_has_and_the_next_one_adds_the_rest(tmp_path):
    log = write(tmp_path / "app.jsonl", LOG)
    outcomes = iter(Recording([log], tmp_path / "p", "shop"))
    next(outcomes)
    outcomes.close()
    project = Project.find(tmp_path / "p")
    assert len(played(project)) == 1
    assert [path.name for path in project.suites.iterdir()] == ["shop.yaml"]
    assert record([log], tmp_path / "p", "shop").imported == 2
    assert len(played(project)) == 3


@pytest.mark.parametrize("moment", [0.3, 0.6, 0.9])
def test_an_import_that_is_killed_loses_no_case(moment, tmp_path):
    log = write(
        tmp_path / "app.jsonl", [entry(asks(user(f"{n}?")), answers(f"{n}.", f"n{n}")) for n in range(150)]
    )
    arguments = [sys.executable, "-m", "replay.cli", "record", str(log), "--out", "p", "--suite", "shop"]
    process = subprocess.Popen(arguments, cwd=tmp_path, stdout=subprocess.DEVNULL)
    folder = tmp_path / "p" / "fixtures" / "conversations" / "shop"
    while process.poll() is None and len(list(folder.glob("*.yaml"))) < 150 * moment:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    written = len(list(folder.glob("*.yaml")))
    assert written < 150
    outcome = record([log], tmp_path / "p", "shop")
    assert outcome.imported == 150 - written
    project = Project.find(tmp_path / "p")
    assert len(played(project)) == len(cases(project)) == 150
    assert [path.name for path in project.suites.iterdir()] == ["shop.yaml"]


def test_nothing_imported_is_said_and_is_nothing_to_run(sandbox):
    write(sandbox.root / "logs" / "app.jsonl", [{"input": "embed me", "model": "text-embedding-3-small"}])
    result = sandbox.replay("record", "logs", "--suite", "shop")
    assert result.ret == 5
    result.stdout.fnmatch_lines(["*0 imported into suite shop, 1 refused", "nothing was imported"])
    write(sandbox.root / "logs" / "app.jsonl", LOG)
    assert sandbox.replay("record", "logs", "--suite", "shop").ret == 0
    assert sandbox.replay("record", "logs", "--suite", "shop").ret == 0


def test_the_machine_s_report_is_one_object_whatever_the_size(sandbox):
    write(sandbox.root / "logs" / "app.jsonl", LOG)
    told = json.loads(
        sandbox.replay("record", "logs", "--suite", "shop", "--sample", "2", "--json").stdout.str()
    )
    assert (told["read"], told["conversations"], len(told["outcomes"])) == (4, 2, 4)
    assert told["skipped"] == {"left out by --sample": 4 - told["imported"]}
    assert told["sample"]["kept"] == 2


def test_a_terminal_is_shown_how_far_it_is_and_a_pipe_is_not(tmp_path):
    import pty

    log = write(tmp_path / "app.jsonl", LOG)
    arguments = [sys.executable, "-m", "replay.cli", "record", str(log), "--suite", "shop", "--out"]
    piped = subprocess.run([*arguments, "a"], cwd=tmp_path, capture_output=True, check=True)
    assert piped.stderr == b""
    ours, theirs = pty.openpty()
    shown = subprocess.run([*arguments, "b"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs, check=True)
    drawn = os.read(ours, 10_000).decode()
    os.close(theirs)
    assert "writing" in drawn
    assert "lines/s, 4 imported" in drawn
    assert b"4 imported" in shown.stdout
