"""How many of k attempts pass: at least one, or all."""

from __future__ import annotations

from math import comb


def pass_at_k(passed: int, attempts: int, k: int) -> float:
    """Return the unbiased estimate of the chance that at least one of `k` attempts passes.

    M. Chen et al., Evaluating Large Language Models Trained on Code, arXiv:2107.03374 (2021), section 2.1.
    Raises ValueError where there are fewer than `k` attempts.
    """
    _check(passed, attempts, k)
    return 1 - comb(attempts - passed, k) / comb(attempts, k)


def pass_all_k(passed: int, attempts: int, k: int) -> float:
    """Return the unbiased estimate of the chance that all of `k` attempts pass (pass^k).

    S. Yao et al., tau-bench, arXiv:2406.12045 (2024), section 2.2. Raises ValueError as `pass_at_k`.
    """
    _check(passed, attempts, k)
    return comb(passed, k) / comb(attempts, k)


def _check(passed: int, attempts: int, k: int) -> None:
    if not 1 <= k <= attempts or not 0 <= passed <= attempts:
        raise ValueError(f"{passed} of {attempts} attempts say nothing about {k}")
