"""Which calls of a log become one conversation, which tries of one turn, and which stay apart."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recording import (
    LIMIT,
    SYSTEM,
    answers,
    asks,
    call,
    cases,
    chat,
    entry,
    files,
    fixture,
    played,
    recorded,
    said,
    told,
    user,
    write,
)

from replay.config import Project
from replay.record import record

TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
THREE = chat(("Open?", "Yes."), ("Until when?", "Six."), ("Thanks.", "Bye."))


def names(outcome):
    return [one.conversation for one in outcome.outcomes]


def test_a_growing_conversation_is_one_with_all_its_turns(tmp_path):
    outcome, project = recorded(tmp_path / "p", *THREE)
    assert len(set(names(outcome))) == 1
    assert [(one.place, one.turn) for one in outcome.outcomes] == [
        ("line 1", 1),
        ("line 2", 2),
        ("line 3", 3),
    ]
    (case,) = cases(project)
    assert (case["play"], case.get("turns")) == ("every_turn", None)
    messages = fixture(project, case["conversation"])["messages"]
    assert [message["content"] for message in messages[1:]] == [
        "Open?",
        "Yes.",
        "Until when?",
        "Six.",
        "Thanks.",
        "Bye.",
    ]
    (transcript,) = played(project).values()
    assert [turn.reply.message.text for turn in transcript.turns] == ["Yes.", "Six.", "Bye."]
    assert outcome.text.splitlines()[:2] == [
        "1 files, 3 exchanges: 3 imported into suite shop, 0 refused",
        "they are 1 conversations",
    ]


def test_the_suite_is_green_as_pytest_plays_it(sandbox):
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    first = asks(user("Any left?"), tools=[TOOL])
    second = asks(
        user("Any left?"),
        said(None, tool_calls=[call]),
        {"role": "tool", "tool_call_id": "call_1", "content": "3"},
        tools=[TOOL],
    )
    log = [
        entry(first, LIMIT, 429),
        entry(first, answers(None, "t-1", "tool_calls", tool_calls=[call])),
        entry(second, answers("Three.", "t-2", tokens=(40, 9))),
        *THREE,
    ]
    _, project = recorded(sandbox.root, *log)
    sandbox.pytest("-p", "no:cacheprovider").assert_outcomes(passed=2)
    with_tool = cases(project)[0]
    assert {"finish_reason": ["tool_calls", "stop"]} in with_tool["assert"]
    assert {"tool_calls": {"order": "exact", "calls": [{"name": "look", "arguments": {}}]}} in with_tool[
        "assert"
    ]
    assert {"token_budget": {"prompt": 50, "completion": 20}} in with_tool["assert"]


def test_what_was_said_before_the_log_begins_is_not_played(tmp_path):
    shots = [user("2+2?"), said("4"), user("3+3?"), said("6")]
    log = [
        entry(asks(SYSTEM, *shots, user("4+4?")), answers("8", "a")),
        entry(asks(SYSTEM, *shots, user("4+4?"), said("8"), user("5+5?")), answers("10", "b")),
    ]
    _, project = recorded(tmp_path / "p", *log)
    (case,) = cases(project)
    assert case["turns"] == [3, 4]
    (transcript,) = played(project).values()
    assert [turn.reply.message.text for turn in transcript.turns] == ["8", "10"]


def test_a_turn_that_is_missing_in_the_log_is_not_played(tmp_path):
    _, project = recorded(tmp_path / "p", THREE[0], THREE[2])
    (case,) = cases(project)
    assert case["turns"] == [1, 3]
    assert len(played(project)) == 1


def test_history_that_is_written_anew_begins_a_conversation(tmp_path):
    summed = [SYSTEM, user("Summary: it is open until six."), user("Thanks.")]
    log = [*THREE[:2], entry(asks(*summed), answers("Bye.", "s"))]
    outcome, _ = recorded(tmp_path / "p", *log)
    first, second, third = names(outcome)
    assert first == second != third


@pytest.mark.parametrize(
    "changed",
    [{"model": "gpt-4o"}, {"temperature": 1}, {"tools": [TOOL]}],
)
def test_what_is_asked_in_another_way_is_another_conversation(changed, tmp_path):
    second = json.loads(json.dumps(THREE[1]))
    second["request"]["body"] |= changed
    outcome, project = recorded(tmp_path / "p", THREE[0], second)
    assert len(set(names(outcome))) == 2
    assert len(played(project)) == 2


def test_a_user_who_says_more_without_an_answer_is_another_conversation(tmp_path):
    hello = user("Hello?")
    log = [
        entry(asks(hello), answers("Yes?", "a")),
        entry(asks(hello, user("Anyone?")), answers("Yes!", "b")),
    ]
    outcome, _ = recorded(tmp_path / "p", *log)
    assert len(set(names(outcome))) == 2


def test_an_answer_is_recognised_however_the_app_trims_it(tmp_path):
    """The history is as it was sent, the recording as it was answered, and both play."""
    log = [
        entry(asks(user("Open?")), answers("  Yes, we are.\n", "a")),
        entry(asks(user("Open?"), said("Yes, we are."), user("When?")), answers("Six.", "b")),
        entry(
            asks(user("Open?"), said("Yes, we are."), user("When?"), said("(6 pm)"), user("Bye")),
            answers("Bye.", "c"),
        ),
    ]
    _, project = recorded(tmp_path / "p", *log)
    ((name, transcript),) = played(project).items()
    assert [turn.reply.message.text for turn in transcript.turns] == ["  Yes, we are.\n", "Six.", "Bye."]
    assert [m["content"] for m in fixture(project, name)["messages"]][1::2] == [
        "Yes, we are.",
        "(6 pm)",
        "Bye.",
    ]


def test_what_is_hidden_in_a_reply_is_hidden_in_the_history_that_repeats_it(tmp_path):
    turns = (
        ("I am jo.doe@shop.example", "Hello jo.doe@shop.example!"),
        ("My number?", "It is 4111 1111 1111 1111."),
    )
    outcome, project = recorded(tmp_path / "p", *chat(*turns, ("Thanks.", "Bye.")))
    assert all(not one.notes for one in outcome.outcomes)
    written = b"".join(files(project.root).values())
    assert b"jo.doe" not in written
    assert b"4111 1111" not in written
    assert len(played(project)) == 1


def test_repeats_of_one_task_are_conversations_of_their_own(tmp_path):
    log = [entry(asks(user("Roll.")), answers(text, text)) for text in "3156"]
    log += [
        entry(asks(user("Roll."), said(text), user("Again.")), answers(f"{text}!", f"{text}!"))
        for text in "51"
    ]
    outcome, project = recorded(tmp_path / "p", *log)
    by_answer = dict(zip("3156", names(outcome)[:4], strict=True))
    assert len(set(by_answer.values())) == 4
    assert names(outcome)[4:] == [by_answer["5"], by_answer["1"]]
    told = sorted([turn.reply.message.text for turn in one.turns] for one in played(project).values())
    assert told == [["1", "1!"], ["3"], ["5", "5!"], ["6"]]


def test_an_answer_that_was_taken_twice_goes_on_once(tmp_path):
    log = [*THREE[:2], *chat(("Open?", "Yes."), ("And on Sunday?", "No."), name="other")[1:]]
    outcome, project = recorded(tmp_path / "p", *log)
    first, second, third = names(outcome)
    assert first == second != third
    assert "play" not in cases(project)[1]
    assert fixture(project, third)["messages"][-1]["content"] == "And on Sunday?"


def test_the_threads_of_a_log_tell_equal_beginnings_apart(tmp_path):
    """Replies that the app rewrites say nothing of which conversation goes on; its id does."""
    calls = [
        ("a", [user("Hi")], "Hello from a."),
        ("b", [user("Hi")], "Hello from b."),
        ("a", [user("Hi"), said("(greeting)"), user("Ho")], "Ho a."),
        ("b", [user("Hi"), said("(greeting)"), user("Ho")], "Ho b."),
    ]
    logged = (call(asks(*messages), answers(text, text), thread=name) for name, messages, text in calls)
    outcome, _ = told(tmp_path, *(replace(one, place=f"line {n}") for n, one in enumerate(logged)))
    one, two, three, four = names(outcome)
    assert (one, two) == (three, four)
    assert one != two


def test_tries_of_one_call_are_one_turn(tmp_path):
    log = [
        entry(asks(user("Open?")), LIMIT, 429),
        entry(asks(user("Open?")), error="ReadTimeout"),
        entry(asks(user("Open?")), answers("Yes.", "a")),
        entry(asks(user("Open?")), answers("Yes!", "b")),
    ]
    outcome, project = recorded(tmp_path / "p", *log)
    assert [one.attempt for one in outcome.outcomes] == [1, 2, 3, 1]
    assert len(set(names(outcome))) == 2
    (first, _) = played(project).values()
    assert first.turns[0].reply.message.text == "Yes."


def test_a_refusal_is_not_tried_again(tmp_path):
    bad = {"error": {"message": "No.", "type": "invalid_request_error"}}
    log = [entry(asks(user("Open?")), bad, 400), entry(asks(user("Open?")), answers("Yes.", "a"))]
    outcome, _ = recorded(tmp_path / "p", *log)
    assert len(set(names(outcome))) == 2


def test_asking_again_much_later_is_no_further_try(tmp_path):
    log = [
        entry(asks(user("Open?")), LIMIT, 429, recorded_at="2026-03-01T10:00:00Z"),
        entry(asks(user("Open?")), answers("Yes.", "a"), recorded_at="2026-03-01T11:00:00Z"),
    ]
    outcome, _ = recorded(tmp_path / "p", *log)
    assert len(set(names(outcome))) == 2


def test_turns_that_failed_are_conversations_of_their_own(tmp_path):
    log = [*THREE[:2], entry(THREE[2]["request"]["body"], LIMIT, 429)]
    outcome, project = recorded(tmp_path / "p", *log)
    first, second, failed = names(outcome)
    assert first == second != failed
    assert played(project)[failed].turns[0].error.kind == "rate_limit"


def test_the_same_calls_in_two_files_are_there_once(tmp_path):
    write(tmp_path / "logs" / "a.jsonl", THREE)
    write(tmp_path / "logs" / "b.jsonl", [*THREE[1:], *chat(("New?", "Yes."))])
    outcome = record([tmp_path / "logs"], tmp_path / "p", "shop")
    assert [one.skipped for one in outcome.outcomes] == ["", "", "", "logged twice", "logged twice", ""]
    assert len(set(names(outcome))) == 2
    assert outcome.imported == 4


def test_cassettes_do_not_go_on_with_each_other(tmp_path):
    def cassette(name, *entries):
        pairs = [{"request": one["request"], "response": one["response"]} for one in entries]
        for pair in pairs:
            pair["request"] |= {
                "uri": "https://api.openai.com/v1/chat/completions",
                "body": json.dumps(pair["request"]["body"]),
            }
            pair["response"] = {
                "status": {"code": 200},
                "headers": {},
                "body": {"string": json.dumps(pair["response"]["body"])},
            }
        path = tmp_path / "logs" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"interactions": pairs, "version": 1}))

    log = json.loads(json.dumps(THREE))
    cassette("one.json", log[0])
    cassette("two.json", log[1])
    cassette("three.json", *json.loads(json.dumps(THREE)))
    outcome = record([tmp_path / "logs"], tmp_path / "p", "shop", format="vcr")
    one, *three, two = names(outcome)
    assert len({one, two, *three}) == 3
    assert len(set(three)) == 1


def test_provenance_of_each_exchange_stays_in_the_fixture(tmp_path):
    dated = [item | {"recorded_at": f"2026-03-0{n}T10:00:00Z"} for n, item in enumerate(THREE[:2], 1)]
    outcome, project = recorded(tmp_path / "p", *dated)
    source = fixture(project, outcome.outcomes[0].conversation)["source"]
    assert (source["format"], source["file"], source["place"]) == ("jsonl", "app.jsonl", "line 2")
    assert (source["id"], source["recorded_at"]) == ("c-1", "2026-03-02T10:00:00Z")
    assert source["exchanges"] == [
        {"place": "line 1", "id": "c-0", "recorded_at": "2026-03-01T10:00:00Z"},
        {"place": "line 2"},
    ]


def test_a_stream_that_was_cut_is_marked(tmp_path):
    chunk = {
        "id": "x",
        "object": "chat.completion.chunk",
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": "So"}, "finish_reason": None}],
    }
    log = [
        entry(asks(user("Go."), stream=True), f"data: {json.dumps(chunk)}\n\n"),
        entry(asks(user("***")), answers("What?", "m")),
    ]
    outcome, project = recorded(tmp_path / "p", *log)
    cut, masked = (fixture(project, name)["source"] for name in names(outcome))
    assert (cut["incomplete"], masked["replayable"]) == (True, False)
    assert "replayable" not in cut
    assert len(played(project)) == 2


# -- the same fixtures, however the log is split -------------------------------------------------------------

LOG = [
    *THREE,
    *chat(("Open?", "No."), ("Why?", "Sunday."), name="d"),
    entry(asks(SYSTEM, user("Price?")), LIMIT, 429),
    entry(asks(SYSTEM, user("Price?")), answers("10.", "e")),
    *(entry(asks(user("Roll.")), answers(text, text)) for text in "361"),
    entry(asks(user("Call me: jo.doe@shop.example")), answers("I will.", "f")),
]
LOG = [item | {"recorded_at": f"2026-03-01T10:00:{number:02}Z"} for number, item in enumerate(LOG)]


def contents(folder):
    """The fixtures, cassettes and baselines, without where they come from; the cases in any order."""
    found = {}
    for name, data in files(folder).items():
        if name.startswith("fixtures/conversations"):
            found[name] = fixture(
                Project.find(folder), name.removeprefix("fixtures/conversations/").removesuffix(".yaml")
            )
            del found[name]["source"]
        elif name.startswith("fixtures/baselines"):
            found[name] = data
    found["cases"] = sorted(json.dumps(case) for case in cases(Project.find(folder)))
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    outcome, project = recorded(folder / "p", *LOG)
    assert outcome.tally.conversations == 7
    return contents(project.root)


@settings(max_examples=25)
@given(st.data())
def test_any_split_of_a_log_into_files_gives_the_same_conversations(whole, tmp_path_factory, data):
    """In any order of lines and files, with lines that are logged again, imported at once."""
    folder = tmp_path_factory.mktemp("split")
    order = data.draw(st.permutations(LOG))
    again = data.draw(st.lists(st.sampled_from(LOG), max_size=3))
    spread = data.draw(st.lists(st.integers(0, 3), min_size=len(LOG) + 3, max_size=len(LOG) + 3))
    for number in range(4):
        lines = [item for item, file in zip([*order, *again], spread, strict=False) if file == number]
        write(folder / "logs" / f"{number}.jsonl", lines or [THREE[0] | LOG[0]])
    write(folder / "p" / "replay.toml", [])
    (folder / "p" / "replay.toml").write_text('[redaction]\nsalt = "s"\n')
    record([folder / "logs"], folder / "p", "shop")
    assert contents(folder / "p") == whole


def test_a_log_may_be_imported_piece_by_piece_at_the_ends_of_conversations(whole, tmp_path):
    out = tmp_path / "p"
    for number, piece in enumerate((LOG[:3], LOG[:5], LOG[3:8], LOG)):
        log = write(tmp_path / f"{number}.jsonl", piece)
        recorded_so_far = Path(out / "replay.toml")
        out.mkdir(exist_ok=True)
        if not recorded_so_far.exists():
            recorded_so_far.write_text('[redaction]\nsalt = "s"\n')
        record([log], out, "shop")
    assert contents(out) == whole
