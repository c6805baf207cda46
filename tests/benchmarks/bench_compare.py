"""Decisions of `replay compare` on simulated conversations, and what the analysis of large runs takes.

python tests/benchmarks/bench_compare.py [--runs N] [--sizes N ...]

Each run draws conversations with pass probabilities of their own (beta-binomial), two assertions and OVERALL,
and decides as the verb does. Marked is what is wrong in more than 5 % and two standard errors: `do not
switch` where nothing differs, `switch` where the candidate is worse by the margin. Then runs of several sizes
are written and analysed, each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from replay.compare._decide import decided
from replay.compare._judge import judged
from replay.compare._question import Question
from replay.compare._tally import Tally
from replay.comparison import OVERALL
from replay.stats import Pair

MARGIN = 0.05
SIZES, REPEATS = (50, 200, 800), (1, 3)
TRUTHS = {
    "the same": 0.0,
    "worse by the margin": -MARGIN,
    "worse by 3 margins": -3 * MARGIN,
    "better": MARGIN,
}


def draw(dice, size, repeats, change, mean=0.9, rho=0.4):
    """The pairs of one simulated comparison: OVERALL, and the two assertions it is made of."""
    weight = 1 / rho - 1
    pairs = {name: Counter() for name in (OVERALL, "a", "b")}
    for _ in range(size):
        p = dice.betavariate(mean * weight, (1 - mean) * weight)
        q = min(max(p + change, 0.0), 1.0)
        sides = [[dice.random() < p for _ in range(repeats)], [dice.random() < q for _ in range(repeats)]]
        first = [[one or dice.random() < 0.5 for one in side] for side in sides]  # which of the two failed
        second = [
            [one or not a for one, a in zip(*both, strict=True)] for both in zip(sides, first, strict=True)
        ]
        for name, (old, new) in ((OVERALL, sides), ("a", first), ("b", second)):
            pairs[name][Pair(sum(old), repeats, sum(new), repeats)] += 1
    return pairs


def shift(dice, change, mean=0.9, rho=0.4, draws=20_000):
    """The change of every probability that changes their mean by so much: probabilities end at 0 and 1."""
    weight = 1 / rho - 1
    probabilities = [dice.betavariate(mean * weight, (1 - mean) * weight) for _ in range(draws)]
    low, high = -1.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        got = sum(min(max(p + middle, 0.0), 1.0) - p for p in probabilities) / draws
        low, high = (middle, high) if got < change else (low, middle)
    return low


def decisions(dice, size, repeats, change, runs):
    question = Question("old", ("new",), repeats, MARGIN)
    found = Counter()
    for _ in range(runs):
        tally = Tally("old", "new", draw(dice, size, repeats, change))
        found[decided(judged(tally, question), question)[0]] += 1
    return found


def simulate(runs):
    print(
        f"margin {MARGIN}, {runs} runs a line, standard error of a share at most {0.5 / math.sqrt(runs):.3f}"
    )
    print(f"{'truth':24}{'conversations':>14}{'repeats':>8}{'switch':>9}{'not':>7}{'undecided':>11}")
    for truth, change in TRUTHS.items():
        dice = random.Random(truth)
        moved = shift(dice, change) if change else 0.0
        for size in SIZES:
            for repeats in REPEATS:
                found = decisions(dice, size, repeats, moved, runs)
                shares = [found[name] / runs for name in ("switch", "do not switch", "undecided")]
                wrong = {"the same": shares[1], "better": shares[1], "worse by the margin": shares[0]}
                mark = " !" if wrong.get(truth, shares[0]) > 0.05 + 2 * math.sqrt(0.05 * 0.95 / runs) else ""
                print(
                    f"{truth:24}{size:14}{repeats:8}{shares[0]:9.3f}{shares[1]:7.3f}{shares[2]:11.3f}{mark}"
                )


def write(path, size):
    """Write the run of a comparison of so many conversations, three attempts each."""
    asked = [{"role": "user", "content": "Well? " * 50}]
    question = Question("old", ("new",), 3).to_json()
    dice = random.Random(size)
    with path.open("w") as out:
        out.write(json.dumps({"replay": 1, "mode": "none", "compare": question}) + "\n")
        for number in range(size):
            for target in ("new", "old"):
                for attempt in (1, 2, 3):
                    out.write(line(f"c{number:07}", target, attempt, dice.random() < 0.9, asked) + "\n")


def line(conversation, target, attempt, passed, asked):
    reply = {
        "message": {"role": "assistant", "content": str(passed) * 40},
        "finish_reason": "stop",
        "model": target,
    }
    usage = {"prompt_tokens": 100, "completion_tokens": 40, "total_tokens": 140}
    turn = {"request": {"model": "m", "same": 1, "messages": [], "tools": [], "params": {}}}
    turn |= {"reply": reply | {"usage": usage}, "timing": {"total_ms": 500.0 + attempt}}
    told = {"name": target, "provider": "openai", "model": "m"}
    transcript = {"conversation": {"name": conversation, "messages": asked}, "target": told, "turns": [turn]}
    verdict = {"assertion": "contains", "status": "passed" if passed else "failed", "kind": "missing"}
    case = {"id": f"{conversation}[{target}]#{attempt}", "suite": "s", "attempt": attempt, "tags": []}
    outcome = verdict["status"]
    return json.dumps(
        {"case": case, "outcome": outcome, "cost": 0.01, "verdicts": [verdict], "transcript": transcript}
    )


def analyse(size):
    """Analyse one run in this process, and print what it took."""
    from replay.compare import compare

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.jsonl"
        write(path, size)
        base, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        compare(path)
        spent = time.process_time() - begun
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        megabytes = path.stat().st_size / 2**20
    each, more = 1e6 * spent / size / 6, (peak - base) / 1024
    took = f"{spent:7.2f} s cpu, {each:6.1f} us a result, +{more:.0f} MiB"
    print(f"{size:8} conversations, {megabytes:7.0f} MiB: {took}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--sizes", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--only", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        analyse(options.only)
        return
    simulate(options.runs)
    for size in options.sizes:
        subprocess.run([sys.executable, __file__, "--only", str(size)], check=True)


if __name__ == "__main__":
    main()
