"""From a log to a replayed suite.

python tests/benchmarks/bench_import.py [COUNT]        import COUNT logged calls, replay them; default 1000
python tests/benchmarks/bench_import.py --lines N ...  what a sample of 100 out of N lines costs, for each N:
                                                       time and peak memory have to be linear and constant
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import workload
from bench_replay import REPLAY, measured

RECORD = [
    sys.executable,
    "-m",
    "replay.cli",
    "record",
    "log.jsonl",
    "--out",
    "project",
    "--suite",
    "imported",
]


def lines(count):
    """Yield the lines of a log, 1.7 KB each: single calls, some conversations of three, some bad ones."""
    number = 0
    for entry in workload.entries(count):
        request, response = entry["request"], entry["response"]
        system, *_, asked = request["messages"]
        system = {"role": "system", "content": f"You are agent {number % 7}. {workload.WORDS}"}
        request = request | {"messages": [system, asked]}
        for _ in range(3 if number % 10 == 0 else 1):
            if number == count:
                return
            yield json.dumps({"request": request, "response": response}) + "\n" if number % 1000 else "{cut\n"
            said = response["choices"][0]["message"]
            calls = said.get("tool_calls", ())
            done = [{"role": "tool", "tool_call_id": call["id"], "content": "{}"} for call in calls]
            asked = {"role": "user", "content": f"And then, {number}?"}
            request = request | {"messages": [*request["messages"], said, *done, asked]}
            response = response | {"id": f"{response['id']}-{number}"}
            number += 1


def sampled(counts):
    """Measure a sample of 100 for each size of a log."""
    for count in counts:
        folder = Path(tempfile.mkdtemp(prefix="replay-import-"))
        try:
            with open(folder / "log.jsonl", "w", encoding="utf-8") as log:
                log.writelines(lines(count))
            size = (folder / "log.jsonl").stat().st_size / 2**20
            cpu, wall, memory = measured([*RECORD, "--sample", "100"], folder)
            per_line = cpu / count * 1e6
            log = f"{count:10,} lines, {size:7,.0f} MiB"
            print(f"{log}: {wall:7.1f} s, {per_line:5.0f} us cpu a line, {memory:5.0f} MiB", flush=True)
        finally:
            shutil.rmtree(folder)


def main(count):
    folder = Path(tempfile.mkdtemp(prefix="replay-import-"))
    try:
        with open(folder / "log.jsonl", "w", encoding="utf-8") as log:
            for entry in workload.entries(count):
                log.write(json.dumps({"request": entry["request"], "response": entry["response"]}) + "\n")
        project = folder / "project"
        steps = {
            "replay record": (RECORD, folder),
            "pytest suites/, first time": (REPLAY, project),
            "pytest suites/, again": (REPLAY, project),
        }
        print(f"{count} logged calls")
        for name, (command, where) in steps.items():
            cpu, wall, memory = measured(command, where)
            print(f"{name:28} {wall:6.1f} s   {cpu / count * 1000:5.2f} ms cpu a call   {memory:4.0f} MiB")
        page = max(project.glob("reports/*/index.html"))
        results = page.with_name("run.jsonl").read_text().splitlines()[1:]
        passed = sum(json.loads(line)["outcome"] == "passed" for line in results)
        size = page.stat().st_size
        print(f"{passed} of {len(results)} cases passed; the report has {size / count / 1000:.2f} KB a case")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int, nargs="?", default=1000)
    parser.add_argument("--lines", type=int, nargs="+", metavar="N")
    chosen = parser.parse_args()
    if chosen.lines:
        sampled(chosen.lines)
    else:
        main(chosen.count)
