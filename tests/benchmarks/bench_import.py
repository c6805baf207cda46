"""From a log to a replayed suite: import COUNT logged calls, replay them by pytest, draw the report.

python tests/benchmarks/bench_import.py [COUNT]        default 1000
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import workload
from bench_replay import REPLAY, measured


def main(count):
    folder = Path(tempfile.mkdtemp(prefix="replay-import-"))
    try:
        with open(folder / "log.jsonl", "w", encoding="utf-8") as log:
            for entry in workload.entries(count):
                log.write(json.dumps({"request": entry["request"], "response": entry["response"]}) + "\n")
        project = folder / "project"
        record = [sys.executable, "-m", "replay.cli", "record", "log.jsonl"]
        steps = {
            "replay record": ([*record, "--out", "project", "--suite", "imported"], folder),
            "pytest suites/, first time": (REPLAY, project),
            "pytest suites/, again": (REPLAY, project),
        }
        print(f"{count} logged calls")
        for name, (command, where) in steps.items():
            cpu, wall, memory = measured(command, where)
            print(f"{name:28} {wall:6.1f} s   {cpu / count * 1000:5.2f} ms cpu a call   {memory:4.0f} MiB")
        page = max(project.glob("reports/*/index.html"))
        lines = page.with_name("run.jsonl").read_text().splitlines()[1:]
        passed = sum(json.loads(line)["outcome"] == "passed" for line in lines)
        size = page.stat().st_size
        print(f"{passed} of {len(lines)} cases passed; the report has {size / count / 1000:.2f} KB a case")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
