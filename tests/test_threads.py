"""Cases in threads: what is held for each target, what waits, and what is left when it is stopped."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from asking import cases, project
from seeded import Limit, Model, Seeded, Storm, lognormal

from replay import limits
from replay.engines import registry, threads
from replay.limits import Admission, Budget, Desk
from replay.runner import Runner

RECORD = [sys.executable, "-m", "pytest", "-q", "suites/", "--record-mode=new_episodes"]
NAMES = tuple(f"c{number:02}" for number in range(20))


def run(project, planned, **options):
    return threads.run(planned, Runner(project, "new_episodes", **options))


def outcomes(results):
    return {result.outcome for _, result in results}


def test_the_engine_is_found_by_its_name():
    assert registry.get("threads") is threads


def test_every_case_is_played_and_no_target_is_asked_more_at_once_than_it_takes(tmp_path):
    models = {
        "wide": Model(latency=lognormal(0.1), limit=Limit(concurrency=6)),
        "narrow": Model(latency=0.01, limit=Limit(concurrency=2)),
    }
    with Seeded(models) as server:
        own = {"wide": "limits = {concurrency = 6}", "narrow": "limits = {concurrency = 2}"}
        found = project(tmp_path, server.base_url, NAMES, tuple(models), own=own)
        planned = cases(found)
        results = list(run(found, planned))
    assert {id(one) for one, _ in results} == {id(one) for one in planned}
    assert all(result.case == one.case for one, result in results)
    assert outcomes(results) == {"passed"}
    assert server.violations == []
    assert 2 < server.most_at_once("wide") <= 6


def test_a_slow_target_does_not_hold_up_another(tmp_path):
    models = {"slow": Model(latency=0.15), "fast": Model()}
    with Seeded(models) as server:
        found = project(tmp_path, server.base_url, NAMES[:8], tuple(models), limits="{concurrency = 1}")
        order = [one.case.target for one, _ in run(found, cases(found))]
    assert order.count("slow") == order.count("fast") == 8
    assert order[:9].count("fast") >= 6


def test_cases_are_taken_as_there_is_room_and_not_all_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(threads, "LOOK_AHEAD", 5)
    taken = []
    with Seeded({"m": Model(latency=0.01)}) as server:
        found = project(tmp_path, server.base_url, limits="{concurrency = 2}")
        (one,) = cases(found)

        def endless():
            while True:
                taken.append(one)
                yield replace(one, case=replace(one.case, attempt=len(taken)))

        results = run(found, endless())
        for count in range(1, 20):
            next(results)
            assert len(taken) <= count + 5 + 2 + 2  # what waits, what is under way, what is done
        results.close()


def test_when_it_is_closed_nothing_new_is_begun(tmp_path):
    with Seeded({"m": Model(latency=0.05)}) as server:
        found = project(tmp_path, server.base_url, NAMES, limits="{concurrency = 2}")
        results = run(found, cases(found))
        next(results)
        results.close()
        begun = len(server.calls)
        time.sleep(0.3)
        assert len(server.calls) <= begun + 1  # one may have been on its way
    assert begun <= 5


def test_cases_of_a_target_begin_by_their_priority(tmp_path):
    with Seeded({"m": Model(latency=0.05)}) as server:
        found = project(tmp_path, server.base_url, NAMES[:3], limits="{concurrency = 1}")
        first, second, third = cases(found)
        tagged = lambda one, *tags: replace(one, case=replace(one.case, tags=tags))
        again = replace(first, case=replace(first.case, attempt=2))
        planned = [first, again, tagged(second, "priority:low"), third, tagged(second, "priority:high")]
        order = [one for one, _ in run(found, planned)]
    assert order == [planned[0], planned[4], planned[3], planned[1], planned[2]]


def test_a_fault_of_ours_is_raised_where_results_are_taken(tmp_path):
    found = project(tmp_path, "http://127.0.0.1:9/v1")

    class Broken(Runner):
        def run(self, planned, conversation=None):
            raise KeyError("ours")

    with pytest.raises(KeyError, match="ours"):
        list(threads.run(cases(found), Broken(found, "new_episodes")))


def test_offline_no_thread_is_started(tmp_path):
    with Seeded({"m": Model()}) as server:
        found = project(tmp_path, server.base_url, NAMES[:3])
        live = list(run(found, cases(found)))
    before = threading.active_count()
    again = []
    for _, result in threads.run(cases(found), Runner(found)):
        again.append(result)
        assert threading.active_count() <= before
    assert [result.outcome for result in again] == ["passed"] * 3
    assert len(live) == 3


def test_the_open_file_limit_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(threads, "_files_allow", lambda: 3)
    with Seeded({"a": Model(latency=0.05), "b": Model(latency=0.05)}) as server:
        found = project(tmp_path, server.base_url, NAMES[:5], ("a", "b"))
        assert outcomes(run(found, cases(found))) == {"passed"}
    assert server.most_at_once("a") <= 3
    assert server.most_at_once("b") == 1  # each gets one at least


# with the gate, against the server's own log


def test_rates_hold_by_the_servers_log(tmp_path):
    limit = Limit(concurrency=4, requests=8, per=0.95)
    with Seeded({"m": Model(limit=limit, latency=lognormal(0.01))}) as server:
        rates = "{concurrency = 4, requests_per_minute = 8}"
        found = project(tmp_path, server.base_url, NAMES, limits=rates)
        gate = Admission(Desk(found.targets, Budget(), minute=1))
        results = list(run(found, cases(found), gate=gate))
    assert outcomes(results) == {"passed"}
    assert server.violations == []
    assert server.calls[-1].at - server.calls[0].at >= 1.9  # 20 calls, 8 a (short) minute


def test_a_storm_is_waited_out_by_all_threads_together(tmp_path):
    storm = Model(storm=Storm(every=10, length=3, retry_after=0.1))
    with Seeded({"m": storm}) as server:
        found = project(tmp_path, server.base_url, NAMES, retries=8)
        gate = limits.gate(found)
        assert outcomes(run(found, cases(found), gate=gate)) == {"passed"}
    assert len(server.calls) > len(NAMES)
    assert gate.state().running == {"m": 0}


def test_a_budget_is_not_overspent_in_threads(tmp_path):
    with Seeded({"m": Model(latency=0.01)}) as server:
        found = project(tmp_path, server.base_url, NAMES, params="{add = {max_tokens = 20}}")
        budget = Budget(max_tokens=200)
        results = list(run(found, cases(found), gate=limits.gate(found, budget)))
    told = [
        verdict.message for _, result in results for verdict in result.verdicts if verdict.kind == "not_sent"
    ]
    assert 100 < budget.tokens <= 200
    assert len(told) + len(server.calls) == len(NAMES)
    assert all("raise --max-tokens" in message for message in told)


# interrupted


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_what_was_answered_is_kept_when_a_run_is_stopped(how, tmp_path):
    """A real process is stopped in the middle of a run: what the next one asks is what had no answer."""
    with Seeded({"m": Model(latency=lognormal(0.1))}) as server:
        project(tmp_path, server.base_url, NAMES, limits="{concurrency = 4}")
        process = subprocess.Popen(RECORD, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        end = time.monotonic() + 30
        while sum(bool(call.ended) for call in server.calls) < 6 and time.monotonic() < end:
            time.sleep(0.01)
        os.kill(process.pid, how)
        said, _ = process.communicate(timeout=20)
        time.sleep(0.5)  # what was in flight ends at the server
        answered = {call.conversation for call in server.calls}
        assert 6 <= len(answered) < len(NAMES), said.decode()
        before = len(server.calls)
        again = subprocess.run(RECORD, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        asked_again = [call.conversation for call in server.calls[before:]]
    assert again.returncode == 0, again.stdout
    assert len(asked_again) <= len(NAMES) - len(answered) + 4  # no more is lost than what was in flight
    (run,) = [
        path for path in tmp_path.glob("reports/*/run.jsonl") if len(path.read_text().splitlines()) == 21
    ]
    results = [json.loads(line) for line in run.read_text().splitlines()[1:]]
    assert {line["outcome"] for line in results} == {"passed"}


# pytest plays live cases through the same engine and gate


def live(sandbox, server, names, *options, **settings):
    project(sandbox.root, server.base_url, names, **settings)
    return sandbox.pytest("--record-mode=once", *options)


def test_pytest_keeps_the_limits_that_the_environment_sets(sandbox, monkeypatch):
    monkeypatch.setenv("REPLAY_LIMITS", "concurrency=2")
    with Seeded({"m": Model(latency=0.05)}) as server:
        live(sandbox, server, NAMES[:6]).assert_outcomes(passed=6)
    assert server.most_at_once("m") == 2


def test_pytest_refuses_a_limit_that_is_none_before_anything_is_sent(sandbox, monkeypatch):
    monkeypatch.setenv("REPLAY_LIMITS_M", "concurrency=none")
    with Seeded({"m": Model()}) as server:
        result = live(sandbox, server, NAMES[:2])
    assert (result.ret, server.calls) == (4, [])
    said = 'environment variable REPLAY_LIMITS_M: error: concurrency must be a whole number, not "none"'
    assert said in result.stderr.str() + result.stdout.str()


def test_pytest_asks_as_the_tenant_that_the_environment_names(sandbox, monkeypatch):
    monkeypatch.setenv("REPLAY_TENANT", "acme")
    with Seeded({"m": Model(), "theirs": Model()}) as server:
        live(sandbox, server, NAMES[:2], own={"m": 'tenants.acme.model = "theirs"'}).assert_outcomes(passed=2)
    assert {call.model for call in server.calls} == {"theirs"}


def test_pytest_begins_nothing_new_after_the_failures_it_may_have(sandbox):
    with Seeded({"m": Model(passes=0.0, latency=0.05)}) as server:
        result = live(sandbox, server, NAMES, "--maxfail=2", limits="{concurrency = 2}")
    assert result.ret == 1
    assert len(server.calls) <= 6
