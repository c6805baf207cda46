"""Cases on a real Ray cluster of several node processes on this machine, over real HTTP."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from seeded import Limit, Model, Seeded

from replay import assertions, limits, runner, suites
from replay.cassette.cassette import Cassette
from replay.config import Project
from replay.engines import registry
from replay.errors import BadInput
from replay.runner import Runner

ray = pytest.importorskip("ray", reason="Ray is missing: pip install ray (is there a wheel for this Python?)")

# A node that is gone refuses each question at once, and is given up after ten. A living one that a busy
# machine holds up has ten seconds for each of them: with less, it was taken for dead now and then.
QUICK = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 1000,
    "health_check_failure_threshold": 10,
    "health_check_timeout_ms": 10000,
}
NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20}

SUITE = """
targets: [good]
conversations: ["**"]
play: every_turn
assert:
  - contains: "Yes"
"""


@pytest.fixture(scope="module", autouse=True)
def without_tokens():
    """Let Ray write no token into the home folder; a cluster and its drivers have to be of one mind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")
        yield


@pytest.fixture(scope="module")
def cluster(without_tokens):
    from ray.cluster_utils import Cluster

    head = NODE | {"_system_config": QUICK, "ray_client_server_port": free_port()}
    found = Cluster(initialize_head=True, head_node_args=head)
    found.client = f"ray://127.0.0.1:{head['ray_client_server_port']}"
    found.others = [found.add_node(**NODE) for _ in range(2)]
    yield found
    found.shutdown()


@pytest.fixture
def address(cluster, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    return cluster.address


@pytest.fixture
def project(tmp_path):
    """Makes a project of so many conversations of two turns, its targets those of a server."""

    def made(server, count=6, suite=SUITE, **settings):
        write(tmp_path / "replay.toml", server.toml(**settings))
        for number in range(count):
            said = [f"Question {number}?", "Hm.", "So?", "So."]
            roles = ("user", "assistant") * 2
            messages = [{"role": role, "content": text} for role, text in zip(roles, said, strict=True)]
            write(tmp_path / f"fixtures/conversations/q{number:02}.yaml", json.dumps({"messages": messages}))
        write(tmp_path / "suites/all.yaml", suite)
        return Project.find(tmp_path)

    return made


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def plan(project):
    return runner.plan(suites.load(project.suites / "all.yaml", project), project)


def recording(project, name="run", **settings):
    return Runner(project, "new_episodes", folder=project.reports / name / "cassettes", **settings)


def on_cluster(played_by):
    return registry.get("ray").run(iter(plan(played_by.project)), played_by)


def outcomes(played):
    return {planned.case.id: result.outcome for planned, result in played}


def recorded(folder):
    """What each cassette holds, after a look that nothing else is left there."""
    assert not [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".yaml"]
    return {
        str(path.relative_to(folder)): [one.request.body for one in Cassette(path).interactions]
        for path in sorted(folder.rglob("*.yaml"))
    }


def paid_twice(server, about=""):
    asked = Counter(call.conversation for call in server.calls if about in call.conversation)
    return sum(times - 1 for times in asked.values())


# -- the same as in this process ------------------------------------------------------------------------

OWN = """
targets: [good, bad]
conversations: ["**"]
play: every_turn
assert:
  - polite: "Yes"
  - python: suites/checks.py:short
  - json_schema: {schema: schemas/text.json}
  - matches: "^Yes|^No"
  - not: {contains: "sorry"}
  - baseline
"""
CONFTEST = """
from dataclasses import dataclass

from helpers import said
from replay import assertions
from replay.verdict import Verdict


@dataclass(frozen=True)
class Polite:
    word: str

    def __call__(self, transcript):
        bad = [number for number, reply in transcript.replies() if self.word not in said(reply)]
        return Verdict("polite", "failed" if bad else "passed", message=f"turns {bad}")


assertions.registry.register("polite", Polite)
"""
CHECKS = """
from helpers import said


def short(transcript):
    return all(len(said(reply)) < 20 for _, reply in transcript.replies())
"""
BASELINE = """
conversation: q00
target: good
variants:
  - turns:
      - {content: "Yes, that is done.", finish_reason: stop}
      - {content: "Yes, that is done.", finish_reason: stop}
"""


@pytest.fixture
def own_modules(tmp_path, monkeypatch):
    """A project's conftest.py, imported as pytest does it; what it registers is forgotten after the test."""
    write(tmp_path / "helpers.py", "def said(reply):\n    return reply.message.text\n")
    write(tmp_path / "suites/conftest.py", CONFTEST)
    write(tmp_path / "suites/checks.py", CHECKS)
    write(tmp_path / "schemas/text.json", '{"$ref": "more/string.json"}')
    write(tmp_path / "schemas/more/string.json", '{"type": "string"}')
    write(tmp_path / "fixtures/baselines/q00/good.yaml", BASELINE)
    monkeypatch.setattr(assertions.registry, "_registered", {})
    monkeypatch.syspath_prepend(tmp_path)
    spec = importlib.util.spec_from_file_location("own_conftest", tmp_path / "suites/conftest.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "own_conftest", module)
    spec.loader.exec_module(module)
    yield
    sys.modules.pop("helpers", None)


def test_a_run_on_a_cluster_is_the_run_in_this_process(address, project, own_modules, tmp_path):
    models = {
        "good": Model(passes=lambda _, text: float("Question 1" not in text)),
        "bad": Model(passes=lambda _, text: float("Question 2" in text)),
    }
    with Seeded(models) as server:
        inside = recording(project(server, 4, OWN), "inside")
        expected = {one.case.id: said(inside, one, inside.run(one)) for one in plan(inside.project)}
        calls = len(server.calls)
        outside = recording(project(server, 4, OWN), "outside")
        found = {one.case.id: said(outside, one, result) for one, result in on_cluster(outside)}
        assert len(server.calls) == 2 * calls == 2 * 4 * 2 * 2
    assert found == expected
    judged = {(v["assertion"], v["status"]) for data in found.values() for v in data["verdicts"]}
    assert judged >= {(name, "passed") for name in ("polite", "python", "matches", "not", "baseline")}
    assert judged >= {("polite", "failed"), ("json_schema", "failed"), ("baseline", "failed")}
    assert "error" not in {status for _, status in judged}
    assert recorded(outside.folder) == recorded(inside.folder)


def said(played_by, planned, result):
    """What a result says, but for times, the ids that a provider gives, and the run's name."""
    shown, _ = played_by.shown(planned, result)
    data = json.loads(json.dumps(shown.to_json()).replace(played_by.folder.parent.name, "RUN"))
    for turn in data["transcript"]["turns"]:
        for name in ("timing", "raw", "request_id"):
            turn.pop(name, None)
        turn["reply"]["extra"].pop("id", None)
    return data


def test_an_offline_run_plays_the_cassettes_also_from_outside_the_cluster(cluster, project, monkeypatch):
    pytest.importorskip("grpc", reason="Ray's client is missing: pip install 'ray[client]'")
    monkeypatch.setenv("RAY_ADDRESS", cluster.client)
    with Seeded({"good": Model()}) as server:
        made = project(server, 1)
        (planned,) = plan(made)
        Runner(made, "new_episodes").run(planned)
    assert outcomes(on_cluster(Runner(made))) == {"q00[good]#1": "passed"}


# -- what workers know ----------------------------------------------------------------------------------

ENVIRONMENT = """
import os


def known(transcript):
    return f"sees {sorted(name for name in os.environ if name.startswith('TRY_'))}"
"""


def test_a_case_travels_with_its_line_and_the_variables_that_its_target_names(
    address, project, tmp_path, monkeypatch
):
    monkeypatch.setenv("TRY_NAMED_KEY", "sk-named-0123456789")
    monkeypatch.setenv("TRY_OTHER_KEY", "sk-other-0123456789")
    write(tmp_path / "suites/checks.py", ENVIRONMENT)
    lines = [{"name": f"c{n}", "messages": [{"role": "user", "content": f"{n}?"}]} for n in range(3)]
    write(tmp_path / "fixtures/conversations/bulk.jsonl", "\n".join(map(json.dumps, lines)) + "\n")
    suite = SUITE.replace("every_turn", "next_turn") + "  - python: suites/checks.py:known\n"
    with Seeded({"good": Model()}) as server:
        played_by = recording(project(server, 0, suite, api_key_env="TRY_NAMED_KEY"))
        planned = plan(played_by.project)
        not_to_be_sent = replace(planned[2].entry, assertions=(threading.Lock(),))
        planned[2] = replace(planned[2], entry=not_to_be_sent)
        results = {one.case.id: result for one, result in registry.get("ray").run(planned, played_by)}
        assert {call.headers["authorization"] for call in server.calls} == {"Bearer sk-named-0123456789"}
    for number in (0, 1):
        assert results[f"bulk/c{number}[good]#1"].verdicts[-1].message == "sees ['TRY_NAMED_KEY']"
    (verdict,) = results["bulk/c2[good]#1"].verdicts
    assert verdict.identity == ("seam", "bad_input")
    assert "cannot pickle '_thread.lock'" in verdict.message
    assert "make that where it is used" in verdict.message


def test_a_plugin_that_the_nodes_do_not_have_is_named_with_what_to_do(address, project, monkeypatch):
    elsewhere = ModuleType("only_here")
    elsewhere.Own = type("Own", (), {"__module__": "only_here"})
    monkeypatch.setitem(sys.modules, "only_here", elsewhere)
    monkeypatch.setattr(assertions.registry, "_registered", {"own": elsewhere.Own})
    with (
        Seeded({"good": Model()}) as server,
        pytest.raises(BadInput, match="No module named 'only_here'") as found,
    ):
        list(on_cluster(recording(project(server, 2))))
    assert "put the module into the project, or install it on every node" in str(found.value)


def test_other_versions_are_refused():
    from replay.engines._ray.worker import Worker

    told = Worker("w", None).ready({"Python": "3.9", "Ray": "2.0", "conversation-replay": "0"}, b"", b"")
    assert "differs from the driver: Python 3." in told
    assert "is not 3.9" in told


def test_a_project_that_is_too_large_names_the_file(tmp_path, monkeypatch):
    from replay.engines._ray import cargo

    monkeypatch.setattr(cargo, "LIMIT", 1000)
    write(tmp_path / "suites/checks.py", "x" * 900)
    write(tmp_path / "reports/run/big.jsonl", "x" * 5000)
    write(tmp_path / "fixtures/conversations/q.yaml", "x" * 5000)
    write(tmp_path / ".git/objects/pack", "x" * 5000)
    assert cargo.snapshot(tmp_path)
    write(tmp_path / "data/all.csv", "x" * 900)
    with pytest.raises(BadInput, match=r"data/all.csv is over|suites/checks.py is over"):
        cargo.snapshot(tmp_path)
    write(tmp_path / ".rayignore", "# not read by any check\ndata/\n")
    assert cargo.snapshot(tmp_path)


def test_without_ray_it_says_what_to_install(project, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with Seeded({"good": Model()}) as server, pytest.raises(BadInput, match=r"conversation-replay\[ray\]"):
        on_cluster(Runner(project(server, 1)))


def test_an_address_where_no_cluster_is_is_bad_input(project, monkeypatch):
    port = free_port()
    with Seeded({"good": Model()}) as server:
        made = project(server, 1)
        for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}", "nowhere"):
            monkeypatch.setenv("RAY_ADDRESS", address)
            with pytest.raises(BadInput, match=address):
                list(on_cluster(Runner(made)))


def test_a_client_that_could_not_connect_keeps_nobody_from_connecting(cluster, project, monkeypatch):
    pytest.importorskip("grpc", reason="Ray's client is missing: pip install 'ray[client]'")

    def too_late(*_, **__):
        raise ConnectionError("ray client connection timeout")

    with Seeded({"good": Model()}) as server:
        played_by = recording(project(server, 1))
        monkeypatch.setenv("RAY_ADDRESS", cluster.client)
        with monkeypatch.context() as patch:
            patch.setattr("ray.util.client._ClientContext.connect", too_late)
            with pytest.raises(BadInput, match="connection timeout"):
                list(on_cluster(played_by))
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)
        assert outcomes(on_cluster(played_by)) == {"q00[good]#1": "passed"}


# -- limits ---------------------------------------------------------------------------------------------


def test_a_budget_holds_for_the_whole_cluster(address, project):
    with Seeded({"good": Model()}) as server:
        made = project(server, 6, params={"add": {"max_completion_tokens": 20}})
        played_by = recording(made, gate=limits.gate(made, limits.Budget(max_tokens=120)))
        results = [result for _, result in on_cluster(played_by)]
        assert 0 < len(server.calls) < 12
    unsent = [result for result in results if result.outcome == "error"]
    assert unsent
    assert {result.verdicts[0].identity for result in unsent} == {("provider", "not_sent")}
    assert 0 < played_by.gate.state().tokens <= 120


# -- what dies ------------------------------------------------------------------------------------------

POISON = """
import os


def deadly(transcript):
    if "Question 1" in transcript.conversation.messages[0].text:
        os._exit(9)
"""


def test_a_case_that_kills_its_workers_is_an_error_and_the_others_are_not(address, project, tmp_path):
    write(tmp_path / "suites/checks.py", POISON)
    with Seeded({"good": Model()}) as server:
        played_by = recording(project(server, 4, SUITE + "  - python: suites/checks.py:deadly\n"))
        results = {planned.case.conversation: result for planned, result in on_cluster(played_by)}
        assert paid_twice(server, "Question 1?") == 0  # what had been answered before a death was at home
        assert paid_twice(server) <= 3  # a call of each other case may have been under way beside it
    assert Counter(result.outcome for result in results.values()) == {"passed": 3, "error": 1}
    (verdict,) = results["q01"].verdicts
    assert verdict.identity == ("seam", "crashed")
    assert "died 3 times" in verdict.message
    assert len(recorded(played_by.folder)["q01/good.yaml"]) == 2


def test_closing_the_run_keeps_what_was_answered(address, project):
    with Seeded({"good": Model(latency=0.1)}) as server:
        played_by = recording(project(server, 8, limits={"concurrency": 3}))
        run = on_cluster(played_by)
        assert next(run)[1].outcome == "passed"
        assert len(server.calls) < 16  # the first result came while others were to be played yet
        run.close()
        stopped_at = len(server.calls)
        assert stopped_at < 16
        assert {played_by.run(planned).outcome for planned in plan(played_by.project)} == {"passed"}
        assert paid_twice(server) <= 3  # no more than was under way
    assert {len(bodies) for bodies in recorded(played_by.folder).values()} == {2}


DRIVER = """
import sys
from pathlib import Path
from replay import limits, runner, suites
from replay.config import Project
from replay.engines import registry

project = Project.find(Path(sys.argv[1]))
planned = runner.plan(suites.load(project.suites / "all.yaml", project), project)
folder, gate = project.reports / "run" / "cassettes", limits.gate(project)
played_by = runner.Runner(project, "new_episodes", folder=folder, gate=gate)
for _ in registry.get("ray").run(planned, played_by):
    print("played", flush=True)
"""


def test_a_driver_that_is_killed_has_kept_what_was_answered(address, project):
    with Seeded({"good": Model(latency=0.1)}) as server:
        made = project(server, 8, limits={"concurrency": 3})
        driver = subprocess.Popen([sys.executable, "-c", DRIVER, str(made.root)], stdout=subprocess.PIPE)
        assert driver.stdout.readline() == b"played\n"
        driver.kill()
        driver.communicate()
        time.sleep(0.5)  # what is under way comes to its end
        played_by = recording(made)
        assert {played_by.run(planned).outcome for planned in plan(made)} == {"passed"}
        assert paid_twice(server) <= 3
    assert {len(bodies) for bodies in recorded(played_by.folder).values()} == {2}


def test_an_interrupt_waits_for_the_calls_under_way(address, project):
    """What is asked is paid for: who goes on pays for none of it again."""
    with Seeded({"good": Model(latency=0.5)}) as server:
        made = project(server, 8, limits={"concurrency": 3})
        driver = subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(made.root)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert driver.stdout.readline() == b"played\n"
        time.sleep(0.25)  # it waits for the next answers then
        driver.send_signal(signal.SIGINT)
        assert b"under way, 30 s at most" in driver.communicate(timeout=60)[1]
        assert len(server.calls) < 16
        played_by = recording(made)
        assert {played_by.run(planned).outcome for planned in plan(made)} == {"passed"}
        assert paid_twice(server) == 0


def test_a_node_that_is_killed_costs_what_was_under_way_there_and_nothing_else(cluster, address, project):
    with Seeded({"good": Model(latency=0.2, limit=Limit(concurrency=6))}) as server:
        made = project(server, 18, limits={"concurrency": 6})
        played_by = recording(made, gate=limits.gate(made))
        run, results = on_cluster(played_by), {}
        for planned, result in run:
            results[planned.case.id] = result.outcome
            if len(results) == 3:
                here = ray.get_runtime_context().get_node_id()
                kill(next(node for node in cluster.others if node.node_id != here))
        assert server.violations == []
        assert 36 <= len(server.calls) <= 36 + 3  # six at once on three nodes
    assert results == {f"q{number:02}[good]#1": "passed" for number in range(18)}
    assert {len(bodies) for bodies in recorded(played_by.folder).values()} == {2}
    assert played_by.gate.state().running.get("good", 0) == 0  # the dead gave their places back
    assert played_by.gate.state().tokens >= sum(call.tokens for call in server.calls)


def test_what_is_to_live_as_long_as_the_driver_lives_on_its_node(address):
    from replay.engines._ray import cluster

    class Where:
        def node(self):
            return ray.get_runtime_context().get_node_id()

    with cluster.joined():
        kept = [ray.remote(Where).options(num_cpus=0, scheduling_strategy=cluster.home()) for _ in range(6)]
        nodes = ray.get([made.remote().node.remote() for made in kept])
        assert set(nodes) == {ray.get_runtime_context().get_node_id()}


def kill(node):
    """Kill a node's raylet, and every process that it has started."""
    raylet = node.all_processes["raylet"][0].process.pid
    started = Path(f"/proc/{raylet}/task/{raylet}/children").read_text().split()
    for pid in (raylet, *map(int, started)):
        os.kill(pid, signal.SIGKILL)


def test_without_a_cluster_one_is_started_and_that_is_said(project, monkeypatch, capsys):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr("ray._private.services.get_ray_address_from_environment", nowhere)
    with Seeded({"good": Model()}) as server:
        assert outcomes(on_cluster(recording(project(server, 1)))) == {"q00[good]#1": "passed"}
    assert "no Ray cluster was found; one is started on this machine" in capsys.readouterr().err
    assert not ray.is_initialized()


def nowhere(*_):
    """Answer as Ray does on a machine without a cluster; this one has the tests' own."""
    raise ConnectionError("Could not find any running Ray instance.")
