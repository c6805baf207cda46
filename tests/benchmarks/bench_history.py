"""How often changes are seen where there are none, how often real ones are found, and how fast runs are read.

python tests/benchmarks/bench_history.py [SERIES] [RUNS]    simulated series of each kind, default 400; runs
                                                            in the history that is read, default 500

False alarms: the share of series without a change in which any is named; each series is tested at 1 %. Power:
the share of series, changed in the middle, in which a change is named whose range holds the true place.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

import sample_runs

from replay.config import Project
from replay.history import read
from replay.history._series import Amounts, Counts
from replay.history._shifts import shifts

LENGTHS = (6, 10, 20, 50, 100, 200)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("series", nargs="?", type=int, default=400)
    parser.add_argument("runs", nargs="?", type=int, default=500)
    asked = parser.parse_args()
    draws = np.random.default_rng(1)
    print(f"{'runs':44}" + "".join(f"{length:8}" for length in LENGTHS))
    print("false alarms")
    for name, make in still(draws).items():
        table(name, lambda n, make=make: alarmed(make(length=n)), asked.series)
    print("power")
    for name, make in changed(draws).items():
        table(name, lambda n, make=make: found(make(length=n), n), asked.series)
    reading(asked.runs)


def table(name, trial, series):
    shares = (sum(trial(length) for _ in range(series)) / series for length in LENGTHS)
    print(f"  {name:42}" + "".join(f"{share:8.3f}" for share in shares))


def still(draws):
    """Series without a change, by name; each takes how many runs it is to have."""
    kinds = {
        f"pass rate {rate:.2f} of {cases} cases": partial(rates, draws, rate, rate, cases)
        for rate in (0.5, 0.8, 0.95, 1.0)
        for cases in (10, 50)
    }
    kinds["pass rate 0.90 of 50, runs correlated 0.05"] = partial(rates, draws, 0.9, 0.9, 50, 0.05)
    kinds |= {f"amounts that scatter {s:.0%}": partial(amounts, draws, s, 0.0) for s in (0.02, 0.2)}
    kinds["amounts that scatter 10%, heavy tails"] = partial(tailed, draws, 0.1)
    kinds["amounts that scatter 10%, autocorrelated 0.3"] = partial(amounts, draws, 0.1, 0.0, 0.3)
    return kinds


def changed(draws):
    """Series that change in the middle."""
    kinds = {
        f"pass rate 0.95 to {rate:.2f} of {cases} cases": partial(rates, draws, 0.95, rate, cases)
        for rate in (0.9, 0.8)
        for cases in (20, 100)
    }
    kinds["pass rate 1.00 to 0.95 of 100 cases"] = partial(rates, draws, 1.0, 0.95, 100)
    kinds |= {
        f"amounts +{shift:.0%} that scatter {s:.0%}": partial(amounts, draws, s, shift)
        for shift in (0.05, 0.2)
        for s in (0.02, 0.1)
    }
    return kinds


def rates(draws, before, after, cases, correlation=0.0, length=0):
    chances = np.where(np.arange(length) < length // 2, before, after)
    if correlation:
        spread = (1 - correlation) / correlation
        chances = draws.beta(chances * spread, (1 - chances) * spread)
    return Counts(draws.binomial(cases, chances).tolist(), [cases] * length)


def amounts(draws, scatter, shift, correlation=0.0, length=0):
    noise = draws.normal(0, 1, length)
    for place in range(1, length if correlation else 0):
        noise[place] = correlation * noise[place - 1] + np.sqrt(1 - correlation**2) * noise[place]
    level = np.where(np.arange(length) < length // 2, 0.0, np.log1p(shift))
    return Amounts(np.exp(6 + level + scatter * noise).tolist())


def tailed(draws, scatter, length=0):
    return Amounts(np.exp(6 + scatter * draws.standard_t(4, length) / np.sqrt(2)).tolist())


def alarmed(make):
    return bool(shifts(make))


def found(series, length):
    return any(shift.earliest <= length // 2 <= shift.latest for shift in shifts(series))


def reading(runs):
    """Time a history of 4 trends and 20 cases a run: read from its files, from the cache, and drawn."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root, runs)
        bytes_ = sum(path.stat().st_size for path in root.glob("reports/*/run.jsonl"))
        print(f"{runs} runs of 20 cases, {bytes_ / 1e6:.0f} MB")
        project = Project(root)
        for name in ("from files", "from the cache"):
            began = time.perf_counter()
            read(project)
            print(f"  {name:42}{time.perf_counter() - began:8.2f} s")
        write(root / "big", 1, 5000)
        tracemalloc.start()
        read(Project(root / "big"))
        print(
            f"  {'memory for one run of 20,000 cases':42}{tracemalloc.get_traced_memory()[1] / 1e3:8.0f} kB"
        )


def write(root, runs, cases=5):
    for number in range(runs):
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)
        results = sorted(_results(cases), key=lambda one: (one.case.suite, one.case.id))
        header = sample_runs.HEADER | {"started": at.isoformat()}
        sample_runs.write(root / f"reports/{at:%Y-%m-%dT%H-%M-%S}/run.jsonl", header, results)


def _results(cases):
    one = next(result for result in sample_runs.showcase(4) if result.outcome == "passed")
    for suite in ("research", "support"):
        for target in (sample_runs.MINI, sample_runs.EU):
            for number in range(cases):
                name = f"{suite}/{number:05}"
                conversation = replace(one.transcript.conversation, name=name)
                transcript = replace(one.transcript, conversation=conversation, target=target)
                case = replace(one.case, conversation=name, target=target.name, suite=suite)
                yield replace(one, case=case, transcript=transcript)


if __name__ == "__main__":
    main()
