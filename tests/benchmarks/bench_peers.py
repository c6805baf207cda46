"""Replay beside other tools on the same workload, in one run: cpu per case as a multiple of Replay's.

    python tests/benchmarks/bench_peers.py [CASES]         default 300

pytest-recording is part of the `tests` extra; a peer that is not installed is named and left out.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import workload  # noqa: I001 - after the path
from bench_replay import PYTEST, REPLAY, measured


RECORDING = """
import json, pathlib, openai, pytest, httpx2

HERE = pathlib.Path(__file__).parent
ENTRIES = [json.loads(line) for line in (HERE / "cases.jsonl").open()]
{shared}

@pytest.mark.vcr(record_mode="none")
@pytest.mark.parametrize("entry", ENTRIES, ids=[entry["name"].replace("/", "_") for entry in ENTRIES])
def test_case(entry):
    {client}
    reply = client.chat.completions.create(**entry["request"])
    assert reply.choices[0].finish_reason == ("tool_calls" if entry["kind"] == "tools" else "stop")
    assert reply.usage.prompt_tokens <= 1100 and reply.usage.completion_tokens <= 200
    if entry["kind"] == "schema":
        assert set(json.loads(reply.choices[0].message.content)) == {{"topic", "urgent"}}
    if entry["kind"] == "tools":
        assert [call.function.name for call in reply.choices[0].message.tool_calls] == ["lookup_order"]
"""
CLIENT = 'openai.OpenAI(api_key="none", base_url="http://127.0.0.1:1/v1", max_retries=0)'


def pytest_recording(folder, count, *, shared):
    """Write and run a pytest-recording project: a cassette a test; one client for all, or one each."""
    folder.mkdir()
    text = RECORDING.format(
        shared=f"client = {CLIENT}" if shared else "", client="pass" if shared else f"client = {CLIENT}"
    )
    (folder / "test_cases.py").write_text(text)
    cassettes = folder / "cassettes" / "test_cases"
    cassettes.mkdir(parents=True)
    with open(folder / "cases.jsonl", "w", encoding="utf-8") as out:
        for entry in workload.entries(count):
            out.write(json.dumps(entry) + "\n")
            (cassettes / f"test_case[{entry['name'].replace('/', '_')}].yaml").write_text(_cassette(entry))
    return measured([*PYTEST, "-p", "pytest_recording.plugin", "test_cases.py"], folder)


def _cassette(entry):
    import yaml

    request = {
        "method": "POST",
        "uri": "http://127.0.0.1:1/v1/chat/completions",
        "headers": {"content-type": ["application/json"]},
        "body": json.dumps(entry["request"]),
    }
    response = {
        "status": {"code": 200, "message": "OK"},
        "headers": {"content-type": ["application/json"]},
        "body": {"string": json.dumps(entry["response"])},
    }
    return yaml.safe_dump({"version": 1, "interactions": [{"request": request, "response": response}]})


def replay(folder, count):
    """Write a Replay project and run it once to warm up and once to measure."""
    workload.project(folder, count)
    measured(REPLAY, folder)
    return measured(REPLAY, folder)


def main(count):
    small = max(count // 5, 20)
    folder = Path(tempfile.mkdtemp(prefix="replay-peers-"))
    tools = {"replay": replay}
    if find_spec("pytest_recording"):
        tools["pytest-recording, one client"] = lambda place, size: pytest_recording(place, size, shared=True)
        tools["pytest-recording, a client per test"] = lambda place, size: pytest_recording(
            place, size, shared=False
        )
    else:
        print("pytest-recording is not installed: left out")
    try:
        costs = {}
        for number, (name, run) in enumerate(tools.items()):
            few, many = (run(folder / f"{number}-{size}", size)[0] for size in (small, count))
            costs[name] = (many - few) / (count - small) * 1000
        for name, cost in costs.items():
            print(f"{name:40} {cost:8.2f} ms cpu per case   {cost / costs['replay']:6.1f} x replay")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
