"""What a log says beside the bodies: assertions, tags, notes, what it is not; and what cannot be written."""

from dataclasses import replace

import pytest
from recording import answers, asks, call, cases, fixture, played, said, told, user

ASKED, ANSWERED = asks(user("Open?")), answers("Yes, until six.", "a")


def asserted(project):
    return [item for case in cases(project) for item in case["assert"]]


def test_what_a_log_asserts_is_asserted_if_its_recording_holds_it(tmp_path):
    own = (
        {"contains": "six"},
        {"contains": "six"},
        {"equals": "No."},
        {"finish_reason": ["stop", "length"]},
        {"contians": "x"},
    )
    recorded, project = told(tmp_path, call(ASKED, ANSWERED, assertions=own))
    (outcome,) = recorded.outcomes
    proposed = asserted(project)
    assert proposed[:2] == [{"contains": "six"}, {"finish_reason": ["stop", "length"]}]
    assert {"finish_reason": "stop"} not in proposed
    assert outcome.notes == (
        "not asserted, as the recording fails it: equals",
        "not asserted, as the recording fails it: contians",
    )


def test_a_log_cannot_have_code_run(tmp_path):
    marker = tmp_path / "ran"
    (tmp_path / "evil.py").write_text(f"open({str(marker)!r}, 'w')\ndef judge(t): return True\n")
    own = ({"python": f"{tmp_path}/evil.py:judge"},)
    _, project = told(tmp_path, call(ASKED, ANSWERED, assertions=own))
    assert not marker.exists()
    assert not any(isinstance(item, dict) and "python" in item for item in asserted(project))


def test_what_a_log_is_not_and_what_it_is_tagged_stay_in_the_fixture(tmp_path):
    logged = call(
        ASKED, ANSWERED, derived="messages, not bodies", tags=("night", "eu"), notes=("odd",), at=1767225600.0
    )
    outcome, project = told(tmp_path, logged)
    written = fixture(project, outcome.outcomes[0].conversation)
    assert written["tags"] == ["night", "eu"]
    assert written["source"] == {
        "format": "told",
        "file": "log.told",
        "place": "line 1",
        "id": "a",
        "recorded_at": "2026-01-01T00:00:00Z",
        "derived": "messages, not bodies",
    }
    assert outcome.outcomes[0].notes == ("odd",)


def test_what_the_log_does_not_hold_is_not_asserted(tmp_path):
    bare = answers("Yes.", "a", finish=None)
    del bare["usage"]
    _, project = told(tmp_path, call(ASKED, bare))
    assert asserted(project) == [{"contract": {"allow": ["finish_missing", "usage_missing"]}}, "baseline"]


def test_a_conversation_in_the_words_of_one_wire_plays_at_the_provider_that_was_asked(tmp_path):
    later = asks(user("Open?"), said("Yes, until six."), user("Really?"))
    calls = [
        call(ASKED, ANSWERED, "line 1", wire="openai", provider="anthropic"),
        call(later, answers("Really.", "b"), "line 2", wire="openai", provider="anthropic"),
    ]
    outcome, project = told(tmp_path, *calls)
    assert project.target(outcome.outcomes[0].target).provider == "anthropic"
    (transcript,) = played(project).values()
    assert [turn.reply.message.text for turn in transcript.turns] == ["Yes, until six.", "Really."]


def test_no_secret_in_what_the_log_says_reaches_the_disk(tmp_path):
    secret = "sk-proj-" + "Zq7" * 16
    logged = call(
        ASKED, ANSWERED, source={"by": secret}, tags=(secret,), notes=(secret,), derived=secret, thread=secret
    )
    logged = replace(logged, assertions=({"not": {"contains": secret}},))
    outcome, project = told(tmp_path, logged, replace(logged, place="line 2", refused=f"it is {secret}"))
    written = b"".join(path.read_bytes() for path in project.root.rglob("*") if path.is_file())
    assert secret.encode() not in written
    assert secret not in str(outcome.to_json()) + outcome.text


def test_a_conversation_that_cannot_be_written_whole_is_written_turn_by_turn(tmp_path):
    deep = []
    for _ in range(120):
        deep = [deep]
    odd = {"role": "user", "content": [{"type": "text", "text": "Deep?", "more": deep}]}
    later = asks(user("Open?"), said("Yes, until six."), odd)
    outcome, project = told(
        tmp_path, call(ASKED, ANSWERED, "line 1"), call(later, answers("Deep.", "b"), "line 2")
    )
    first, second = outcome.outcomes
    assert (first.turn, first.refused) == (0, "")
    assert "nested" in second.refused
    assert len(played(project)) == len(cases(project)) == 1
    again, _ = told(tmp_path, call(ASKED, ANSWERED, "line 1"), call(later, answers("Deep.", "b"), "line 2"))
    assert [one.skipped for one in again.outcomes] == ["already there", ""]


@pytest.mark.parametrize("second", [None, "moved"])
def test_a_log_that_changes_while_it_is_read_is_refused_where_it_did(tmp_path, second):
    reads = []

    def changing(_path):
        reads.append(1)
        return call(ASKED, ANSWERED, "line 2" if len(reads) == 1 else second or "line 2")

    calls = [call(asks(user("Price?")), answers("Ten.", "p")), changing]
    outcome, project = told(tmp_path, *calls)
    assert [one.refused for one in outcome.outcomes] == [
        "",
        "the log has changed while it was read" if second else "",
    ]
    assert len(cases(project)) == (1 if second else 2)
