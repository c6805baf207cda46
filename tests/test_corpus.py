"""Every Chat Completions recording of the corpus becomes a conversation that plays as it was recorded.

What a recording says is read a second time here, as simply as possible and without any of our own code.
"""

import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest
import recorded_corpus
from corpus_oracle import expected

from replay import fixtures, player, providers, suites
from replay.cassette.cassette import Cassette
from replay.cassette.redact import Redactor
from replay.config import Project
from replay.record import record
from replay.runner._seen import as_recorded

pytestmark = pytest.mark.skipif(not recorded_corpus.PRESENT, reason=recorded_corpus.ABSENT)

COMMON = {"eos": "stop", "function_call": "tool_calls"}


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    out = tmp_path_factory.mktemp("imported")
    rows = [json.loads(line) for line in (recorded_corpus.CORPUS / "index.jsonl").open()]
    files = sorted({recorded_corpus.CORPUS / row["file"] for row in rows})
    return rows, record(files, out, "corpus"), Project.find(out)


def test_nothing_is_dropped_silently(imported):
    rows, recorded, _ = imported
    named = {(outcome.file, outcome.place) for outcome in recorded.outcomes}
    whole = [row for row in rows if row["container"] != "raw-chunks"]  # one interaction in many lines
    missing = {(row["file"], f"interaction {row['index']}") for row in whole} - named
    assert not missing
    assert {row["file"] for row in rows} == {outcome.file for outcome in recorded.outcomes}
    assert all(outcome.refused or outcome.conversation for outcome in recorded.outcomes)
    assert {outcome.skipped for outcome in recorded.outcomes} == {"", "logged twice"}
    assert len(recorded.outcomes) >= len(rows)


def test_every_recording_with_a_request_plays_as_it_was_recorded(imported, capsys):
    _, recorded, project = imported
    outcomes = {(outcome.file, outcome.place): outcome for outcome in recorded.outcomes}
    table, wrong = defaultdict(Counter), {}
    played = {entry.conversation: plays(entry, project) for entry in entries(project)}
    for recording in recorded_corpus.recordings("chat.completions", "deployments/chat.completions"):
        source = recording.row["file"].split("/")[0]
        count = table[source]
        count["interactions"] += 1
        outcome = outcomes.get((recording.row["file"], f"interaction {recording.row['index']}"))
        if outcome is None or outcome.refused:
            count[f"refused: {outcome.refused if outcome else 'no request is recorded'}"] += 1
            continue
        count["imported"] += 1
        turn = played[outcome.conversation][outcome.turn or 1, outcome.attempt]
        differs = difference(recording, turn)
        count["green"] += not differs
        if differs:
            wrong[recording.id] = differs
    with capsys.disabled():
        print(drawn(table))
    total = sum(table.values(), Counter())
    with_request = total["interactions"] - total["refused: no request is recorded"]
    assert not wrong
    assert total["green"] >= 0.99 * with_request


def test_pytest_replays_them_all_green(imported):
    """As a user does: offline, through the plugin, by what the written suite asserts."""
    _, recorded, project = imported
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "suites/"],
        cwd=project.root,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:]
    (lines,) = project.reports.glob("*/run.jsonl")
    with lines.open() as file:
        next(file)
        results = [json.loads(line) for line in file]
    assert len(results) == recorded.tally.conversations
    for result in results:
        assert result["outcome"] == "passed"
        assert {"baseline", "contract"} <= {verdict["assertion"] for verdict in result["verdicts"]}


def test_growing_conversations_are_found_and_nothing_else(imported):
    """The index names, for each request, an earlier one of its file whose messages it begins with."""
    _, recorded, _ = imported
    outcomes = {(outcome.file, outcome.place): outcome for outcome in recorded.outcomes}
    joined = apart = more = 0
    for recording in recorded_corpus.recordings("chat.completions", "deployments/chat.completions"):
        place = (recording.row["file"], f"interaction {recording.row['index']}")
        outcome, earlier = outcomes.get(place), recording.row.get("extends")
        before = outcomes.get((place[0], f"interaction {earlier}"))
        if outcome is None or not outcome.imported:
            continue
        if before is None or not before.imported:
            more += outcome.turn > 1 and earlier is None
        elif outcome.conversation == before.conversation:
            joined += 1
            assert (before.turn, before.attempt) < (outcome.turn, outcome.attempt)
        else:
            apart += 1  # other tools or other parameters
    assert joined >= 70
    assert apart <= 0.15 * joined
    assert more <= 0.05 * joined  # where only a mark for the provider's cache has moved


def entries(project):
    return suites.load(project.suites / "corpus.yaml", project).entries


def plays(entry, project):
    """Every turn of a conversation by its number and its attempt."""
    conversation = fixtures.load(project.conversations / f"{entry.conversation}.yaml", project)
    (name,) = entry.targets
    found = {}
    path = project.cassettes / entry.conversation / f"{name}.yaml"

    def send(request):
        step, attempt = max(found, default=(0, 0))[0] + 1, 1
        found[step, attempt] = turn = once(request)
        while cassette.has_retry():
            attempt += 1
            found[step, attempt] = turn = once(request)
        return turn

    def once(request):
        return providers.registry.get(target.provider).send(request, target, cassette.transport())

    with Cassette(path, redactor=Redactor.for_project(project, {})) as cassette:
        target = as_recorded(project.target(name), cassette)
        player.play(conversation, target, send, entry.play, entry.turns)
        assert not cassette.unplayed
    return found


def difference(recording, turn):
    """Say how a turn differs from its recording, nothing where it does not."""
    if recording.status >= 400:
        same = turn.error and turn.error.status == recording.status and turn.reply is None
        return None if same else f"status {recording.status} was played as {turn.error}"
    wanted = expected(recording.body)
    if bool(turn.error) != (wanted.error or wanted.cut):
        return f"{wanted} was played as {turn.error}"
    choices = turn.reply.choices() if turn.reply else ()
    came = [
        (c.native_finish_reason, c.message.text, [(t.name, t.arguments) for t in c.message.tool_calls])
        for c in choices
    ]
    said = [(choice.finish_reason, choice.content, choice.calls) for choice in wanted.choices]
    if came != said:
        return f"{said} was played as {came}"
    for choice in choices:
        native = choice.native_finish_reason
        if choice.finish_reason != COMMON.get(native, native):
            return f"finish_reason {native} was played as {choice.finish_reason}"
    usage = turn.reply.usage if turn.reply else None
    counts = (
        (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) if usage else (None, None, None)
    )
    return None if counts == wanted.usage else f"usage {wanted.usage} was played as {counts}"


def drawn(table):
    lines = [f"\n{'source':48}{'interactions':>13}{'imported':>10}{'green':>7}  refused"]
    for source, count in [*sorted(table.items()), ("all", sum(table.values(), Counter()))]:
        refused = [f"{number} {name[9:]}" for name, number in count.items() if name.startswith("refused: ")]
        numbers = f"{count['interactions']:13}{count['imported']:10}{count['green']:7}"
        lines.append(f"{source:48}{numbers}  {', '.join(refused)}")
    return "\n".join(lines)
