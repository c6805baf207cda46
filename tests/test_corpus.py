"""Every recording of the corpus that speaks a wire we read becomes a conversation that plays as it was.

What is played is what a user plays: `replay record` on all of it, then `pytest suites/`, offline, each
provider through its own SDK. Chat Completions are read a second time here, as simply as possible and without
any of our own code; the tests of the other providers do that for theirs.
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

from replay import providers
from replay.config import Project
from replay.providers import _wire
from replay.record import record
from replay.record._choice import TWICE
from replay.run import Result

pytestmark = pytest.mark.skipif(not recorded_corpus.PRESENT, reason=recorded_corpus.ABSENT)

CHAT = ("chat.completions", "deployments/chat.completions")
ENDPOINTS = (
    *CHAT,
    "completions",
    "deployments/completions",
    "responses",
    "messages",
    "vertex.rawPredict",
    "generateContent",
    "streamGenerateContent",
    "converse",
    "converse-stream",
    "invoke",
    "invoke-stream",
    "cohere.chat",
    "ollama.chat",
    "ollama.generate",
)
# Wires that no provider of ours speaks, behind paths that ours use as well.
OTHERS = ("of another vendor's model", "a text completion")
CREDENTIALS = ("ANTHROPIC_", "AWS_", "AZURE_", "COHERE_", "GEMINI_", "GOOGLE_", "OPENAI_")
ALL = ("all", "")
COMMON = {"eos": "stop", "function_call": "tool_calls"}


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    out = tmp_path_factory.mktemp("imported")
    files = sorted({recorded_corpus.CORPUS / row["file"] for row in recorded_corpus.rows()})
    return record(files, out, "corpus"), Project.find(out)


@pytest.fixture(scope="module")
def played(imported):
    """What pytest made of the written suite: each case's result, by conversation and target."""
    _, project = imported
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "suites/"],
        cwd=project.root,
        env={name: value for name, value in os.environ.items() if not name.startswith(CREDENTIALS)}
        | {"PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    (lines,) = project.reports.glob("*/run.jsonl")
    results = [Result.from_json(json.loads(line)) for line in lines.read_text("utf-8").splitlines()[1:]]
    assert run.returncode == 0, run.stdout[-3000:]
    return {(result.case.conversation, result.case.target): result for result in results}


def test_nothing_is_dropped_silently(imported):
    recorded, _ = imported
    rows = recorded_corpus.rows()
    named = {(outcome.file, outcome.place) for outcome in recorded.outcomes}
    whole = [row for row in rows if row["container"] != "raw-chunks"]  # one interaction in many lines
    assert {(row["file"], f"interaction {row['index']}") for row in whole} <= named
    assert {row["file"] for row in rows} == {outcome.file for outcome in recorded.outcomes}
    assert all(outcome.refused or outcome.skipped or outcome.conversation for outcome in recorded.outcomes)


def test_every_recording_with_a_request_plays_as_it_was_recorded(imported, played, capsys):
    recorded, project = imported
    outcomes = {(outcome.file, outcome.place): outcome for outcome in recorded.outcomes}
    table, wrong = defaultdict(Counter), {}
    for recording in recorded_corpus.recordings(*ENDPOINTS):
        outcome = outcomes.get((recording.row["file"], f"interaction {recording.row['index']}"))
        why, differs = fate(recording, outcome, played, project)
        for place in ((recording.row["file"].split("/")[0], recording.row["endpoint"]), ALL):
            table[place]["interactions"] += 1
            table[place]["imported"] += not why.startswith("refused")
            table[place][why] += 1
        if differs:
            wrong[recording.id] = differs
    with capsys.disabled():
        print(drawn(table))
    assert not wrong
    total = table[ALL]
    excused = (why for why in total if why.startswith("refused") and not counts(why))
    ours = total["interactions"] - sum(total[why] for why in excused)
    assert total["green"] >= 0.99 * ours


def counts(why):
    """Whether a refusal counts against us: not where no request is recorded, or the wire is another's."""
    return "no request" not in why and not any(other in why for other in OTHERS)


def fate(recording, outcome, played, project):
    """Return what became of a recording (`green`, `played otherwise`, or why it was refused), and how."""
    if outcome is None:
        return "refused: no request is recorded", None
    if outcome.refused or outcome.skipped not in ("", TWICE):  # what was logged twice is played once
        return f"refused: {outcome.refused or outcome.skipped}", None
    result = played[outcome.conversation, outcome.target]
    turn = result.transcript.turns[max(outcome.turn, 1) - 1]
    if outcome.attempt < turn.attempts:  # a try that failed, before the one that is the turn's
        return "green", None
    differs = difference(recording, turn, project.target(outcome.target).provider)
    return ("played otherwise" if differs else "green"), differs


def difference(recording, turn, provider):
    """Say how a turn differs from its recording, nothing where it does not."""
    if recording.status >= 400:
        same = turn.error and turn.error.status == recording.status and turn.reply is None
        return None if same else f"status {recording.status} was played as {turn.error}"
    if recording.row["endpoint"] in CHAT:
        return chat_difference(recording, turn)
    read = _wire.answer(providers.registry.get(provider), recording.status, recording.headers, recording.body)
    if seen(turn.reply) != seen(read.reply):
        return f"{seen(read.reply)} was played as {seen(turn.reply)}"
    kinds = [error and error.kind for error in (read.error, turn.error)]
    return None if kinds[0] == kinds[1] else f"error {kinds[0]} was played as {kinds[1]}"


def seen(reply):
    return reply and [
        (
            c.native_finish_reason,
            c.message.text,
            [(t.name, t.arguments) for t in c.message.tool_calls],
            c.usage,
        )
        for c in reply.choices()
    ]


def chat_difference(recording, turn):
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
    counted = (
        (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) if usage else (None, None, None)
    )
    return None if counted == wanted.usage else f"usage {wanted.usage} was played as {counted}"


def drawn(table):
    lines = [f"\n{'source':44}{'endpoint':26}{'interactions':>12}{'imported':>9}{'green':>6}  refused"]
    for place, count in sorted(table.items(), key=lambda item: (item[0] == ALL, item[0])):
        why = (f"{number} {name[9:]}" for name, number in count.items() if name.startswith("refused: "))
        numbers = f"{count['interactions']:12}{count['imported']:9}{count['green']:6}"
        lines.append(f"{place[0]:44}{place[1]:26}{numbers}  {', '.join(why)}")
    return "\n".join(lines)
