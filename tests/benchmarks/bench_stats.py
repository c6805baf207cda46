"""Whether the statistics keep what they promise, by simulation.

python tests/benchmarks/bench_stats.py [RUNS]    RUNS simulated comparisons of each kind; default 500

Conversations differ in how hard they are (a beta distribution with that correlation between attempts of one
conversation). Without a difference between the targets a test at 5 % may reject in 5 % of runs, and intervals
of 95 % have to hold the truth in 95 %.
"""

from __future__ import annotations

import argparse

import numpy as np

from replay import stats

RATE = 0.8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="?", type=int, default=500)
    runs = parser.parse_args().runs
    draws = np.random.default_rng(1)
    print("conversations repeats correlation   rejected  difference held  rate held  power at -10 %")
    for conversations in (20, 50, 200):
        for repeats in (1, 3, 5):
            for correlation in (0.1, 0.4, 0.8):
                found = [simulated(draws, conversations, repeats, correlation, run) for run in range(runs)]
                shares = [f"{sum(column) / runs:9.3f}" for column in zip(*found, strict=True)]
                print(f"{conversations:13} {repeats:7} {correlation:11}  {'      '.join(shares)}")


def simulated(draws, conversations, repeats, correlation, seed):
    """Whether one comparison rejects, holds both truths, and finds a candidate that is 10 % worse."""
    spread = (1 - correlation) / correlation
    hard = draws.beta(RATE * spread, (1 - RATE) * spread, conversations)
    baseline, same = attempts(draws, hard, repeats), attempts(draws, hard, repeats)
    worse = attempts(draws, np.clip(hard - 0.1, 0, 1), repeats)
    found, rate = stats.difference(baseline, same, seed=seed), stats.rate(baseline)
    return (
        found.p <= 0.05,
        found.interval.low - 1e-12 <= 0 <= found.interval.high + 1e-12,
        rate.low <= RATE <= rate.high,
        stats.difference(baseline, worse, seed=seed).p <= 0.05,
    )


def attempts(draws, chances, repeats):
    return draws.binomial(1, chances[:, None], (len(chances), repeats)).tolist()


if __name__ == "__main__":
    main()
