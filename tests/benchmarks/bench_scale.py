"""Conversations as JSON Lines, at several sizes: is memory constant, and does time grow with the number?

python tests/benchmarks/bench_scale.py [SIZES...]        default 1000 10000 100000

Each size is a process of its own that checks the suite, plays every case through the seam against a transport
in the process (so that it is recorded as a live one is), writes the run out of order, sorts it and reads it.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import workload

TOML = (
    '[targets.bench]\nprovider = "openai_compatible"\nmodel = "bench-model"\n'
    'base_url = "http://127.0.0.1:1/v1"\n\n[redaction]\nsalt = "bench"\n'
)
SUITE = (
    "targets: [bench]\nconversations: [bulk/**]\nassert:\n"
    "  - finish_reason: stop\n  - token_budget: {prompt: 1100, completion: 200}\n"
)


def write(folder, count):
    """Write a project of `count` conversations in one file."""
    lines = folder / "fixtures/conversations/bulk.jsonl"
    lines.parent.mkdir(parents=True)
    (folder / "replay.toml").write_text(TOML)
    (folder / "suites").mkdir()
    (folder / "suites/bulk.yaml").write_text(SUITE)
    with lines.open("w") as out:
        for entry in workload.entries(count):
            body = entry["request"]
            params = {key: body[key] for key in ("temperature", "response_format") if key in body}
            tools = {"tools": body["tools"]} if "tools" in body else {}
            data = {"name": entry["name"], "messages": body["messages"], "params": params} | tools
            out.write(json.dumps(data) + "\n")


def transport():
    """What answers in place of the network, the same to everything."""
    import httpx2

    answer = next(workload.entries(1))["response"]

    class Answering(httpx2.BaseTransport):
        def handle_request(self, request):
            return httpx2.Response(200, json=answer, request=request)

    return Answering()


def child(folder, count):
    """Do all of it for one size, and print seconds of cpu for each part and MiB."""
    from replay import runner, runs, suites
    from replay.config import Project

    project = Project.find(folder)
    took, peaks, last = {}, {"imported": _peak()}, time.process_time()

    def done(part):
        nonlocal last
        now = time.process_time()
        took[part], last = now - last, now
        peaks[part] = _peak()

    suite = suites.load(project.suites / "bulk.yaml", project)
    done("suite")
    assert runner.check([suite], project) == count
    done("check")
    player = runner.Runner(project, "new_episodes", inner=transport(), folder=folder / "cassettes")
    writer = runs.RunWriter(folder / "run", {}, durable=True)
    passed, held = 0, None
    for planned in runner.cases(suite, project, ["bench"], [1]):
        result, line = player.shown(planned, player.run(planned))
        passed += result.outcome == "passed"
        made = (result.case.suite, result.case.id), line, result.outcome
        if held:  # each case after the next one, so that the run is to be sorted
            writer.add(*made)
            writer.add(*held)
        held = None if held else made
    if held:
        writer.add(*held)
    done("play")
    writer.close()
    done("sort")
    again = runs.RunWriter.resume(folder / "run")
    done("resume")
    again.close()
    assert sum(1 for _ in runs.read(folder / "run").results) == count
    done("read")
    assert passed == count, f"{passed} of {count} passed"
    print(json.dumps({"cpu": took, "peak": peaks}))


def _peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(count):
    folder = Path(tempfile.mkdtemp(prefix="replay-scale-"))
    try:
        write(folder, count)
        command = [sys.executable, __file__, "--child", str(folder), str(count)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
        if done.returncode:
            sys.exit(done.stderr[-3000:])
        return json.loads(done.stdout)
    finally:
        shutil.rmtree(folder)


def main(sizes):
    found = {size: measured(size) for size in sizes}
    parts = list(found[sizes[0]]["cpu"])
    print(f"{'ms cpu per case':18}" + "".join(f"{size:>12,}" for size in sizes))
    for part in parts:
        print(f"{part:18}" + "".join(f"{found[size]['cpu'][part] / size * 1000:12.3f}" for size in sizes))
    print(f"{'peak RSS, MiB':18}")
    for part in ["imported", *parts]:
        print(f"{part:18}" + "".join(f"{found[size]['peak'][part]:12.1f}" for size in sizes))
    least, most = (found[size] for size in (sizes[0], sizes[-1]))
    memory = most["peak"][parts[-1]] / least["peak"][parts[-1]]
    per_case = [
        sum(one["cpu"].values()) / size for one, size in ((most, sizes[-1]), (found[sizes[-2]], sizes[-2]))
    ]
    print(f"memory({sizes[-1]}) / memory({sizes[0]})  {memory:.2f}  <= 1.2")
    print(f"cpu per case({sizes[-1]}) / ({sizes[-2]})  {per_case[0] / per_case[1]:.2f}  <= 1.1")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main([int(size) for size in sys.argv[1:]] or [1000, 10_000, 100_000])
