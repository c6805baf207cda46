"""Statistics of a comparison, against published figures, other implementations, and first principles."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay import stats

pytest.importorskip("scipy", reason="scipy is missing: pip install 'conversation-replay[compare]'")


def test_wilson_is_the_interval_of_the_literature():
    # R. G. Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3
    for passed, total, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        found = stats.wilson(passed, total)
        assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_mcnemar_is_the_exact_binomial_test():
    from scipy.stats import binomtest

    for lost, won in ((0, 0), (0, 6), (3, 9), (12, 12), (7, 1)):
        wanted = binomtest(lost, lost + won).pvalue if lost + won else 1.0
        assert stats.mcnemar(lost, won) == pytest.approx(wanted)


@pytest.mark.parametrize(("lost", "won", "total"), [(0, 12, 50), (3, 9, 40), (5, 5, 30), (8, 1, 200)])
def test_the_ends_of_a_paired_difference_are_where_its_score_is_the_quantile(lost, won, total):
    """T. Tango, Statistics in Medicine 17 (1998) 891, with the likelihood maximised by trying."""
    same = total - lost - won
    found = stats.difference(*pairs(both=same, lost=lost, won=won, neither=0)).interval
    assert found.value == pytest.approx((won - lost) / total)
    for end, quantile in ((found.low, 1.959964), (found.high, -1.959964)):
        lost_rate = likeliest(lost, won, same, end)
        score = (won - lost - total * end) / math.sqrt(total * (2 * lost_rate + end - end * end))
        assert score == pytest.approx(quantile, abs=0.02)


def likeliest(lost, won, same, wanted):
    """The rate of losses under which the data is likeliest, if wins are more frequent by `wanted`."""
    tries = (max(-wanted, 0) + (1 - abs(wanted)) / 2 * step / 20_000 for step in range(1, 20_000))

    def likelihood(rate):
        return (
            won * math.log(rate + wanted)
            + (lost * math.log(rate) if lost else 0)
            + same * math.log(1 - 2 * rate - wanted)
        )

    return max(tries, key=likelihood)


def pairs(both, lost, won, neither):
    kinds = [(1, 1)] * both + [(1, 0)] * lost + [(0, 1)] * won + [(0, 0)] * neither
    return [[old] for old, _ in kinds], [[new] for _, new in kinds]


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=9))
def test_flipping_signs_is_what_trying_all_ways_gives(changes):
    observed = abs(sum(changes))
    ways = [
        abs(sum(sign * change for sign, change in zip(signs, changes, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(changes))
    ]
    exact = sum(way >= observed - 1e-9 for way in ways) / len(ways)
    assert stats.sign_flip(changes) == pytest.approx(exact)


def test_many_flips_are_drawn_the_same_by_the_same_seed():
    changes = [0.2, -0.2, 0.4] * 20
    assert stats.sign_flip(changes, seed=1) == stats.sign_flip(changes, seed=1)
    assert stats.sign_flip(changes, seed=1) == pytest.approx(stats.sign_flip(changes, seed=2), abs=0.01)
    assert stats.sign_flip([1.0] * 40) == pytest.approx(1 / 20_001)


def test_repeats_of_one_conversation_are_no_independent_evidence():
    apart = stats.rate([[1], [0], [1], [1], [0], [1]] * 5)
    together = stats.rate([[1] * 5, [0] * 5, [1] * 5, [1] * 5, [0] * 5, [1] * 5])
    assert apart.value == together.value
    assert together.high - together.low > 1.5 * (apart.high - apart.low)


def test_nothing_and_too_little_say_so():
    assert stats.rate([]).low is None
    assert stats.difference([], []).test == "none"
    assert stats.difference([[1, 0]], [[1, 1]]).interval.low is None
    assert stats.ratio([[0]], [[5]]).low is None
    assert stats.needed([[1]], [[1]], 0.02) == (None, None)


def test_a_ratio_is_paired_and_of_geometric_means():
    old = [[100.0], [1000.0], [10.0]]
    found = stats.ratio(old, [[value * 2 for value in cluster] for cluster in old])
    assert found == pytest.approx((2.0, 2.0, 2.0))
    assert stats.ratio([[100, 400]], [[100, 100]]).value == pytest.approx(0.5)


@given(st.integers(1, 8), st.data())
def test_the_chances_of_k_attempts_are_those_of_drawing_k(attempts, data):
    passed, k = data.draw(st.integers(0, attempts)), data.draw(st.integers(1, attempts))
    drawn = list(itertools.combinations([True] * passed + [False] * (attempts - passed), k))
    assert stats.pass_at_k(passed, attempts, k) == pytest.approx(sum(map(any, drawn)) / len(drawn))
    assert stats.pass_all_k(passed, attempts, k) == pytest.approx(sum(map(all, drawn)) / len(drawn))
    with pytest.raises(ValueError, match="say nothing"):
        stats.pass_at_k(passed, attempts, attempts + 1)


def test_holm_adjusts_as_published():
    found = stats.holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": math.nan, "e": 0.005})
    assert {name: p for name, p in found.items() if name != "d"} == pytest.approx(
        {"a": 0.03, "b": 0.06, "c": 0.06, "e": 0.02}
    )
    assert list(found) == ["a", "b", "c", "d", "e"]
    assert math.isnan(found["d"])


def test_what_is_needed_grows_as_the_margin_shrinks():
    old = [[1, 1, 0, 1, 1], [1, 1, 1, 1, 1], [0, 1, 0, 1, 1], [1, 0, 1, 1, 1]] * 5
    new = [[1, 0, 1, 1, 1], [1, 1, 1, 1, 1], [1, 0, 0, 1, 1], [1, 1, 1, 0, 1]] * 5
    wide, narrow = stats.needed(old, new, 0.1), stats.needed(old, new, 0.02)
    assert wide.conversations < narrow.conversations
    assert stats.needed(old, old, 0.5).conversations == 0


def test_bets_against_what_is_true_do_not_pay():
    import numpy as np

    draws = np.random.default_rng(7)
    ruined = 0
    for _ in range(400):
        bet = stats.Betting(0.0, alpha=0.05)
        for change in draws.choice([-1.0, 0.0, 1.0], size=120, p=[0.15, 0.7, 0.15]):
            bet.add(float(change))
            if bet.decided:
                ruined += 1
                break
    assert ruined <= 400 * 0.05 + 3 * math.sqrt(400 * 0.05 * 0.95)


def test_bets_against_what_is_false_pay():
    bet = stats.Betting(-0.05, alpha=0.05)
    for _ in range(200):
        bet.add(0.0)
    assert bet.decided
    assert bet.p < 0.05
    with pytest.raises(ValueError, match="cannot be excluded"):
        stats.Betting(1.0)
