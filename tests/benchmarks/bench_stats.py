"""Whether the statistics keep what they promise, by simulation.

python tests/benchmarks/bench_stats.py [--runs N] [--margin M]    N simulated comparisons of each kind

A conversation has a chance to pass, drawn from a beta distribution whose spread is the correlation of its
attempts (beta-binomial). The candidate has the same chance at seven conversations of ten, at the others one
of its own from the same distribution: equal on the whole, not everywhere. A candidate worse by the margin is
so in one of two ways: at some conversations it never passes any more (few and large changes, which is the
hardest for a test), or everywhere a little.

A test at 5 % may err in 5 % of runs, an interval of 95 % has to hold the truth in 95 %: `!` marks where a
figure is on the wrong side by more than two standard errors of the simulation, as two or three of a hundred
are by chance. Figures are in percent.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np

from replay import stats
from replay.stats import Pair

SIZES, REPEATS, CORRELATIONS, RATES = (20, 50, 200, 1000), (1, 3, 5), (0.0, 0.3, 0.8), (0.5, 0.9, 0.98)
ALPHA, OWN = 0.05, 0.3


class Kind(NamedTuple):
    """A kind of comparison to simulate."""

    size: int
    repeats: int
    correlation: float
    rate: float
    margin: float
    runs: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--margin", type=float, default=0.05)
    given = parser.parse_args()
    kinds = [Kind(*kind, given.margin, given.runs) for kind in product(SIZES, REPEATS, CORRELATIONS, RATES)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        errors(list(zip(kinds, pool.map(simulated, kinds), strict=True)), given.runs)
        ratios(pool, given.runs)
        plans(pool, given.runs)


# --- errors and coverage ---

COLUMNS = {
    "no difference: 'different'": "error",
    "  'worse', looking always": "error",
    "worse by the margin, in few: 'not worse'": "error",
    "  'not worse', looking always": "error",
    "worse by the margin, all over: 'not worse'": "error",
    "interval of the rate": "coverage",
    "interval of no difference": "coverage",
    "interval of the margin, in few": "coverage",
    "interval of the margin, all over": "coverage",
}


def errors(found, runs):
    print(f"Errors and coverage, {runs} runs of each kind (standard error {error(ALPHA, runs):.1%}):")
    for letter, (name, sort) in zip("abcdefghi", COLUMNS.items(), strict=True):
        print(f"  {letter} {sort:8} {name}")
    print(
        f"{'conversations repeats correlation rate':40}" + "".join(f"{letter:>7}" for letter in "abcdefghi")
    )
    for kind, shares in found:
        cells = (cell(share, sort, runs) for share, sort in zip(shares, COLUMNS.values(), strict=True))
        head = f"{kind.size:13} {kind.repeats:7} {kind.correlation:11} {kind.rate:5}"
        print(f"{head:40}" + "".join(cells))
    summary([shares for _, shares in found], runs)


def cell(share, sort, runs):
    bad = share > ALPHA + 2 * error(ALPHA, runs) if sort == "error" else below(share, runs)
    return f"{share * 100:6.1f}{'!' if bad else ' '}"


def below(share, runs):
    return share < 0.95 - 2 * error(ALPHA, runs)


def error(share, runs):
    return (share * (1 - share) / runs) ** 0.5


def summary(rows, runs):
    large = [size >= 200 for size in SIZES for _ in range(len(rows) // len(SIZES))]
    for (name, sort), column in zip(COLUMNS.items(), np.array(rows).T, strict=True):
        mean, worst = column.mean(), column.max() if sort == "error" else column.min()
        line = f"{sort:8} {name.strip():44} mean {mean:6.1%}  worst {worst:6.1%}"
        if sort == "error":
            beyond = sum(share > ALPHA + 2 * error(ALPHA, runs) for share in column)
        else:
            beyond = sum(below(share, runs) for share in column)
            line += f"  94-96 %: {np.mean((column >= 0.94) & (column <= 0.96)):4.0%}"
            line += (
                f"  above 96 %: {np.mean(column > 0.96):4.0%}  of 200 and more: {column[large].min():6.1%}"
            )
            line += f" to {column[large].max():6.1%}"
        print(f"{line}  beyond two standard errors: {beyond} of {len(column)}")


def simulated(kind: Kind) -> list[float]:
    """The share of runs in which each of COLUMNS came true."""
    draws = np.random.default_rng(abs(hash(kind)))
    chances = conversations(draws, kind)
    old, same = attempts(draws, chances, kind), attempts(draws, other(draws, chances, kind), kind)
    few, all_over = (attempts(draws, worse(draws, chances, kind, way), kind) for way in ("few", "all"))
    equal, less, little = counted(old, same), counted(old, few), counted(old, all_over)
    return [
        share(different(pairs).p <= ALPHA for pairs in equal),
        ever(same - old, 0.0, sign=-1),
        share(not_worse(pairs, kind.margin) <= ALPHA for pairs in less),
        ever(few - old, -kind.margin),
        share(not_worse(pairs, kind.margin) <= ALPHA for pairs in little),
        share(holds(rate(one_side(pairs)), kind.rate) for pairs in equal),
        share(holds(different(pairs).interval, 0.0) for pairs in equal),
        share(holds(different(pairs).interval, -kind.margin) for pairs in less),
        share(holds(different(pairs).interval, -kind.margin) for pairs in little),
    ]


def conversations(draws, kind):
    """The chance of each conversation to pass, in each run."""
    shape = (kind.runs, kind.size)
    if not kind.correlation:
        return np.full(shape, kind.rate)
    spread = (1 - kind.correlation) / kind.correlation
    return draws.beta(kind.rate * spread, (1 - kind.rate) * spread, shape)


def other(draws, chances, kind):
    """The chances of a candidate that passes as often on the whole."""
    return np.where(draws.random(chances.shape) < OWN, conversations(draws, kind), chances)


def worse(draws, chances, kind, way):
    """The chances of a candidate that passes less often by the margin."""
    lost = kind.margin / kind.rate
    kept = draws.random(chances.shape) >= lost if way == "few" else 1 - lost
    return other(draws, chances, kind) * kept


def attempts(draws, chances, kind):
    """Passed or not, of each run, conversation and attempt."""
    return (draws.random((*chances.shape, kind.repeats)) < chances[..., None]).astype(np.int8)


def counted(old, new):
    """The pairs of each run, in a form that can be looked up."""
    repeats = old.shape[2]
    codes = old.sum(2, dtype=int) * (repeats + 1) + new.sum(2, dtype=int)
    pairs = [Pair(a, repeats, b, repeats) for a in range(repeats + 1) for b in range(repeats + 1)]
    return [frozenset((pairs[code], times) for code, times in Counter(row.tolist()).items()) for row in codes]


def one_side(pairs):
    found = Counter()
    for (passed, tried, *_), times in pairs:
        found[passed, tried] += times
    return frozenset(found.items())


def share(found):
    found = list(found)
    return float(np.mean(found))


def holds(interval, truth):
    return interval.low - 1e-9 <= truth <= interval.high + 1e-9


@cache
def different(pairs):
    return stats.difference(dict(pairs))


@cache
def not_worse(pairs, margin):
    return stats.not_worse(dict(pairs), margin)


@cache
def rate(counts):
    return stats.rate(dict(counts))


def ever(changes, bound, sign=1):
    """The share of runs in which `Betting` excludes the bound, looked at after every conversation.

    Each repeat is a round over all conversations with the means so far, at half the alpha of the one before:
    as `replay compare --until-decided` uses it.
    """
    decided = np.zeros(len(changes), bool)
    for number in range(1, changes.shape[2] + 1):
        means = sign * changes[:, :, :number].mean(2)
        decided |= best(means, sign * bound) >= 2**number / ALPHA
    return decided.mean()


def best(means, bound):
    """The most capital that each run's bet ever had: `Betting`, of many runs at once."""
    stakes = np.array(stats.Betting(bound)._stakes)
    capital = np.full((len(means), len(stakes)), 1 / len(stakes))
    most = np.ones(len(means))
    for change in means.T:
        capital *= 1 + stakes * (change[:, None] - bound)
        np.maximum(most, capital.sum(1), out=most)
    bet = stats.Betting(bound)
    for change in means[0]:
        bet.add(float(change))
    assert np.isclose(1 / bet.p, most[0]), "this is no longer the bet that is tested"
    return most


# --- amounts ---


def ratios(pool, runs):
    print("\nRatio of amounts (geometric means), coverage; tokens with lognormal or gamma noise:")
    print("conversations repeats     lognormal  gamma")
    cases = [(*case, runs) for case in product((20, 50, 200), (1, 5))]
    for case, found in zip(cases, pool.map(ratio_held, cases), strict=True):
        print(f"{case[0]:13} {case[1]:7}        " + "".join(cell(one, "coverage", runs) for one in found))


def ratio_held(case):
    size, repeats, runs = case
    draws, held = np.random.default_rng(size + repeats), [0, 0]
    for _ in range(runs):
        level = draws.lognormal(5, 1, (size, 1))
        for place, noise in enumerate(
            (lambda s: draws.lognormal(0, 0.5, s), lambda s: draws.gamma(2, 0.5, s))
        ):
            kept = stats.Amounts()
            old, new = (level * noise((size, repeats)) * factor for factor in (1.0, 1.2))
            for before, after in zip(old.tolist(), new.tolist(), strict=True):
                kept.add(before, after)
            held[place] += holds(kept.ratio(), 1.2)
    return [times / runs for times in held]


# --- power ---


def plans(pool, runs):
    print("\nPower: how often so many conversations show it as `needed` plans for 80 %")
    print("`pilot` is what a pilot of 50 conversations would plan: lower quartile, median, upper quartile")
    print("rate repeats correlation truth    margin   planned    power       pilot")
    cases = [
        (rate, repeats, correlation, truth, margin, runs)
        for rate in (0.8, 0.95)
        for repeats in (1, 5)
        for correlation in (0.3, 0.8)
        for truth, margin in ((0.0, 0.05), (0.1, 0.02))
    ]
    for case, (planned, power, pilot) in zip(cases, pool.map(planned_power, cases), strict=True):
        rate, repeats, correlation, truth, margin, _ = case
        head = f"{rate:4} {repeats:7} {correlation:11} {-truth:5} {margin:9}"
        print(f"{head} {planned:9} {power:8.1%}   " + "  ".join(f"{number:6}" for number in pilot))


def planned_power(case):
    rate, repeats, correlation, truth, margin, runs = case
    draws = np.random.default_rng(5)

    def samples(size, runs):
        kind = Kind(size, repeats, correlation, rate, truth, runs)
        chances = conversations(draws, kind)
        new = worse(draws, chances, kind, "few") if truth else other(draws, chances, kind)
        return counted(attempts(draws, chances, kind), attempts(draws, new, kind))

    population = dict(*samples(200_000, 1))
    shares = {pair: times / 200_000 for pair, times in population.items()}  # a pilot of one, as it truly is
    planned = 1 + int(stats.needed(shares, margin).conversations)
    if truth:
        power = share(
            found.p <= ALPHA and found.interval.value < 0 for found in map(different, samples(planned, runs))
        )
    else:
        power = share(not_worse(pairs, margin) <= ALPHA for pairs in samples(planned, runs))
    pilots = [stats.needed(dict(pairs), margin).conversations for pairs in samples(50, 60)]
    totals = [10**6 if more is None else 50 + more for more in pilots]
    return planned, power, np.quantile(totals, (0.25, 0.5, 0.75)).astype(int).tolist()


if __name__ == "__main__":
    main()
