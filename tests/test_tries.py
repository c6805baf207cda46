"""Calls that are tried again by the class of their error, what is kept of that, and when asking stops."""

import threading
import time

import pytest
from asking import cases, project
from scripted import Reset, Scripted, Wait, raw, reply, stream
from seeded import BAD, BROKE, BUSY, CRASHED, Model, Seeded, Storm

from replay import limits
from replay.limits import Budget
from replay.runner import Runner

YES = {
    "id": "c-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Yes"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}
BUSY_NOW = reply({"error": BUSY}, 429, {"retry-after-ms": "40", "x-request-id": "req-busy"})
DOWN = reply({"error": CRASHED}, 500, {"retry-after-ms": "1", "request-id": "req-down"})
ANSWER = reply(YES, headers={"x-request-id": "req-answer"})


def played(project, targets=None, **options):
    """Play every case of the project live, one after another; return results and runner."""
    runner = Runner(project, "new_episodes", **options)
    return [runner.run(planned) for planned in cases(project, targets)], runner


def one(folder, script, wait=None, **settings):
    """Play one case against a script; return its turn, the waits and the requests."""
    waits = []
    with Scripted(script) as server:
        found = project(folder, server.url, **settings)
        (result,), _ = played(found, wait=waits.append if wait is None else wait)
    return result.transcript.last, waits, server.requests


def test_what_may_pass_is_tried_again_and_every_try_is_kept(tmp_path):
    turn, waits, requests = one(tmp_path, [DOWN, BUSY_NOW, ANSWER], retries=3)
    assert turn.reply.message.content == "Yes"
    assert (turn.attempts, turn.request_id, len(requests)) == (3, "req-answer", 3)
    assert [(each.kind, each.status, each.request_id) for each in turn.tries] == [
        ("server", 500, "req-down"),
        ("rate_limit", 429, "req-busy"),
    ]
    assert [each.wait for each in turn.tries] == pytest.approx(waits, abs=0.001)


def test_retry_after_is_obeyed(tmp_path):
    started = time.monotonic()
    _, _, requests = one(tmp_path, [BUSY_NOW, BUSY_NOW, ANSWER], wait=time.sleep, retries=3)
    assert len(requests) == 3
    assert time.monotonic() - started >= 0.08


@pytest.mark.parametrize(
    ("headers", "least"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Mon, 02 Mar 2026 10:00:20 GMT", "date": "Mon, 02 Mar 2026 10:00:00 GMT"}, 20.0),
    ],
)
def test_retry_after_is_read_in_every_form(headers, least, tmp_path):
    _, (wait,), _ = one(tmp_path, [reply({"error": BUSY}, 429, headers), ANSWER], retries=1)
    assert least <= wait <= 1.1 * least  # a little later, so that not all come back at once


def test_without_it_waits_double_with_some_chance_in_them(tmp_path):
    down = reply({"error": CRASHED}, 503)
    turn, waits, _ = one(tmp_path, [down] * 5 + [ANSWER], retries=6)
    assert turn.reply
    for number, wait in enumerate(waits):
        assert 0.5 * 2**number <= wait <= 0.5 * 2**number + 0.5
    assert len({round(wait % 0.5, 6) for wait in waits}) > 1


def test_who_asks_for_a_very_long_wait_is_not_waited_for(tmp_path):
    turn, waits, _ = one(tmp_path, [reply({"error": BUSY}, 429, {"retry-after": "3600"}), ANSWER], retries=3)
    assert (turn.error.kind, waits) == ("rate_limit", [])


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply({"error": BAD}, 400, {"retry-after": "0"}), "invalid_request"),
        (reply({"error": {"message": "no"}}, 401), "auth"),
        (reply({"error": {"message": "no"}}, 404), "not_found"),
        (reply({"error": BROKE}, 429, {"retry-after": "0"}), "billing"),
        (reply({"error": {"message": "filtered", "code": "content_filter"}}, 400), "content_filter"),
        (stream(["data: {}\n\n", Reset()], end=False), "cut"),
    ],
)
def test_what_does_not_pass_is_never_tried_again(answer, kind, tmp_path):
    turn, waits, requests = one(tmp_path, [answer, ANSWER], retries=5)
    assert (turn.error.kind, turn.attempts, turn.tries, waits) == (kind, 1, (), [])
    assert len(requests) == 1


def test_there_is_a_hard_cap(tmp_path):
    turn, waits, requests = one(tmp_path, [DOWN], retries=2)
    assert (turn.error.kind, turn.attempts, len(turn.tries), len(waits), len(requests)) == (
        "server",
        3,
        2,
        2,
        3,
    )


def test_a_runner_says_how_often_where_a_target_does_not(tmp_path):
    with Scripted([DOWN, DOWN, ANSWER]) as server:
        found = project(tmp_path, server.url)
        (result,), _ = played(found, wait=lambda _: None, retries=2)
    assert result.outcome == "passed"


def test_tries_are_the_same_when_replayed_but_for_the_waits(tmp_path):
    with Scripted([DOWN, BUSY_NOW, ANSWER]) as server:
        found = project(tmp_path, server.url, retries=3)
        (live,), _ = played(found, wait=lambda _: None)
    (again,) = [Runner(found).run(planned) for planned in cases(found)]
    turn = again.transcript.last
    assert (again.outcome, turn.attempts) == ("passed", 3)
    assert [(each.kind, each.status, each.wait) for each in turn.tries] == [
        ("server", 500, None),
        ("rate_limit", 429, None),
    ]
    assert live.transcript.last.reply == turn.reply


def test_a_billing_refusal_stops_all_targets_of_the_account(tmp_path):
    names = [f"c{number}" for number in range(5)]
    with Scripted([reply({"error": BROKE}, 429), ANSWER]) as server:
        found = project(tmp_path, server.url, names, ("m", "also"), retries=3)
        results, runner = played(found)
        other = Runner(found, "new_episodes")
    assert len(server.requests) == 1
    assert set(runner.stopped) == {"m", "also"}
    assert [result.outcome for result in results] == ["error"] * 10
    assert {verdict.kind for result in results[1:] for verdict in result.verdicts} == {"not_sent"}
    assert not other.stopped


def test_a_refusal_is_heeded_by_who_waits_already(tmp_path):
    """One call at a time; the others wait at the gate when the account comes to its end."""
    names = [f"c{number}" for number in range(6)]
    with Seeded({"m": Model(billing_after=0, latency=0.0)}) as server:
        found = project(tmp_path, server.base_url, names, limits="{concurrency = 1}")
        runner = Runner(found, "new_episodes", gate=limits.gate(found))
        threads = [threading.Thread(target=runner.run, args=(planned,)) for planned in cases(found)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(server.calls) == 1
    assert len(list(tmp_path.glob("fixtures/cassettes/*/*"))) == 1  # what was not sent leaves no cassette


def test_a_case_that_the_budget_has_no_room_for_is_told_and_not_sent(tmp_path):
    with Scripted([ANSWER]) as server:
        found = project(tmp_path, server.url, ("c1", "c2", "c3"))
        budget = Budget(max_tokens=1020)
        results, _ = played(found, gate=limits.gate(found, budget))
    assert [result.outcome for result in results] == ["passed", "error", "error"]
    (verdict,) = results[1].verdicts
    assert (verdict.identity, budget.tokens, len(server.requests)) == (("provider", "not_sent"), 15, 1)
    assert "15 of 1020 tokens are spent" in verdict.message


def test_what_is_recorded_needs_no_ticket(tmp_path):
    with Scripted([ANSWER]) as server:
        found = project(tmp_path, server.url)
        played(found)
        results, _ = played(found, gate=limits.gate(found, Budget(max_tokens=1)))
    assert [result.outcome for result in results] == ["passed"]


def test_the_time_at_the_gate_is_no_part_of_the_answers(tmp_path):
    with Scripted([ANSWER]) as server:
        found = project(tmp_path, server.url, ("c1", "c2"), timeout=0.5, limits="{requests_per_minute = 60}")
        results, _ = played(found, gate=limits.gate(found))
    assert [result.outcome for result in results] == ["passed", "passed"]  # the second waited for a second
    assert results[1].transcript.last.timing.total_ms < 500
    (_, again) = [Runner(found).run(planned) for planned in cases(found)]
    assert again.transcript.last.timing.total_ms < 500


def test_a_trickle_ends_at_its_deadline(tmp_path):
    words = [piece for word in range(600) for piece in (f": {word}\n\n", Wait(0.05))]
    started = time.monotonic()
    turn, _, _ = one(tmp_path, [stream(words)], timeout=0.4)
    assert turn.error.kind == "timeout"
    assert time.monotonic() - started < 15  # all of it takes 30


def test_headers_that_trickle_end_at_the_deadline_too(tmp_path):
    letters = [piece for _ in range(600) for piece in (b"x", Wait(0.05))]
    started = time.monotonic()
    with Scripted([raw(b"HTTP/1.1 200 OK\r\nx-slow: ", *letters)]) as server:
        found = project(tmp_path, server.url, timeout=0.4)
        (result,), _ = played(found)
    assert time.monotonic() - started < 15  # all of it takes 30
    error = result.transcript.last.error
    assert (error.kind, error.exception) == ("timeout", "APITimeoutError")
    (planned,) = cases(found)
    assert Runner(found).run(planned).transcript.last.error == error


def test_a_storm_is_weathered_and_nothing_is_lost(tmp_path):
    names = [f"c{number}" for number in range(12)]
    storm = Model(storm=Storm(every=4, length=2, retry_after=0.02), faults={"server": 0.1})
    with Seeded({"m": storm}, seed=2) as server:
        found = project(tmp_path, server.base_url, names, retries=8)
        results, _ = played(
            found, gate=limits.gate(found), wait=lambda seconds: time.sleep(min(seconds, 0.05))
        )
    assert {result.outcome for result in results} == {"passed"}
    tries = [each for result in results for each in result.transcript.last.tries]
    assert len(server.calls) == 12 + len(tries) > 12
    assert all(each.request_id for each in tries)
