"""The ratios of the main job, against FLOOR A in the same run: cpu per case, memory, linearity, start-up.

python tests/benchmarks/bench_replay.py [CASES]        default 10000
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import workload  # noqa: I001 - after the path


# Only Replay is measured: no other plugin that happens to be installed, and compiled modules are kept.
ENV = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
ENV.pop("PYTHONDONTWRITEBYTECODE", None)
PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
REPLAY = [*PYTEST, "-p", "replay.pytest_plugin", "suites/"]


def measured(command, cwd=None, check=True):
    """Run a command; return cpu seconds with children, wall seconds, peak RSS in MiB."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(command, cwd=cwd, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if check and process.returncode:
        sys.exit(f"{command} failed:\n{output.decode()[-3000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.monotonic() - start, usage.ru_maxrss / 1024


def slope(run, small, large):
    """Return the cpu milliseconds per case between two sizes, start-up taken out."""
    return (run(large)[0] - run(small)[0]) / (large - small) * 1000


def main(count):
    folder = Path(tempfile.mkdtemp(prefix="replay-bench-"))
    try:
        _bench(folder, count)
    finally:
        shutil.rmtree(folder)


def _bench(folder, count):
    small = max(count // 10, 100)
    for size in (small, count):
        workload.project(folder / str(size), size)
        with open(folder / f"{size}.jsonl", "w", encoding="utf-8") as out:
            out.writelines(json.dumps(entry) + "\n" for entry in workload.entries(size))

    def floor(size):
        return measured([sys.executable, str(HERE / "floor.py"), str(folder / f"{size}.jsonl")])

    def replay(size, *options, cold=False):
        project = folder / str(size)
        shutil.rmtree(project / "reports", ignore_errors=True)
        if cold:
            shutil.rmtree(project / ".replay", ignore_errors=True)
        return measured([*REPLAY, *options], project)

    floor_a = statistics.median(slope(floor, small, count) for _ in range(3))
    cold = slope(lambda size: replay(size, cold=True), small, count)
    warm_runs = {size: [replay(size) for _ in range(3)] for size in (small, count)}
    cpu = {size: statistics.median(run[0] for run in runs) for size, runs in warm_runs.items()}
    wall = {size: statistics.median(run[1] for run in runs) for size, runs in warm_runs.items()}
    warm = (cpu[count] - cpu[small]) / (count - small) * 1000
    two = statistics.median(replay(count, "-p", "xdist", "-n", "2")[1] for _ in range(2))
    report = max((folder / str(count)).glob("reports/*/index.html"))
    rows = [
        ("FLOOR A, ms cpu per case", f"{floor_a:.2f}", ""),
        ("replay warm / FLOOR A", f"{warm / floor_a:.2f}", "<= 1.0"),
        ("replay cold / FLOOR A", f"{cold / floor_a:.2f}", "<= 1.6"),
        (f"-n 2 wall / its own wall at {count}", f"{two / wall[count]:.2f}", "<= 0.65"),
        (f"time({count}) / time({small})", f"{cpu[count] / cpu[small]:.1f}", "<= 11"),
        (f"peak RSS at {count}, MiB", f"{max(run[2] for run in warm_runs[count]):.0f}", "<= 250"),
        ("report, KB per case", f"{report.stat().st_size / count / 1000:.2f}", "<= 3"),
        *_startup(folder / str(small)),
    ]
    for name, value, asked in rows:
        print(f"{name:45} {value:>8}  {asked}")


def _startup(project):
    def cpu(*command, cwd=None):
        return statistics.median(measured([sys.executable, *command], cwd)[0] for _ in range(5))

    sdk = cpu("-c", "import openai")
    one = cpu(*REPLAY[1:], "-k", "case_000000", cwd=project)
    empty = project / "empty"
    empty.mkdir(exist_ok=True)
    (empty / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
    plain = cpu(*PYTEST[1:], "test_nothing.py", cwd=empty)
    with_plugin = cpu(*PYTEST[1:], "-p", "replay.pytest_plugin", "test_nothing.py", cwd=empty)
    yield "one case / import openai (cpu)", f"{one / sdk:.2f}", "<= 2.2"
    yield "the plugin in a session without suites, ms", f"{(with_plugin - plain) * 1000:.1f}", "< 5"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
