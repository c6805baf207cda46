"""The same cases through batch APIs: asked once, paid once, recorded as if they had been asked one by one."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from batch_server import BatchServer
from chat_wire import completion
from messages_wire import MODEL, THINKING, USE, message

from replay import suites
from replay.cassette.cassette import Cassette
from replay.config import Project
from replay.engines.batch import Engine, ready, run
from replay.errors import BadInput, ProviderFailure
from replay.limits import Budget, gate
from replay.runner import Runner, cassette_path, plan

TARGETS = {
    "chat": ("openai", "gpt-4o-mini", "{}/v1"),
    "responses": ("openai_responses", "m-1", "{}/v1"),
    "claude": ("anthropic", MODEL, "{}"),
    "text": ("openai_completions", "m-1", "{}/v1"),
}
ASSERTS = {
    "next_turn": "{contains: Yes}",
    "to_completion": "{contains: Yes}",
    "every_turn": "{finish_reason: stop}",
}
TOOL = """
tools:
  - {name: look, description: Look., parameters: {type: object, properties: {n: {type: string}}}}
tool_results:
  - {name: look, arguments: {n: "1"}, content: one}
  - {name: look, arguments: {n: "2"}, content: two}
"""


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AZURE_OPENAI_API_KEY"):
        monkeypatch.setenv(name, "not-a-real-key-at-all")


def shop(root, server, count=3, target="chat", play="next_turn", extra="", params="{}", conversation=""):
    """A project with `count` conversations that ask one target."""
    provider, model, base = TARGETS[target]
    config = f'[targets.{target}]\nprovider = "{provider}"\nmodel = "{model}"\n'
    config += f'base_url = "{base.format(server.url)}"\n'
    config += f"price = {{prompt = 1, completion = 2}}\n{extra}\n"
    (root / "suites").mkdir(parents=True, exist_ok=True)
    (root / "replay.toml").write_text(config)
    fixtures = root / "fixtures" / "conversations" / "shop"
    fixtures.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        text = f"messages: [{{role: user, content: question {number}}}]\nparams: {params}\n"
        (fixtures / f"c{number:02}.yaml").write_text(
            conversation or text + (TOOL if play == "to_completion" else "")
        )
    suite = f"targets: [{target}]\nconversations: [shop/*]\nplay: {play}\nassert: [{ASSERTS[play]}]\n"
    (root / "suites" / "shop.yaml").write_text(suite)
    return Project.find(root)


def cases(project):
    return plan(suites.load(project.root / "suites" / "shop.yaml", project), project)


def engine(told=None, **ways):
    told = [] if told is None else told
    return Engine(**{"pauses": (0.01,), "settle": 0.0, "tell": told.append} | ways)


def runner(project, **options):
    options["inner"] = httpx2.HTTPTransport(
        verify=False
    )  # a TLS context for each test costs more than the test
    return Runner(project, "new_episodes", folder=project.root / "reports" / "r" / "cassettes", **options)


def played(project, how=None, **options):
    how = how or engine()
    return {
        planned.case.conversation: result
        for planned, result in how.run(cases(project), runner(project, **options))
    }


def yes(body, times):
    return 200, completion({"content": f"Yes, {body['messages'][-1]['content']}"})


def paid(server):
    """How often each conversation's request was carried out."""
    return Counter(json.dumps(body, sort_keys=True) for _, _, body in server.carried_out)


def messages(results):
    return [result.verdicts[0].message for result in results.values()]


def test_cases_go_out_in_one_batch_and_are_judged_as_in_any_live_run(tmp_path):
    told = []
    with BatchServer(yes) as server:
        project = shop(tmp_path, server, count=4)
        results = played(project, engine(told))
    assert {result.outcome for result in results.values()} == {"passed"}
    assert [result.transcript.last.reply.message.text for result in results.values()] == [
        f"Yes, question {name[-1]}" for name in results
    ]
    assert server.log.count("POST /batches") == server.log.count("POST /files") == 1
    assert told[0] == "batch batch_1 (chat): 4 requests are sent"
    assert told[-1] == "batch batch_1 (chat): completed, 4 of 4 done"


def test_what_a_batch_answered_plays_from_the_cassettes_for_nothing(tmp_path):
    with BatchServer(yes) as server:
        project = shop(tmp_path, server)
        played(project)
        asked = len(server.log)
        again = played(project)
    assert len(server.log) == asked
    assert {result.outcome for result in again.values()} == {"passed"}
    offline = Runner(project, folder=tmp_path / "reports" / "r" / "cassettes")
    assert {offline.run(planned).outcome for planned in cases(project)} == {"passed"}


def test_half_the_price_is_what_it_cost(tmp_path):
    with BatchServer(yes) as server:
        project = shop(tmp_path, server, count=1)
        (result,) = played(project).values()
    assert result.cost == pytest.approx(0.5 * (9 * 1 + 4 * 2) / 1_000_000)


def test_a_recording_has_no_times_that_were_not_measured(tmp_path):
    with BatchServer(yes) as server:
        project = shop(tmp_path, server, count=1)
        (result,) = played(project).values()
        (again,) = played(project).values()
    assert not result.transcript.last.timing.to_json()
    assert not again.transcript.last.timing.to_json()


def test_a_play_to_completion_takes_a_batch_for_each_round(tmp_path):
    def script(body, times):
        said = sum(one["role"] == "tool" for one in body["messages"])
        if said == 2:
            return 200, completion({"content": "Yes, both"})
        call = {"id": f"call_{said}", "type": "function"}
        call["function"] = {"name": "look", "arguments": json.dumps({"n": str(said + 1)})}
        return 200, completion({"content": None, "tool_calls": [call]}, "tool_calls")

    with BatchServer(script) as server:
        project = shop(tmp_path, server, play="to_completion")
        results = played(project)
    assert server.log.count("POST /batches") == 3
    assert {(result.outcome, len(result.transcript.turns)) for result in results.values()} == {("passed", 3)}
    assert set(paid(server).values()) == {1}


def test_every_turn_of_a_conversation_goes_out_at_once_and_equal_turns_are_told_apart(tmp_path):
    turn = "  - {role: user, content: again}\n  - {role: assistant, content: yes}\n"
    text = (
        f"messages:\n{turn}{turn}  - {{role: user, content: last}}\n  - {{role: assistant, content: bye}}\n"
    )
    with BatchServer(
        lambda body, times: (200, completion({"content": str(len(body["messages"]))}))
    ) as server:
        project = shop(tmp_path, server, count=2, play="every_turn", conversation=text)
        results = played(project)
    assert server.log.count("POST /batches") == 1
    for result in results.values():
        assert [turn.reply.message.text for turn in result.transcript.turns] == ["1", "3", "5"]


def test_requests_of_a_case_that_are_the_same_have_an_answer_each(tmp_path):
    turn = "  - {role: user, content: again}\n  - {role: assistant, content: yes}\n"
    with BatchServer(yes) as server:
        project = shop(tmp_path, server, count=1, play="every_turn", conversation=f"messages:\n{turn * 3}")
        suite = tmp_path / "suites" / "shop.yaml"
        suite.write_text(suite.read_text() + "ignore: [messages]\n")
        (result,) = played(project).values()
    assert result.outcome == "passed"
    assert len(server.carried_out) == 3
    assert len({name for _, name, _ in server.carried_out}) == 3


def test_attempts_of_a_case_have_an_answer_each(tmp_path):
    with BatchServer(yes) as server:
        project = shop(tmp_path, server, count=1)
        first, *_ = cases(project)
        twice = [replace(first, case=replace(first.case, attempt=number)) for number in (1, 2)]
        results = [result for _, result in engine().run(twice, runner(project))]
    assert [result.outcome for result in results] == ["passed", "passed"]
    assert sum(paid(server).values()) == 2


@pytest.mark.parametrize(
    ("target", "answer", "turn"),
    [
        (
            "responses",
            {
                "id": "resp_1",
                "object": "response",
                "created_at": 1,
                "model": "m-1",
                "status": "completed",
                "output": [
                    {
                        "type": "message",
                        "id": "msg_1",
                        "role": "assistant",
                        "status": "completed",
                        "content": [{"type": "output_text", "text": "Yes", "annotations": []}],
                    }
                ],
                "usage": {"input_tokens": 3, "output_tokens": 1, "total_tokens": 4},
            },
            3,
        ),
        (
            "text",
            {
                "id": "cmpl-1",
                "object": "text_completion",
                "created": 1,
                "model": "m-1",
                "choices": [{"text": "Yes", "index": 0, "finish_reason": "stop", "logprobs": None}],
                "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6},
            },
            5,
        ),
    ],
)
def test_other_endpoints_of_the_batch_api(tmp_path, target, answer, turn):
    with BatchServer(lambda body, times: (200, answer)) as server:
        project = shop(tmp_path, server, count=2, target=target)
        results = played(project)
    assert {result.outcome for result in results.values()} == {"passed"}
    assert {result.transcript.last.reply.usage.prompt_tokens for result in results.values()} == {turn}


def test_azure_is_asked_by_deployment_once_its_file_is_processed(tmp_path, monkeypatch):
    monkeypatch.setattr("replay.providers._openai_batches._LOOK", 0.01)
    with BatchServer(yes) as server:
        project = shop(tmp_path, server, count=2)
        config = (
            (tmp_path / "replay.toml")
            .read_text()
            .replace('"openai"', '"azure"')
            .replace("base_url", "endpoint")
        )
        (tmp_path / "replay.toml").write_text(config.replace("/v1", "") + 'deployment = "my-batch"\n')
        results = played(Project.find(tmp_path))
    assert {result.outcome for result in results.values()} == {"passed"}
    assert {body["model"] for _, _, body in server.carried_out} == {"my-batch"}
    (recorded,) = Cassette(
        cassette_path(tmp_path / "reports/r/cassettes", cases(project)[0].case)
    ).interactions
    assert "/openai/deployments/my-batch/chat/completions" in recorded.request.uri


def test_message_batches_keep_thinking_over_the_rounds_of_a_tool(tmp_path):
    def script(body, times):
        if len(body["messages"]) > 1:
            return 200, message({"type": "text", "text": "Yes"})
        return 200, message(THINKING, USE | {"name": "look", "input": {"n": "1"}}, stop_reason="tool_use")

    with BatchServer(script) as server:
        project = shop(tmp_path, server, count=2, target="claude", play="to_completion")
        results = played(project)
    assert {result.outcome for result in results.values()} == {"passed"}
    assert server.log.count("POST /messages/batches") == 2
    sent = [body["messages"][1]["content"] for _, _, body in server.carried_out if len(body["messages"]) > 1]
    assert [content[0] for content in sent] == [THINKING, THINKING]


def test_an_error_of_one_request_is_an_answer_with_that_status(tmp_path):
    def script(body, times):
        bad = body["messages"][0]["content"] == "question 1"
        return (
            (400, {"error": {"message": "too long", "code": "context_length_exceeded"}})
            if bad
            else yes(body, times)
        )

    with BatchServer(script) as server:
        results = played(shop(tmp_path, server))
    assert [result.outcome for name, result in sorted(results.items())] == ["passed", "error", "passed"]
    error = results["shop/c01"].transcript.last.error
    assert (error.status, error.kind, error.code) == (400, "invalid_request", "context_length_exceeded")


def test_anthropics_error_types_become_their_status(tmp_path):
    with BatchServer(lambda body, times: (529, "busy")) as server:
        results = played(shop(tmp_path, server, count=1, target="claude"))
    assert results["shop/c00"].transcript.last.error.kind == "overloaded"


@pytest.mark.parametrize("failures", [True, False])
@pytest.mark.parametrize(("retries", "outcomes"), [(2, {"passed"}), (1, {"error"})])
def test_what_may_be_tried_again_goes_into_a_further_batch(tmp_path, retries, outcomes, failures):
    def script(body, times):
        return (
            yes(body, times)
            if times == 2
            else (429, {"error": {"message": "slow down", "code": "rate_limit"}})
        )

    with BatchServer(script) as server:
        project = shop(tmp_path, server, count=2, extra=f"retries = {retries}")
        results = played(project, failures=failures)
    assert {result.outcome for result in results.values()} == outcomes
    assert server.log.count("POST /batches") == retries + 1
    assert {result.transcript.last.attempts for result in results.values()} == {retries + 1}


def test_errors_of_an_earlier_session_are_asked_anew_and_once(tmp_path):
    answers = {0: (500, {"error": {"message": "oops"}})}
    with BatchServer(lambda body, times: answers.get(times) or yes(body, times)) as server:
        project = shop(tmp_path, server, count=2)
        first = played(project, failures=False)
        second = played(project, failures=False)
    assert {result.outcome for result in first.values()} == {"error"}
    assert {result.outcome for result in second.values()} == {"passed"}
    assert len(server.carried_out) == 4


@pytest.mark.parametrize("target", ["chat", "claude"])
@pytest.mark.parametrize("fate", ["expired", "canceled"])
def test_what_expired_is_not_sent_in_this_run_and_sent_again_when_it_is_resumed(tmp_path, target, fate):
    late = ["question 1"]

    def script(body, times):
        if body["messages"][-1]["content"] in late:
            return fate
        return yes(body, times) if target == "chat" else (200, message({"type": "text", "text": "Yes"}))

    with BatchServer(script) as server:
        project = shop(tmp_path, server, target=target)
        first = played(project)
        late.clear()
        second = played(project)
    assert [result.outcome for _, result in sorted(first.items())] == ["passed", "error", "passed"]
    assert first["shop/c01"].verdicts[0].identity == ("provider", "not_sent")
    assert "resume the run" in first["shop/c01"].verdicts[0].message
    assert {result.outcome for result in second.values()} == {"passed"}
    assert set(paid(server).values()) == {1}


def test_a_call_that_timed_out_inside_the_batch_is_a_timeout(tmp_path):
    with BatchServer(lambda body, times: "request_timeout" if not times else yes(body, times)) as server:
        results = played(shop(tmp_path, server, count=1))
    assert results["shop/c00"].transcript.last.error.kind == "timeout"


def test_a_stream_is_sent_without_and_said_so_each_time_it_is_played(tmp_path):
    with BatchServer(yes) as server:
        params = "{stream: true, stream_options: {include_usage: true}}"
        project = shop(tmp_path, server, count=1, params=params)
        (result,) = played(project).values()
        (again,) = played(project).values()
    assert "stream" not in server.carried_out[0][2]
    assert result.warnings == again.warnings == ("a batch is sent without stream and stream_options",)
    assert result.outcome == again.outcome == "passed"


def test_more_than_one_batch_takes_goes_into_several(tmp_path, monkeypatch):
    monkeypatch.setattr("replay.providers._openai_batches.OpenAIBatches.most", 2)
    with BatchServer(yes) as server:
        results = played(shop(tmp_path, server, count=5))
    assert [batch["request_counts"]["total"] for batch in server.batches.values()] == [2, 2, 1]
    assert {result.outcome for result in results.values()} == {"passed"}


def test_a_batch_is_not_larger_than_its_limit_in_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr("replay.providers._anthropic_batches.AnthropicBatches.most_bytes", 400)
    with BatchServer(lambda body, times: (200, message({"type": "text", "text": "Yes"}))) as server:
        results = played(shop(tmp_path, server, count=5, target="claude"))
    assert len(server.batches) > 1
    assert {result.outcome for result in results.values()} == {"passed"}


def test_only_so_many_cases_wait_at_a_time(tmp_path):
    with BatchServer(yes) as server:
        project = shop(tmp_path, server, count=5)
        taken, seen = [], []
        feed = (taken.append(planned) or planned for planned in cases(project))
        for _, result in engine(waiting=2).run(feed, runner(project)):
            seen.append(len(taken))
            assert result.outcome == "passed"
    assert seen[0] == 2
    assert len(server.batches) == 3


def test_a_full_queue_is_sent_less_at_once_until_all_is_done(tmp_path):
    with BatchServer(yes, queue=2) as server:
        results = played(shop(tmp_path, server, count=5))
    assert {result.outcome for result in results.values()} == {"passed"}
    assert set(paid(server).values()) == {1}


def test_a_batch_that_fails_its_check_costs_the_cases_of_its_bad_lines_only(tmp_path):
    with BatchServer(yes) as server:
        project = shop(tmp_path, server, count=4)
        path = tmp_path / "fixtures/conversations/shop/c02.yaml"
        path.write_text(path.read_text().replace("{}", "{refuse: true}"))
        results = played(project)
    assert [result.outcome for _, result in sorted(results.items())] == [
        "passed",
        "passed",
        "error",
        "passed",
    ]
    assert results["shop/c02"].verdicts[0].message == (
        "line 3 of batch batch_1: This request cannot be in a batch."
    )


def test_a_batch_that_is_refused_when_it_is_made_says_why_in_each_case(tmp_path):
    with BatchServer(yes) as server:
        server.refuse["POST /files"] = (401, {"error": {"message": "no such key", "code": "invalid_api_key"}})
        results = played(shop(tmp_path, server, count=2))
    assert messages(results) == ["target chat: its batch was not taken (no such key)"] * 2
    assert not server.batches


@pytest.mark.parametrize("status", [429, 503])
def test_a_batch_whose_making_failed_for_now_is_made_once(tmp_path, status):
    with BatchServer(yes) as server:
        server.refuse["POST /batches"] = (status, {"error": {"message": "later"}})
        results = played(shop(tmp_path, server, count=2))
    assert {result.outcome for result in results.values()} == {"passed"}
    assert len(server.batches) == 1


def test_a_batch_that_was_made_though_the_answer_was_lost_is_found_and_not_made_again(tmp_path):
    with BatchServer(yes) as server:
        made = server._create
        server._create = lambda *asked: (made(*asked), (500, {"error": {"message": "lost"}}))[1]
        results = played(shop(tmp_path, server, count=2))
    assert {result.outcome for result in results.values()} == {"passed"}
    assert len(server.batches) == 1


def test_a_look_that_fails_for_now_is_tried_again(tmp_path):
    with BatchServer(yes) as server:
        project = shop(tmp_path, server, count=1)
        server.refuse["GET /batches/batch_1"] = (500, {"error": {"message": "oops"}})
        results = played(project)
    assert {result.outcome for result in results.values()} == {"passed"}


def test_a_billing_answer_ends_the_target_but_not_what_is_paid(tmp_path):
    def script(body, times):
        broke = body["messages"][0]["content"] == "question 0"
        return (
            (429, {"error": {"message": "no money", "code": "insufficient_quota"}})
            if broke
            else yes(body, times)
        )

    with BatchServer(script) as server:
        project = shop(tmp_path, server, count=4)
        results = played(project, engine(waiting=3))
    assert [result.outcome for _, result in sorted(results.items())] == ["error", "passed", "passed", "error"]
    assert (
        results["shop/c03"].verdicts[0].message.startswith("not sent: target chat has refused a call before")
    )
    assert len(server.carried_out) == 3


def budgeted(project, **budget):
    found = Budget(**budget)
    return found, gate(project, found, ["chat"])


def test_the_budget_holds_what_a_batch_may_need_and_spends_half_the_price_of_what_it_did(tmp_path):
    with BatchServer(yes) as server:
        project = shop(tmp_path, server, count=20)
        budget, keeper = budgeted(project, max_cost=1.0)
        results = played(project, gate=keeper)
    assert {result.outcome for result in results.values()} == {"passed"}
    assert budget.cost == pytest.approx(sum(result.cost for result in results.values()))
    assert (budget.tokens, budget.held_tokens) == (20 * 13, 0)
    assert budget.held_cost == pytest.approx(0)


def test_what_the_budget_has_no_room_for_waits_for_what_a_batch_did_not_need(tmp_path):
    with BatchServer(yes) as server:  # 1,000 tokens are held for each, 13 are needed
        project = shop(tmp_path, server, count=5)
        _, keeper = budgeted(project, max_tokens=2_500)
        results = played(project, gate=keeper)
    assert {result.outcome for result in results.values()} == {"passed"}
    assert [batch["request_counts"]["total"] for batch in server.batches.values()] == [2, 2, 1]


def test_what_the_budget_will_never_have_room_for_is_not_sent(tmp_path):
    with BatchServer(yes) as server:
        project = shop(tmp_path, server, count=3)
        _, keeper = budgeted(project, max_tokens=1_020)
        results = played(project, gate=keeper)
    assert sorted(result.outcome for result in results.values()) == ["error", "passed", "passed"]
    (last,) = (result for result in results.values() if result.outcome == "error")
    assert "the budget has no room for this call" in last.verdicts[0].message
    assert len(server.carried_out) == 2


def test_a_target_without_batches_is_named_before_anything_is_sent(tmp_path):
    with BatchServer(yes) as server:
        project = shop(tmp_path, server)
        config = (tmp_path / "replay.toml").read_text()
        more = '[targets.local]\nprovider = "ollama"\nmodel = "m"\n[targets.vertex]\nprovider = "anthropic"\n'
        (tmp_path / "replay.toml").write_text(config + more + 'model = "m"\nplatform = "vertex"\n')
        project = Project.find(tmp_path)
        with pytest.raises(BadInput) as caught:
            ready(runner(project), ["chat", "local", "vertex"])
        local = [replace(one, case=replace(one.case, target="local")) for one in cases(project)]
        with pytest.raises(BadInput):
            list(run(local, runner(project)))
    assert [fault.message for fault in caught.value.faults] == [
        'target "local": provider ollama has no batches; use --engine threads',
        'target "vertex": Message Batches are not at platform vertex',
    ]
    assert not server.log


def test_other_record_modes_than_new_episodes_are_refused(tmp_path):
    with BatchServer(yes) as server:
        project = shop(tmp_path, server)
        with pytest.raises(BadInput, match="new_episodes"):
            list(run(cases(project), Runner(project, "all")))


def test_offline_the_engine_only_plays(tmp_path):
    with BatchServer(yes) as server:
        project = shop(tmp_path, server, count=1)
        ((_, result),) = run(cases(project), Runner(project))
    assert result.verdicts[0].kind == "no_recording"
    assert not server.log
    assert not list(tmp_path.glob("**/batches"))


@pytest.mark.parametrize("gone", ["batch", "answers"])
@pytest.mark.parametrize("target", ["chat", "claude"])
def test_a_batch_that_is_gone_is_sent_again_only_once_its_record_is_deleted(tmp_path, target, gone):
    def script(body, times):
        return yes(body, times) if target == "chat" else (200, message({"type": "text", "text": "Yes"}))

    lost = (404, {"type": "error", "error": {"message": "no longer there", "type": "not_found_error"}})
    paths = {"chat": ("batches/batch_1", "files/file-2/content")}
    paths["claude"] = ("messages/batches/msgbatch_1", "messages/batches/msgbatch_1/results")
    with BatchServer(script) as server:
        project = shop(tmp_path, server, count=2, target=target)
        for _ in range(2):
            server.refuse[f"GET /{paths[target][gone == 'answers']}"] = lost
            (said,) = set(messages(played(project)))
            assert len(server.batches) == 1
        (record,) = (tmp_path / "reports/r/batches").glob("*.json")
        assert said.endswith(f"no longer there; if it is gone for good, delete {record} and resume the run")
        record.unlink()
        results = played(project)
    assert {result.outcome for result in results.values()} == {"passed"}
    assert len(server.batches) == 2


def test_two_processes_do_not_wait_for_the_batches_of_one_run(tmp_path):
    with BatchServer(yes) as server:
        project = shop(tmp_path, server)
        server.hold = True
        first = engine(sleep=lambda _: setattr(server, "hold", False)).run(cases(project), runner(project))
        next(first)
        with pytest.raises(BadInput, match="another process"):
            next(engine().run(cases(project), runner(project)))
        assert len(list(first)) == 2


def test_nothing_of_what_is_said_is_on_the_disk_unredacted(tmp_path):
    secret = "sk-proj-" + "a1B2c3D4" * 6
    with BatchServer(lambda body, times: (200, completion({"content": f"Yes {secret}"}))) as server:
        project = shop(tmp_path, server, count=2)
        results = played(project)
    on_disk = b"".join(path.read_bytes() for path in (tmp_path / "reports").glob("**/*") if path.is_file())
    assert b"Yes" in on_disk
    assert secret.encode() not in on_disk
    assert secret not in str([result.to_json() for result in results.values()])


def test_closing_the_iterator_leaves_the_batch_running_and_says_how_to_go_on(tmp_path):
    told = []
    with BatchServer(yes) as server:
        project = shop(tmp_path, server)
        server.hold = True

        def interrupt(_):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            played(project, engine(told, sleep=interrupt))
        assert "resume this run" in told[-1]
        server.hold = False
        results = played(project)
    assert {result.outcome for result in results.values()} == {"passed"}
    assert len(server.batches) == 1


CHILD = """
import sys
from pathlib import Path
from replay import suites
from replay.config import Project
from replay.engines.batch import Engine
from replay.runner import Runner, plan
root = Path(sys.argv[1])
project = Project.find(root)
cases = plan(suites.load(root / "suites" / "shop.yaml", project), project)
runner = Runner(project, "new_episodes", folder=root / "reports" / "r" / "cassettes")
for _ in Engine(pauses=(0.02,), settle=0.0).run(cases, runner):
    print("result", flush=True)
"""


def killed_at(server, root, event, after=1):
    """Play in a process of its own that is killed (-9) when the server has seen an event."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(root)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    seen = Counter()

    def hook(happened):
        seen[happened] += 1
        if happened == event and seen[event] == after:
            os.kill(child.pid, signal.SIGKILL)

    server.hook = hook
    out, err = child.communicate(timeout=60)
    server.hook = lambda event: None
    assert child.returncode == -signal.SIGKILL, err
    return out


@pytest.mark.parametrize(
    ("target", "event"),
    [
        ("chat", "uploaded"),
        ("chat", "created"),
        ("chat", "looked"),
        ("chat", "downloaded"),
        ("claude", "created"),
    ],
)
def test_killed_at_any_point_and_resumed_nothing_is_lost_or_paid_twice(tmp_path, target, event):
    def script(body, times):
        return yes(body, times) if target == "chat" else (200, message({"type": "text", "text": "Yes"}))

    with BatchServer(script) as server:
        project = shop(tmp_path, server, count=4, target=target)
        killed_at(server, tmp_path, event)
        results = played(project)
    assert {result.outcome for result in results.values()} == {"passed"}
    assert len(results) == 4
    assert len(server.batches) == 1
    assert len(server.carried_out) == 4


def test_killed_while_it_records_it_takes_the_rest_from_the_same_batch(tmp_path):
    with BatchServer(yes) as server:
        project = shop(tmp_path, server, count=4)
        killer = "import os, signal\ndef check(transcript):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        (tmp_path / "killer.py").write_text(killer)
        suite = tmp_path / "suites" / "shop.yaml"
        before = suite.read_text()
        suite.write_text(
            before + "cases:\n  - conversation: shop/c02\n    assert: [{python: killer:check}]\n"
        )
        child = [sys.executable, "-c", CHILD, str(tmp_path)]
        done = subprocess.run(child, capture_output=True, text=True, timeout=60, check=False)
        suite.write_text(before)
        asked = len(server.carried_out)
        results = played(project)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert done.stdout.count("result") < 4
    assert asked == len(server.carried_out) == 4
    assert {result.outcome for result in results.values()} == {"passed"}
    assert len(results) == 4


def test_a_batch_of_somebody_else_that_looks_like_ours_is_left_alone(tmp_path):
    def script(body, times):
        return 200, message({"type": "text", "text": "Yes"})

    with BatchServer(script) as server:
        project = shop(tmp_path, server, count=2, target="claude")
        killed_at(server, tmp_path, "created")
        (ours,) = server.batches
        foreign = [{"custom_id": f"theirs-{n}", "params": {"messages": []}} for n in range(2)]
        server._create_messages({"requests": foreign})
        server.batches = dict(reversed(server.batches.items()))  # listed before ours
        results = played(project)
    assert {result.outcome for result in results.values()} == {"passed"}
    assert sum(batch == ours for batch, *_ in server.carried_out) == 2
    assert len(server.batches) == 2


def test_a_batch_that_was_never_made_is_made_when_the_run_goes_on(tmp_path):
    with BatchServer(yes) as server:
        project = shop(tmp_path, server, count=2)
        killed_at(server, tmp_path, "uploaded")
        assert not server.batches
        (record,) = Path(tmp_path, "reports/r/batches").glob("*.json")
        assert json.loads(record.read_text())["ids"] == []
        results = played(project)
    assert {result.outcome for result in results.values()} == {"passed"}
    assert not record.exists()


def test_what_became_of_a_batch_has_to_be_known_before_anything_is_sent(tmp_path):
    with BatchServer(yes) as server:
        project = shop(tmp_path, server, count=2)
        killed_at(server, tmp_path, "created")
        server.refuse["GET /batches"] = (403, {"error": {"message": "not allowed"}})
        with pytest.raises(ProviderFailure, match="not allowed"):
            played(project)
        results = played(project)
    assert {result.outcome for result in results.values()} == {"passed"}
    assert len(server.batches) == 1
