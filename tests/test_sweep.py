"""The sweep: what is derived from a recording, and apps that break, or hold, at every point of it."""

import json
import shlex
import shutil
import subprocess
import sys

import pytest
from fault_bodies import ARGUMENTS, ASKED, CHAT, SAID, STREAMED, STREAMS, WHOLE, cassette
from recorded_corpus import ABSENT, PRESENT, recordings
from scripted import Scripted, stream

from replay.cassette.file import load
from replay.errors import BadInput
from replay.sweep import Limits, Outcome, derive, judge
from replay.sweep._cuts import Cuts


@pytest.fixture
def recorded(tmp_path):
    def record(*exchanges):
        cassette(tmp_path / "c.yaml", *exchanges).close()
        return load(tmp_path / "c.yaml")

    return record


# -- what is derived --------------------------------------------------------------------------------


def test_every_cut_between_chunks_and_every_fault_is_derived(recorded):
    points = derive(recorded(STREAMS["chat"]))
    names = {point.name for point in points.all}
    count = len(STREAMS["chat"][2])
    assert {f"cut@chunk{after}" for after in range(count)} <= names
    assert f"cut@chunk{count}" not in names  # nothing is missing there
    kinds = {name for point in points.all for name in point.fault}
    assert kinds | {"truncated_arguments"} >= {
        *(
            "rate_limit",
            "server_error",
            "overloaded",
            "auth",
            "content_filter",
            "timeout",
            "connection_reset",
        ),
        *("slow_first_token", "stall", "trickle", "cut", "missing_done", "missing_usage", "malformed_chunk"),
        *("error_event", "empty_choices", "duplicate_chunk", "html_gateway_page"),
    }
    assert points.unplayed == {"truncated_arguments": "no tool is called with arguments that are text"}
    assert len(names) == len(points.all)


def test_each_fault_of_a_point_can_be_played(recorded, tmp_path):
    from test_fault_plugins import ask

    from replay.faults import Faults

    url, body, _ = STREAMS["call"]
    points = derive(recorded(STREAMS["call"]), 8)
    assert "truncated_arguments" in {point.name for point in points.all}
    for point in points.all:
        around = Faults([point.built()])
        ask(around(cassette(tmp_path / "again.yaml", STREAMS["call"]).transport()), url, body)
        assert not around.idle, point
        assert not around.problems, point


def test_cuts_inside_chunks_are_as_many_as_asked_for_and_told(recorded):
    interactions = recorded(STREAMS["chat"])
    few, many = derive(interactions, 10), derive(interactions, 10**6)
    assert few.inside == 10
    assert few.sampled
    assert "10 of the " in few.text
    assert many.inside == many.bytes - many.chunks
    assert not many.sampled
    assert [point.name for point in few.all] == [point.name for point in derive(interactions, 10).all]


def test_sampled_cuts_go_through_characters_tokens_and_frames_all_over_the_stream(recorded):
    from replay.faults._answer import Answer

    chunks = Answer.of(recorded(STREAMS["chat"])[0].response).chunks
    inside = Cuts(chunks, 30).inside
    assert len(inside) == 30
    assert {number for number, _ in inside} == set(range(len(chunks)))
    before = [chunks[number].data[:at] for number, at in inside]
    assert any(data.endswith(b"\xe2") for data in before)  # within the dash
    assert any(data in (b"da", b"dat") for data in before)
    assert any(data.count(b'"') % 2 for data in before)


def test_calls_are_named_where_there_is_more_than_one(recorded):
    later = STREAMED | {"messages": [*STREAMED["messages"], {"role": "user", "content": "And now?"}]}
    points = derive(recorded(STREAMS["call"], (CHAT, later, STREAMS["chat"][2])), 4)
    names = {point.name for point in points.all}
    assert {"call1-cut@chunk1", "call2-cut@chunk1", "call1-truncated_arguments"} <= names
    second = next(point for point in points.all if point.name == "call2-rate_limit-date")
    assert second.fault["rate_limit"]["call"] == 2
    assert second.where == "rate limit, date of call 2"


def test_a_recording_without_an_answer_has_nothing_to_break(recorded):
    with pytest.raises(BadInput, match="no whole answer of a model"):
        derive(recorded(("https://shop.invalid/refunds", {}, ["{}"])))


def test_points_are_chosen_by_name(recorded):
    points = derive(recorded(STREAMS["chat"]), 4)
    assert [point.name for point in points.chosen(["cut@chunk2"])] == ["cut@chunk2"]
    assert {name for point in points.chosen(["rate_limit*"]) for name in point.fault} == {"rate_limit"}
    with pytest.raises(BadInput, match='no point "cut@chunk77"; did you mean'):
        points.chosen(["cut@chunk77"])


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
def test_what_real_providers_sent_is_cut_at_every_boundary(tmp_path):
    from itertools import islice

    from replay.cassette.file import save
    from replay.cassette.interaction import Interaction, RecordedRequest, RecordedResponse

    streamed = (one for one in recordings("chat.completions") if one.row.get("stream") and one.status == 200)
    for one in islice((one for one in streamed if one.request), 20):
        response = RecordedResponse(200, "OK", {"content-type": ["text/event-stream"]}, one.body)
        save(tmp_path / "c.yaml", [Interaction(RecordedRequest("POST", CHAT, {}, one.request), response)])
        points = derive(load(tmp_path / "c.yaml"))
        assert points.chunks >= one.body.count(b"\ndata:")
        boundaries = [
            point for point in points.all if point.name.startswith("cut@") and point.name[9:].isdigit()
        ]
        assert len(boundaries) == points.chunks, one.id


# -- how a run is judged ----------------------------------------------------------------------------


def kinds(usual, outcome, **options):
    return [verdict.kind for verdict in judge(Limits(), usual, outcome, **options) if verdict.bad]


def test_an_app_answers_whole_or_raises_an_error_that_says_what_went_wrong():
    usual = Outcome("whole")
    assert kinds(usual, Outcome("whole")) == []
    assert kinds(usual, Outcome(error="APIError: cut")) == []
    assert kinds(usual, Outcome(error="IndexError: list index", typed=False)) == ["untyped_error"]
    assert kinds(usual, Outcome("who")) == ["partial"]
    assert kinds(usual, Outcome("who"), noticeable=False) == []


def test_writes_attempts_and_time_are_bounded():
    from collections import Counter

    usual = Outcome("whole", writes=Counter(refund=1))
    assert kinds(usual, Outcome("whole", writes=Counter(refund=1))) == []
    assert kinds(usual, Outcome("whole", writes=Counter(refund=2))) == ["duplicate_write"]
    assert kinds(Outcome("whole", writes=Counter(refund=2)), Outcome("whole", writes=Counter(refund=2))) == []
    assert kinds(usual, Outcome("whole", asked=Counter(a=4))) == ["attempts"]
    assert kinds(usual, Outcome("whole", seconds=31)) == ["time"]
    assert kinds(usual, Outcome(error="ReadTimeout: ", endless=True)) == ["time"]


def test_what_could_not_be_judged_is_an_error_and_not_a_success():
    for outcome in (
        Outcome("whole", misses=("no recording",)),
        Outcome("whole", idle=True),
        Outcome(problem="no"),
    ):
        (verdict,) = judge(Limits(), Outcome("whole"), outcome)
        assert verdict.status == "error"


def test_an_unknown_invariant_is_refused():
    with pytest.raises(BadInput, match='no invariant is called "hole"; did you mean "whole"'):
        Limits(invariants=["hole"])


# -- in process -------------------------------------------------------------------------------------

APP = """
    import json

    import openai
    import pytest

    BODY = {body}
    ARGUMENTS = {arguments!r}


    class Incomplete(Exception):
        "The answer is not whole."


    CLIENT = openai.OpenAI(api_key="unused", base_url="{url}", max_retries=0)


    def naive():
        "Takes whatever came for the answer."
        said = ""
        for chunk in CLIENT.chat.completions.create(**BODY):
            said += chunk.choices[0].delta.content or "" if chunk.choices else ""
        return said


    def careful():
        "Raises its own error unless the answer says that it is whole."
        said, finished = "", None
        try:
            for chunk in CLIENT.chat.completions.create(**BODY):
                for choice in chunk.choices:
                    said += choice.delta.content or ""
                    finished = choice.finish_reason or finished
        except (ValueError, UnicodeError) as problem:
            raise Incomplete(str(problem)) from problem
        if finished != "stop":
            raise Incomplete(finished)
        return said


    async def careful_async():
        said, finished = "", None
        async with openai.AsyncOpenAI(api_key="unused", base_url="{url}", max_retries=0) as client:
            try:
                async for chunk in await client.chat.completions.create(**BODY):
                    for choice in chunk.choices:
                        said += choice.delta.content or ""
                        finished = choice.finish_reason or finished
            except (ValueError, UnicodeError) as problem:
                raise Incomplete(str(problem)) from problem
        if finished != "stop":
            raise Incomplete(finished)
        return said
"""


@pytest.fixture
def app(sandbox):
    """An app in a project; `app.test(code, *exchanges)` writes its test and the recording of it."""

    def test(code, *exchanges):
        text = APP.format(body=exchanges[0][1], arguments=ARGUMENTS, url="https://api.openai.com/v1")
        sandbox.write({"suites/test_shop.py": text + code, "replay.toml": ""})
        folder = sandbox.root / "fixtures/cassettes"
        folder.mkdir(parents=True, exist_ok=True)
        cassette(folder / "story.yaml", *exchanges).close()

    sandbox.test = test
    return sandbox


def swept(app, function, **marker):
    options = "".join(f", {name}={value!r}" for name, value in marker.items())
    return f"""
    @pytest.mark.replay_sweep(cassette="fixtures/cassettes/story.yaml", cuts=12{options})
    def test_story(sweep):
        sweep({function})
    """


def bad(app):
    """The ids of the points at which the app broke, by kind."""
    _, results = app.run()
    found = {}
    for line in results:
        for verdict in line["verdicts"]:
            if verdict["status"] in ("failed", "error"):
                name = line["case"]["id"].partition("[")[2].partition("]")[0]
                found.setdefault(verdict["kind"], set()).add(name)
    return found


def test_an_app_that_looks_at_the_finish_reason_holds_at_every_point(app):
    app.test(swept(app, "careful"), STREAMS["chat"])
    result = app.pytest()
    outcomes = result.parseoutcomes()
    assert set(outcomes) <= {"passed", "warnings", "warning"}, result.stdout.str()
    assert outcomes["passed"] > 50
    told = "*warning: * points from 7 chunks: every cut between them, 12 of the * cuts inside them*"
    result.stdout.fnmatch_lines([told])


def test_an_app_of_coroutines_holds_too(app):
    app.test(swept(app, "careful_async"), STREAMS["chat"])
    result = app.pytester.runpytest_inprocess("suites/", "-k", "chunk2 or timeout or always or whole")
    assert set(result.parseoutcomes()) <= {"passed", "deselected", "warnings", "warning"}


def test_an_app_that_takes_a_part_for_the_whole_is_found_at_the_exact_chunk(app):
    app.test(swept(app, "naive"), STREAMS["chat"])
    result = app.pytest()
    found = bad(app)
    assert {"cut@chunk1", "cut@chunk2", "cut@chunk3"} <= found["partial"]
    assert not {"cut@chunk4", "cut@chunk5", "cut@chunk6"} & found["partial"]  # by then all text had come
    assert "content_filter-reply" in found["partial"]
    result.stdout.fnmatch_lines(
        [
            "*sweep (partial)*cut after chunk 2 of 7: a part was taken for the whole: 7 of 20 characters*",
            '*replay it: pytest "suites/test_shop.py::test_story[[]cut@chunk2]"*',
        ]
    )


def test_the_id_of_one_point_runs_it_alone(app):
    app.test(swept(app, "naive"), STREAMS["chat"])
    result = app.pytester.runpytest_inprocess("suites/test_shop.py::test_story[cut@chunk2]")
    result.assert_outcomes(failed=1)
    result = app.pytester.runpytest_inprocess("suites/test_shop.py::test_story[cut@chunk4]")
    result.assert_outcomes(passed=1)


def test_errors_that_python_raises_are_not_what_an_app_should_say(app):
    app.test(
        swept(app, "stumbles")
        + """
    def stumbles():
        answer = CLIENT.chat.completions.create(**BODY)
        return answer.choices[0].message.content
    """,
        WHOLE["chat"],
    )
    app.pytester.runpytest_inprocess("suites/", "-k", "empty_choices or rate_limit")
    found = bad(app)
    assert "empty_choices@chunk1" in found["untyped_error"]
    assert "rate_limit-always" not in found["untyped_error"]


def test_an_app_may_name_the_errors_that_it_raises(app):
    app.test(
        """
    @pytest.mark.replay_sweep(cassette="fixtures/cassettes/story.yaml", cuts=0, raises=(Incomplete,))
    def test_story(sweep):
        sweep(careful)
    """,
        STREAMS["chat"],
    )
    app.pytester.runpytest_inprocess("suites/", "-k", "auth or chunk2")
    found = bad(app)["untyped_error"]
    assert "auth-401" in found  # the SDK's error is not the one that was named
    assert "cut@chunk2" not in found


WRITER = """
    DONE = []

    def refunds(sweep):
        "Refunds what the model says, then asks it for a sentence; begins again when anything fails."
        for _ in range(2):
            try:
                return once(sweep)
            except openai.APIError as problem:
                last = problem
        raise last

    def once(sweep):
        first = CLIENT.chat.completions.create(**BODY)
        (call,) = first.choices[0].message.tool_calls
        {write}
        function = {{"name": "refund", "arguments": ARGUMENTS}}
        called = {{"id": call.id, "type": "function", "function": function}}
        messages = [*BODY["messages"], {{"role": "assistant", "tool_calls": [called]}},
            {{"role": "tool", "tool_call_id": call.id, "content": "done"}}]
        second = CLIENT.chat.completions.create(model=BODY["model"], messages=messages)
        return second.choices[0].message.content

    @pytest.mark.replay_sweep(cassette="fixtures/cassettes/story.yaml", cuts=0, invariants=["writes"])
    def test_refund(sweep):
        sweep(refunds, sweep)
"""
RESULT = [
    *ASKED["messages"],
    {
        "role": "assistant",
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "refund", "arguments": ARGUMENTS}}
        ],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "done"},
]
FEW = "server_error or rate_limit-ms or timeout"
SECOND = (CHAT, ASKED | {"messages": RESULT}, WHOLE["chat"][2])


def test_a_write_that_is_made_again_is_found_at_the_call_after_it(app):
    app.test(WRITER.format(write='sweep.wrote("refund", call.function.arguments)'), WHOLE["call"], SECOND)
    result = app.pytester.runpytest_inprocess("suites/", "-k", FEW)
    found = bad(app)
    assert set(found) == {"duplicate_write"}
    assert {"call2-server_error", "call2-rate_limit-ms", "call2-timeout"} <= found["duplicate_write"]
    assert not [name for name in found["duplicate_write"] if name.startswith("call1-")]
    result.stdout.fnmatch_lines(["*server error of call 2: *refund*was written 2 times*"])


def test_a_write_that_is_kept_is_made_once(app):
    write = (
        "sweep.wrote('refund', call.function.arguments) if call.id not in seen else None; seen.add(call.id)"
    )
    code = WRITER.format(write=write).replace("DONE = []", "seen = set()")
    app.test(
        code.replace("sweep(refunds, sweep)", "sweep(anew, sweep)")
        + """
    def anew(sweep):
        seen.clear()
        return refunds(sweep)
    """,
        WHOLE["call"],
        SECOND,
    )
    result = app.pytester.runpytest_inprocess("suites/", "-k", FEW)
    assert set(result.parseoutcomes()) <= {"passed", "deselected", "warnings", "warning"}


def test_attempts_are_bounded(app):
    app.test(
        """
    def stubborn():
        return openai.OpenAI(api_key="unused", base_url="https://api.openai.com/v1", max_retries=9, timeout=5)

    @pytest.fixture
    def no_wait(monkeypatch):
        monkeypatch.setattr("openai._base_client.SyncAPIClient._sleep_for_retry", lambda *_, **__: None)

    def asks():
        return stubborn().chat.completions.create(**BODY).choices[0].message.content

    @pytest.mark.replay_sweep(cassette="fixtures/cassettes/story.yaml", cuts=0, invariants=["attempts"])
    def test_story(sweep, no_wait):
        sweep(asks)
    """,
        WHOLE["chat"],
    )
    app.pytester.runpytest_inprocess("suites/", "-k", "server_error or rate_limit-always or timeout-always")
    found = bad(app)
    assert found["attempts"] == {"server_error-always", "rate_limit-always", "timeout-always"}


def test_a_client_without_a_timeout_would_wait_for_ever(app):
    app.test(
        swept(app, "waits", invariants=["time"])
        + """
    def waits():
        import httpx
        with httpx.Client(timeout=None) as http:
            http.post("https://api.openai.com/v1/chat/completions", json=BODY).raise_for_status()
    """,
        STREAMS["chat"],
    )
    app.pytester.runpytest_inprocess("suites/", "-k", "stall or timeout or auth")
    assert bad(app)["time"] >= {"stall@chunk1", "timeout"}
    assert "auth-401" not in bad(app)["time"]


def test_a_test_that_does_not_run_the_app_proves_nothing(app):
    app.test(
        """
    @pytest.mark.replay_sweep(cassette="fixtures/cassettes/story.yaml", cuts=0)
    def test_story(sweep):
        pass
    """,
        STREAMS["chat"],
    )
    result = app.pytester.runpytest_inprocess("suites/", "-k", "whole or chunk2")
    assert "passed" not in result.parseoutcomes()
    result.stdout.fnmatch_lines(["*sweep (not_run)*the test does not call sweep(app)*"])


def test_what_fails_without_any_fault_is_raised_as_it_is(app):
    app.test(
        swept(app, "broken") + "\n    def broken():\n        raise KeyError('config')\n",
        STREAMS["chat"],
    )
    result = app.pytester.runpytest_inprocess("suites/", "-k", "whole")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*KeyError: 'config'*"])


def test_without_a_recording_the_test_says_how_to_make_one_and_then_is_swept(sandbox):
    with Scripted([stream(STREAMS["chat"][2])]) as server:
        code = APP.format(body=STREAMED, arguments="", url=f"{server.url}/v1")
        marked = (
            "\n    @pytest.mark.replay_sweep(cuts=0)\n    def test_story(sweep):\n        sweep(careful)\n"
        )
        sandbox.write({"suites/test_shop.py": code + marked, "replay.toml": ""})
        result = sandbox.pytest()
        assert result.ret == 2
        result.stdout.fnmatch_lines(["*record it: pytest*test_story*--record-mode=once*"])
        sandbox.pytest("--record-mode=once").assert_outcomes(passed=1)
    result = sandbox.pytest()
    assert result.parseoutcomes()["passed"] > 40
    assert "failed" not in result.parseoutcomes()


def test_a_fault_of_the_project_itself_is_swept_too(app):
    app.write({"conftest.py": CONFTEST})
    app.test(swept(app, "careful"), STREAMS["chat"])
    result = app.pytester.runpytest_inprocess("suites/", "-k", "unplugged")
    result.assert_outcomes(passed=1)


CONFTEST = """
    from dataclasses import dataclass

    import httpx2

    from replay import faults


    @dataclass(frozen=True)
    class Unplugged:
        message: str = "no route to host"

        def __call__(self, transport):
            return Gone()


    class Gone:
        def handle_request(self, request):
            raise httpx2.ConnectError("gone", request=request)


    faults.registry.register("unplugged", Unplugged)
"""


# -- any language, over HTTP ------------------------------------------------------------------------

NODE = """
class Incomplete extends Error {}

async function ask() {
  const answer = await fetch(process.env.OPENAI_BASE_URL + "/chat/completions", {
    method: "POST",
    headers: {"content-type": "application/json"},
    body: JSON.stringify(%s),
    signal: AbortSignal.timeout(2000),
  });
  if (!answer.ok) throw new Incomplete("status " + answer.status);
  const decoder = new TextDecoder();
  let rest = "", said = "", finished = null;
  for await (const piece of answer.body) {
    rest += decoder.decode(piece, {stream: true});
    const events = rest.split("\\n\\n");
    rest = events.pop();
    for (const event of events) {
      const data = event.replace(/^data: /, "");
      if (data === "[DONE]") continue;
      const choice = JSON.parse(data).choices?.[0];
      said += choice?.delta?.content ?? "";
      finished = choice?.finish_reason ?? finished;
    }
  }
  if (CAREFUL && finished !== "stop") throw new Incomplete("finish_reason " + finished);
  return said;
}

try {
  console.log(await ask());
} catch (problem) {
  console.error("AppFailure: " + problem.message);
  process.exit(1);
}
"""


@pytest.fixture
def node(tmp_path):
    """A folder with a recording and an app for Node; `node(careful, ...)` sweeps it."""
    if shutil.which("node") is None:
        pytest.skip("node is missing: apt-get install nodejs")
    cassette(tmp_path / "story.yaml", STREAMS["chat"]).close()

    def run(careful, *options):
        code = NODE.replace("CAREFUL", "true" if careful else "false") % json.dumps(STREAMED)
        (tmp_path / "app.mjs").write_text(code)
        arguments = ["story.yaml", "--command", "node app.mjs", "--cuts", "2", *options]
        return subprocess.run(
            [sys.executable, "-m", "replay.cli", "sweep", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


ALL_KINDS = (
    "cut@chunk?* rate_limit-m* server_error auth-401 stall@chunk1 timeout trickle error_event* empty*@chunk1"
)
ALL_KINDS += " malformed*@chunk4 connection_reset html* content_filter-reply missing* duplicate*@chunk1 slow*"


def test_an_app_in_another_language_holds_whatever_goes_wrong(node):
    done = node(True, *(word for name in ALL_KINDS.split() for word in ("--only", name)))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broke" in done.stdout


def test_an_app_in_another_language_breaks_at_exact_chunks_that_replay_alone(node):
    done = node(False, "--only", "cut@*", "--json")
    assert done.returncode == 1
    points = {point["id"]: point for point in json.loads(done.stdout)["points"]}
    broke = {name for name, point in points.items() if point["verdicts"][0]["status"] == "failed"}
    assert {"cut@chunk1", "cut@chunk2", "cut@chunk3"} <= broke
    assert not {"cut@chunk4", "cut@chunk5", "cut@chunk2-closed"} & broke
    assert points["cut@chunk2"]["where"] == "cut after chunk 2 of 7"
    assert points["cut@chunk2"]["again"].endswith("--only cut@chunk2")
    alone = node(False, "--only", "cut@chunk2")
    assert alone.returncode == 1
    assert (
        "cut@chunk2: cut after chunk 2 of 7: a part was taken for the whole: 6 of 20 characters"
        in alone.stdout
    )
    assert "1 runs: 0 held, 1 broke" in alone.stdout


PYTHON = """
import os, pathlib, sys, urllib.error, urllib.request

def post(path, body):
    headers = {{"content-type": "application/json"}}
    asked = urllib.request.Request(os.environ["REPLAY_BASE_URL"] + path, body, headers)
    with urllib.request.urlopen(asked, timeout=20) as answer:
        return answer.read()

for _ in range({tries}):
    with open(os.environ["REPLAY_WRITES"], "a") as writes:
        writes.write("refund A-1001\\n")
    try:
        print(len(post("/chat/completions", {body!r}.encode())))
        break
    except urllib.error.HTTPError as problem:
        print("AppError:", problem, file=sys.stderr)
else:
    sys.exit(1)
"""


def command(tmp_path, code, *options):
    (tmp_path / "app.py").write_text(code)
    cassette(tmp_path / "c.yaml", WHOLE["chat"]).close()
    line = f"{sys.executable} app.py"
    return subprocess.run(
        [sys.executable, "-m", "replay.cli", "sweep", "c.yaml", "--command", line, *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_writes_that_a_command_notes_are_counted(tmp_path):
    code = PYTHON.format(tries=2, body=json.dumps(ASKED))
    done = command(tmp_path, code, "--only", "server_error*", "--only", "auth-401", "--json")
    kinds = {
        point["id"]: [verdict.get("kind") for verdict in point["verdicts"]]
        for point in json.loads(done.stdout)["points"]
    }
    assert kinds["server_error"] == ["duplicate_write"]
    assert kinds["auth-401"] == ["duplicate_write"]
    once = command(tmp_path, PYTHON.format(tries=1, body=json.dumps(ASKED)), "--only", "server_error*")
    assert once.returncode == 0, once.stdout


def test_the_command_that_replays_a_point_has_the_same_cuts_and_limits(tmp_path):
    code = "import sys\n" + PYTHON.format(tries=3, body=json.dumps(ASKED)) + "\nprint('whole')\n"
    limits = ("--attempts", "2", "--seconds", "20", "--invariant", "attempts", "--cuts", "2000")
    done = command(tmp_path, code, "--only", "server_error-always", *limits)
    (again,) = (line for line in done.stdout.splitlines() if "replay it: " in line)
    words = shlex.split(again.partition("replay it: ")[2])
    assert words[-10:-2] == ["--cuts", "2000", *limits[:6]]
    assert command(tmp_path, code, *words[5:]).stdout == done.stdout
    assert "1 runs: 0 held, 1 broke" in done.stdout


def test_a_command_that_never_ends_is_ended_and_a_stumble_is_told(tmp_path):
    code = PYTHON.format(tries=1, body=json.dumps(ASKED)).replace("timeout=20", "timeout=60")
    done = command(tmp_path, code, "--only", "timeout", "--seconds", "1.5")
    assert done.returncode == 1
    assert "time: 1 points" in done.stdout
    code = f"import json, urllib.request as u, os\n{code}\n".replace(
        "return answer.read()", "return json.loads(answer.read())"
    )
    done = command(tmp_path, code, "--only", "cut@chunk0", "--only", "html_gateway_page-200")
    assert "untyped_error: 2 points" in done.stdout
    assert "JSONDecodeError" in done.stdout


def test_a_command_that_fails_by_itself_or_asks_nothing_is_refused(tmp_path):
    done = command(tmp_path, "raise SystemExit(3)")
    assert done.returncode == 4
    assert "the command fails without any fault: exit 3" in done.stderr
    done = command(tmp_path, "print('nothing')")
    assert "it asked nothing of the address in OPENAI_BASE_URL" in done.stderr
    wrong = PYTHON.format(tries=1, body=json.dumps(ASKED | {"temperature": 1}))
    done = command(tmp_path, wrong)
    assert done.returncode == 4
    assert "no recorded interaction matches" in done.stderr


def test_points_are_listed_without_running_anything(tmp_path):
    done = command(tmp_path, "", "--list", "--only", "rate_limit*")
    assert done.stdout.splitlines()[0] == "rate_limit-seconds: rate limit, seconds"
    assert SAID not in done.stdout
