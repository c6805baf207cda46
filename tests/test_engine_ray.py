"""Cases on a real Ray cluster of several node processes on this machine, over real HTTP."""

import json

import pytest
from seeded import Model, Seeded

from replay import runner, suites
from replay.cassette.cassette import Cassette
from replay.config import Project
from replay.engines import registry
from replay.runner import Runner

ray = pytest.importorskip("ray", reason="Ray is missing: pip install ray (there is no wheel for this Python)")

# A dead node is noticed in less than a second, where Ray takes 15 by itself.
QUICK = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 300,
    "health_check_failure_threshold": 2,
    "health_check_timeout_ms": 500,
}
NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20}

SUITE = """
targets: [good]
conversations: ["**"]
play: every_turn
assert:
  - contains: "Yes"
"""


@pytest.fixture(scope="module")
def cluster():
    from ray.cluster_utils import Cluster

    found = Cluster(initialize_head=True, head_node_args=NODE | {"_system_config": QUICK})
    found.nodes = [found.add_node(**NODE) for _ in range(2)]
    yield found
    found.shutdown()


@pytest.fixture
def address(cluster, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)


@pytest.fixture
def project(tmp_path):
    """Makes a project of so many conversations of two turns, its targets those of a server."""

    def made(server, count=6, suite=SUITE, **settings):
        (tmp_path / "replay.toml").write_text(server.toml(**settings))
        for number in range(count):
            said = [
                ("user", f"Question {number}?"),
                ("assistant", "Hm."),
                ("user", "So?"),
                ("assistant", "So."),
            ]
            messages = [{"role": role, "content": content} for role, content in said]
            write(tmp_path / f"fixtures/conversations/q{number:02}.yaml", json.dumps({"messages": messages}))
        write(tmp_path / "suites/all.yaml", suite)
        return Project.find(tmp_path)

    return made


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def plan(project):
    return runner.plan(suites.load(project.suites / "all.yaml", project), project)


def on_cluster(planned, played_by):
    return registry.get("ray").run(iter(planned), played_by)


def said(played_by, planned, result):
    """What a result says, but for times and the ids that a provider gives."""
    shown, _ = played_by.shown(planned, result)
    data = shown.to_json()
    for turn in data["transcript"]["turns"]:
        for name in ("timing", "raw"):
            turn.pop(name, None)
        turn.get("reply", {}).get("extra", {}).pop("id", None)
    return data


def recorded(folder):
    return {
        str(path.relative_to(folder)): [one.request.body for one in Cassette(path).interactions]
        for path in sorted(folder.rglob("*.yaml"))
    }


def left_behind(folder):
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".yaml"]


def test_a_run_on_a_cluster_is_the_run_in_this_process(cluster, address, project, tmp_path):
    models = {
        "good": Model(passes=lambda _, text: float("Question 1" not in text)),
        "bad": Model(passes=lambda _, text: float("Question 2" in text)),
    }
    with Seeded(models, seed=3) as here, Seeded(models, seed=3) as there:
        suite = SUITE.replace("[good]", "[good, bad]") + "repeats: 2\n"
        inside = Runner(project(here, 4, suite), "new_episodes", folder=tmp_path / "reports/inside")
        expected = {one.case.id: said(inside, one, inside.run(one)) for one in plan(inside.project)}
        outside = Runner(project(there, 4, suite), "new_episodes", folder=tmp_path / "reports/outside")
        found = {
            one.case.id: said(outside, one, result)
            for one, result in on_cluster(plan(outside.project), outside)
        }
    assert len(here.calls) == len(there.calls) == 4 * 2 * 2 * 2
    for data in (*expected.values(), *found.values()):
        data["files"]["cassette"] = data["files"]["cassette"].replace("outside", "inside")
    assert found == expected
    assert {data["outcome"] for data in found.values()} == {"passed", "failed"}
    assert recorded(tmp_path / "reports/outside") == recorded(tmp_path / "reports/inside")
    assert not left_behind(tmp_path / "reports/outside")
