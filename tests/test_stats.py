"""Statistics of a comparison, against published figures, other implementations, and first principles."""

import itertools
import math
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from replay import stats
from replay.stats import Pair
from replay.stats._counts import changes
from replay.stats._flips import sign_flips
from replay.stats._score import score, score_interval

np = pytest.importorskip("numpy", reason="numpy is missing: pip install 'conversation-replay[compare]'")


def single(both=0, lost=0, won=0, neither=0):
    """Conversations of one attempt on each side."""
    kinds = {Pair(1, 1, 1, 1): both, Pair(1, 1, 0, 1): lost, Pair(0, 1, 1, 1): won, Pair(0, 1, 0, 1): neither}
    return Counter({pair: times for pair, times in kinds.items() if times})


def exchanged(pairs):
    return Counter({Pair(*pair[2:], *pair[:2]): times for pair, times in pairs.items()})


@st.composite
def counted(draw, least=1, attempts=4):
    """Pairs of up to 30 conversations, on either side of up to so many attempts."""
    side = st.integers(1, attempts).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))
    drawn = draw(st.lists(st.tuples(side, side, st.integers(1, 4)), min_size=least, max_size=8))
    pairs = Counter()
    for old, new, times in drawn:
        pairs[Pair(*old, *new)] += times
    return pairs


# --- intervals ---


def test_the_rate_of_single_attempts_is_the_interval_of_the_literature():
    # R. G. Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3
    for passed, total, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        found = stats.rate({(1, 1): passed, (0, 1): total - passed})
        assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(0, 300), st.integers(0, 300), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_rate_of_single_attempts_is_that_of_statsmodels(passed, failed, confidence):
    from statsmodels.stats.proportion import proportion_confint

    if passed + failed:
        wanted = proportion_confint(passed, passed + failed, 1 - confidence, "wilson")
        assert stats.rate({(1, 1): passed, (0, 1): failed}, confidence)[1:] == pytest.approx(wanted, abs=1e-7)


@pytest.mark.parametrize(
    ("lost", "won", "total", "confidence", "low", "high"),
    [
        (1, 0, 44, 0.9, -0.096, None),  # T. Tango, Statistics in Medicine 17 (1998) 891, section 6.1
        (7, 1, 21, 0.95, -0.517, -0.026),  # M. W. Fagerland et al., Statistics in Medicine 33 (2014) 2850
        (60, 20, 1000, 0.95, -0.0584, -0.0231),  # R, PropCIs::scoreci.mp
        (25, 28, 618, 0.9, -0.0148, 0.0247),  # R, PropCIs::scoreci.mp
    ],
)
def test_the_difference_of_single_attempts_is_the_interval_of_the_literature(
    lost, won, total, confidence, low, high
):
    found = stats.difference(single(total - lost - won, lost, won), confidence).interval
    assert found.value == pytest.approx((won - lost) / total)
    assert found.low == pytest.approx(low, abs=6e-5 if total > 100 else 6e-4)
    assert high is None or found.high == pytest.approx(high, abs=6e-5 if total > 100 else 6e-4)


def test_the_score_of_single_attempts_is_the_published_one():
    # T. Tango (1998), section 6.1: 44 pairs, one lost, a margin of 0.1
    assert score({0.0: 43, -1.0: 1}, -0.1, -1.0) == pytest.approx(1.709, abs=5e-4)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_the_difference_of_single_attempts_ends_where_tangos_score_is_the_quantile(lost, won, same):
    """In closed form, T. Tango (1998), equations 24 to 26."""
    total = lost + won + same
    if not total:
        return
    found = stats.difference(single(same, lost, won)).interval

    def tango(wanted):
        b = -won - lost + (2 * total - won + lost) * wanted
        likely = (math.sqrt(b * b + 8 * total * lost * wanted * (1 - wanted)) - b) / (4 * total)
        return (won - lost - total * wanted) / math.sqrt(total * (2 * likely + wanted * (1 - wanted)))

    for end, quantile in ((found.low, 1.959964), (found.high, -1.959964)):
        if -1 < end < 1:
            assert tango(end) == pytest.approx(quantile, abs=1e-4)


@given(st.integers(0, 300), st.integers(0, 300), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_closed_form_of_the_rate_is_the_score_interval(passed, failed, confidence):
    if passed + failed:
        values = {Fraction(value): times for value, times in ((1, passed), (0, failed)) if times}
        wanted = score_interval(values, confidence, 0.0, 1.0)
        assert stats.rate({(1, 1): passed, (0, 1): failed}, confidence) == pytest.approx(wanted, abs=1e-8)


def test_repeats_of_one_conversation_are_no_independent_evidence():
    apart = stats.rate({(1, 1): 100, (0, 1): 50})
    together = stats.rate({(5, 5): 20, (0, 5): 10})
    assert apart.value == together.value
    assert together == stats.rate({(1, 1): 20, (0, 1): 10})
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_an_interval_of_what_never_differed_has_a_width():
    for pair in (Pair(1, 1, 1, 1), Pair(5, 5, 5, 5), Pair(2, 5, 2, 5)):
        found = stats.difference({pair: 30}).interval
        quantile = 1.959964**2
        assert found == pytest.approx(
            (0.0, -quantile / (30 + quantile), quantile / (30 + quantile)), abs=1e-6
        )


@given(counted())
def test_intervals_hold_what_they_are_of_and_their_ends_can_be_reached(pairs):
    found, value = stats.difference(pairs).interval, float(_mean(pairs))
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert found.value == pytest.approx(value)
    assert found.low < found.high
    assert found.low <= stats.difference(pairs, 0.8).interval.low
    assert found.high >= stats.difference(pairs, 0.8).interval.high


@given(counted())
def test_exchanging_the_sides_turns_everything_around(pairs):
    there, back = stats.difference(pairs), stats.difference(exchanged(pairs))
    assert (there.interval.low, there.interval.high) == pytest.approx(
        (-back.interval.high, -back.interval.low), abs=1e-9
    )
    assert there.p == pytest.approx(back.p)
    assert there.test == back.test


@given(counted(), st.randoms())
def test_the_order_and_the_way_of_counting_do_not_matter(pairs, order):
    shuffled = list(pairs.items())
    order.shuffle(shuffled)
    assert stats.difference(dict(shuffled)) == stats.difference(pairs)
    doubled = {Pair(*(2 * part for part in pair)): times for pair, times in pairs.items()}
    assert stats.difference(doubled)[:2] == stats.difference(pairs)[:2]  # 2 of 2 is 1 of 1
    assert stats.not_worse(doubled, 0.05) == stats.not_worse(pairs, 0.05)


def _mean(pairs):
    values = changes(pairs)
    return sum(value * times for value, times in values.items()) / sum(values.values())


# --- tests of a difference ---


@given(st.integers(0, 60), st.integers(0, 60))
def test_single_attempts_are_tested_as_statsmodels_tests_them(lost, won):
    from statsmodels.stats.contingency_tables import mcnemar

    found = stats.difference(single(10, lost, won, 5))
    assert found.p == pytest.approx(mcnemar([[10, lost], [won, 5]], exact=True).pvalue, abs=1e-12)
    assert found.test == "McNemar, exact"


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=8))
def test_repeats_are_tested_as_scipy_tests_them(passes):
    from scipy.stats import permutation_test

    def statistic(old, new, axis=-1):
        return np.mean(new - old, axis=axis).round(9)

    old, new = np.array(passes).T / 3
    wanted = permutation_test((old, new), statistic, permutation_type="samples", n_resamples=np.inf)
    found = stats.difference(Counter(Pair(a, 3, b, 3) for a, b in passes))
    assert found.p == pytest.approx(wanted.pvalue)
    assert found.test == "paired sign flips, exact"


@given(counted(attempts=7))
def test_flipping_signs_is_what_trying_all_ways_gives(pairs):
    values = list(itertools.islice(Counter(changes(pairs)).elements(), 10))
    observed = abs(sum(values))
    ways = [
        abs(sum(sign * value for sign, value in zip(signs, values, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(values))
    ]
    assert sign_flips(Counter(values)) == pytest.approx(sum(way >= observed for way in ways) / len(ways))


def test_many_conversations_are_flipped_exactly_too():
    from scipy.stats import binom, norm

    lost, won = 50_300, 49_700
    assert stats.difference(single(10**6, lost, won)).p == pytest.approx(2 * binom.cdf(won, 100_000, 0.5))
    mixed = {Fraction(1, n): 1000 for n in range(2, 40)} | {Fraction(-1, n): 1100 for n in range(2, 40)}
    spread = math.sqrt(sum(value * value * times for value, times in mixed.items()))
    wanted = 2 * norm.sf(sum(Fraction(100, n) for n in range(2, 40)) / spread)
    assert sign_flips(mixed) == pytest.approx(wanted, rel=0.02)  # rounded to what a sum can tell apart


def test_the_least_p_is_that_of_all_ways():
    assert stats.difference({Pair(0, 5, 5, 5): 4}).p == pytest.approx(2**-3)
    assert 0 < stats.difference({Pair(0, 5, 5, 5): 400}).p < 1e-100


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 100))
def test_a_difference_that_mcnemars_test_finds_is_outside_the_interval(lost, won, same):
    found = stats.difference(single(same, lost, won)) if lost + won + same else None
    if found and found.p <= 0.05:
        assert not found.interval.low <= 0 <= found.interval.high


# --- non-inferiority ---


@given(st.integers(0, 50), st.integers(1, 50), st.integers(0, 50))
def test_against_no_margin_it_is_mcnemars_test_one_sided(lost, won, same):
    from scipy.stats import binom

    assert stats.not_worse(single(same, lost, won), 0.0) == pytest.approx(binom.cdf(lost, lost + won, 0.5))


@given(st.integers(0, 200), st.integers(0, 30), st.floats(0.005, 0.5))
def test_where_nothing_was_won_it_is_the_exact_binomial_test(both, lost, margin):
    from scipy.stats import binom

    if both:
        wanted = binom.cdf(lost, both + lost, margin)
        assert stats.not_worse(single(both, lost), margin) == pytest.approx(wanted, rel=1e-8, abs=1e-12)


def test_conversations_without_a_difference_follow_the_rule_of_three():
    for pair in (Pair(1, 1, 1, 1), Pair(5, 5, 5, 5), Pair(3, 5, 3, 5)):
        assert stats.not_worse({pair: 148}, 0.02) > 0.05 >= stats.not_worse({pair: 149}, 0.02)
        assert stats.at_least({pair: 100}) == pytest.approx(-0.0295, abs=5e-5)


@given(counted(attempts=5), st.floats(0.01, 0.6))
@example({Pair(4, 5, 5, 5): 1}, 0.05)
def test_it_is_the_chance_that_randomly_weighted_conversations_are_no_better(pairs, margin):
    values = Counter(changes(pairs))
    draws = np.random.default_rng(1).standard_gamma(
        [*map(float, values.values()), 1.0], (20_000, len(values) + 1)
    )
    steps = np.array([*map(float, values), -1.0]) + margin
    drawn = (draws @ steps <= 0).mean()
    found = stats.not_worse(pairs, margin)
    assert drawn == pytest.approx(found, abs=5 * math.sqrt(found * (1 - found) / 20_000) + 5 / 20_000)


@given(counted(), st.floats(0.01, 0.9), st.sampled_from([0.01, 0.05, 0.2]))
def test_the_margin_is_excluded_where_the_bound_excludes_it(pairs, margin, alpha):
    bound = stats.at_least(pairs, alpha)
    if abs(bound + margin) > 1e-6:
        assert (stats.not_worse(pairs, margin) <= alpha) == (bound > -margin)


@given(counted(), st.floats(0.01, 0.5), st.floats(0.01, 0.4))
def test_a_wider_margin_and_a_better_candidate_are_easier_to_show(pairs, margin, more):
    p = stats.not_worse(pairs, margin)
    assert 0 <= p <= 1
    assert stats.not_worse(pairs, margin + more) <= p + 1e-9
    assert stats.not_worse(pairs + Counter({Pair(0, 1, 1, 1): 1}), margin) <= p + 1e-9


# --- one side ---


def test_noise_is_what_a_target_differs_from_itself():
    draws = np.random.default_rng(3)
    chances, repeats = draws.beta(2, 1, 60), 4
    sides = draws.binomial(repeats, chances, (2, 4000, 60)) / repeats
    usual = float(np.quantile(abs(sides[0].mean(1) - sides[1].mean(1)), 0.95))
    floors = [
        stats.noise(Counter((int(passed), repeats) for passed in row)) for row in sides[0][:200] * repeats
    ]
    assert np.mean(floors) == pytest.approx(usual, rel=0.05)


def test_there_is_no_noise_of_single_attempts_and_none_where_nothing_wavers():
    assert stats.noise({(1, 1): 50, (0, 1): 3}) is None
    assert stats.noise({}) is None
    assert stats.noise({(5, 5): 50, (0, 5): 3}) == 0


@given(st.integers(1, 8), st.data())
def test_the_chances_of_k_attempts_are_those_of_drawing_k(attempts, data):
    passed, k = data.draw(st.integers(0, attempts)), data.draw(st.integers(1, attempts))
    drawn = list(itertools.combinations([True] * passed + [False] * (attempts - passed), k))
    counts = {(passed, attempts): 7, (0, k - 1): 100}
    assert stats.pass_at_k(counts, k) == pytest.approx(sum(map(any, drawn)) / len(drawn))
    assert stats.pass_all_k(counts, k) == pytest.approx(sum(map(all, drawn)) / len(drawn))


def test_the_chances_of_k_attempts_are_means_over_conversations_with_so_many():
    counts = {(2, 2): 1, (1, 2): 1, (0, 1): 2}
    assert stats.pass_at_k(counts, 1) == pytest.approx(1.5 / 4)
    assert stats.pass_at_k(counts, 2) == pytest.approx(1.0)
    assert stats.pass_all_k(counts, 2) == pytest.approx(0.5)
    assert math.isnan(stats.pass_at_k(counts, 3))
    with pytest.raises(ValueError, match="say nothing"):
        stats.pass_at_k(counts, 0)


# --- nothing, and hardly anything ---


def test_nothing_says_so():
    for pairs in ({}, {Pair(0, 0, 3, 3): 5}, {Pair(1, 1, 1, 1): 0}):
        found = stats.difference(pairs)
        assert (found.interval.low, found.interval.high, found.test) == (None, None, "none")
        assert math.isnan(found.p)
        assert math.isnan(stats.not_worse(pairs, 0.1))
        assert stats.at_least(pairs) == -1
        assert stats.needed(pairs, 0.02) == (None, None)
    assert stats.rate({}) == stats.rate({(0, 0): 9})
    assert stats.rate({}).low is None


def test_attempts_that_were_not_judged_leave_the_others_as_they_are():
    pairs = Counter({Pair(2, 3, 3, 3): 4, Pair(3, 3, 1, 3): 2})
    with_missing = pairs + Counter({Pair(0, 0, 3, 3): 7, Pair(3, 3, 0, 0): 9})
    assert stats.difference(with_missing) == stats.difference(pairs)
    assert stats.not_worse(with_missing, 0.1) == stats.not_worse(pairs, 0.1)
    assert stats.needed(with_missing, 0.1) == stats.needed(pairs, 0.1)


def test_one_conversation_says_little():
    found = stats.difference({Pair(1, 3, 3, 3): 1})
    assert found.p == 1
    assert found.interval.low < -0.1
    assert stats.not_worse({Pair(0, 3, 3, 3): 1}, 0.5) == pytest.approx(1 / 4)  # Markov's inequality
    assert stats.rate({(3, 3): 1}).low < 0.25


# --- amounts ---


def test_a_ratio_is_paired_and_of_geometric_means():
    doubled = stats.Amounts()
    for value in (100.0, 1000.0, 10.0):
        doubled.add([value], [value * 2])
    assert doubled.ratio() == pytest.approx((2.0, 2.0, 2.0))
    halved = stats.Amounts()
    halved.add([100, 400], [100, 100])
    assert halved.ratio() == (pytest.approx(0.5), None, None)
    assert stats.Amounts().ratio().low is None


@given(
    st.lists(st.tuples(st.floats(0.01, 1e6), st.floats(0.01, 1e6)), min_size=3, max_size=30),
    st.floats(0.1, 10),
)
def test_a_ratio_is_that_of_statsmodels_and_has_no_unit(values, unit):
    from statsmodels.stats.weightstats import DescrStatsW

    kept, scaled = stats.Amounts(), stats.Amounts()
    for old, new in values:
        kept.add([old], [new])
        scaled.add([old * unit], [new * unit])
    logs = DescrStatsW([math.log(new / old) for old, new in values])
    wanted = (math.exp(logs.mean), *np.exp(logs.tconfint_mean(0.05)))
    if max(wanted) < 1e300:
        assert kept.ratio() == pytest.approx(wanted, rel=1e-6)
        assert scaled.ratio() == pytest.approx(kept.ratio(), rel=1e-6)


def test_a_ratio_leaves_out_conversations_without_a_number_above_zero():
    kept = stats.Amounts()
    for old, new in (([0.0], [5.0]), ([], [5.0]), ([3.0], [math.nan]), ([2.0, 0.0], [4.0]), ([1.0], [2.0])):
        kept.add(old, new)
    assert kept.conversations == 2
    assert kept.ratio() == pytest.approx((2.0, 2.0, 2.0))
    assert (kept.baseline.count, kept.baseline.total) == (5, 6.0)


@given(st.lists(st.floats(0, 1e9) | st.just(0.0), min_size=1, max_size=200))
def test_a_sketch_knows_counts_and_ends_exactly_and_quantiles_to_a_hundredth(numbers):
    sketch = stats.Sketch()
    for number in numbers:
        sketch.add(number)
    found, ranked = sketch.spread(), sorted(numbers)
    assert (found.count, found.least, found.most) == (len(numbers), ranked[0], ranked[-1])
    assert found.total == pytest.approx(math.fsum(numbers))
    assert sum(times for _, times in found.histogram) == found.count
    for share, value in ((0.25, found.quarter), (0.5, found.median), (0.75, found.three_quarters)):
        assert value == pytest.approx(ranked[math.floor(share * (len(ranked) - 1))], rel=0.011)


def test_a_sketch_does_not_grow_with_what_it_is_told():
    sketch = stats.Sketch()
    for number in range(1, 50_001):
        sketch.add(number)
    assert len(sketch.bins) < 32 * math.log2(50_000) + 2
    assert sketch.spread().p95 == pytest.approx(47_500, rel=0.011)
    edges = [edge for edge, _ in sketch.spread().histogram]
    assert all(later / edge < 2**1.01 for edge, later in itertools.pairwise(edges))
    assert math.isnan(stats.Sketch().spread().median)


# --- families and plans ---


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_adjusts_as_statsmodels_does(p_values):
    from statsmodels.stats.multitest import multipletests

    found = stats.holm({str(place): p for place, p in enumerate(p_values)})
    assert list(found.values()) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_holm_adjusts_as_published_and_leaves_out_what_is_unknown():
    found = stats.holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": math.nan, "e": 0.005})
    assert {name: p for name, p in found.items() if name != "d"} == pytest.approx(
        {"a": 0.03, "b": 0.06, "c": 0.06, "e": 0.02}
    )
    assert list(found) == ["a", "b", "c", "d", "e"]
    assert math.isnan(found["d"])


def wavering(times=5):
    """Ten conversations that come out differently from attempt to attempt."""
    kinds = (
        Pair(4, 5, 4, 5),
        Pair(5, 5, 5, 5),
        Pair(3, 5, 4, 5),
        Pair(4, 5, 3, 5),
        Pair(2, 5, 3, 5),
        Pair(5, 5, 4, 5),
    )
    return Counter(dict.fromkeys(kinds, times))


def test_what_is_needed_grows_as_the_margin_shrinks():
    wide, narrow = stats.needed(wavering(25), 0.03), stats.needed(wavering(25), 0.025)
    assert 0 < wide.conversations < narrow.conversations
    assert 0 < wide.repeats < narrow.repeats
    assert stats.needed(wavering(), 0.5) == (0, 0)


def test_what_is_needed_where_nothing_differed_is_what_the_rule_of_three_asks():
    assert stats.needed({Pair(5, 5, 5, 5): 30}, 0.02) == (119, None)
    assert stats.needed(single(30), 0.02) == (119, None)


def test_what_is_needed_is_enough():
    seen = wavering()
    more = stats.needed(seen, 0.05)
    factor = (30 + more.conversations) / 30
    assert stats.not_worse({pair: times * factor for pair, times in seen.items()}, 0.05) < 0.05


def test_what_no_repeats_can_settle_needs_conversations():
    """What lies between conversations stays, however often each is asked."""
    found = stats.needed({Pair(5, 5, 0, 5): 5, Pair(0, 5, 5, 5): 5, Pair(5, 5, 4, 5): 10}, 0.1)
    assert found.repeats is None
    assert found.conversations > 0


def test_a_candidate_that_seems_worse_needs_what_shows_it_to_be_worse():
    found = stats.needed(single(50, 6, 0, 4), 0.02)
    assert 0 < found.conversations < 100
    assert stats.needed(single(50, 60, 0, 4), 0.02).conversations == 0


# --- looking while it comes in ---


def test_bets_against_what_is_true_do_not_pay():
    draws = np.random.default_rng(7)
    ruined = 0
    for _ in range(400):
        bet = stats.Betting(0.0, alpha=0.05)
        for change in draws.choice([-1.0, 0.0, 1.0], size=120, p=[0.15, 0.7, 0.15]):
            bet.add(float(change))
        ruined += bet.decided
    assert ruined <= 400 * 0.05 + 3 * math.sqrt(400 * 0.05 * 0.95)


def test_a_bet_is_fair_under_what_it_is_against():
    """Its expectation is at most 1 at any time: here over all ways in which six conversations come out."""
    ways = itertools.product((-1.0, 0.0, 0.5), repeat=6)
    chances = {-1.0: 0.3, 0.0: 0.2, 0.5: 0.5}  # a mean of -0.05
    expected = 0.0
    for way in ways:
        bet = stats.Betting(-0.05)
        for change in way:
            bet.add(change)
        expected += bet.capital * math.prod(chances[change] for change in way)
    assert expected == pytest.approx(1.0)


@given(st.lists(st.sampled_from([-1.0, -0.4, 0.0, 0.2, 1.0]), max_size=40), st.randoms())
def test_a_bet_does_not_depend_on_the_order_and_its_p_never_rises(changes_seen, order):
    bet, shuffled = stats.Betting(-0.05), stats.Betting(-0.05)
    before = 1.0
    for change in changes_seen:
        bet.add(change)
        assert bet.p <= min(before, 1 / bet.capital) + 1e-12
        before = bet.p
    order.shuffle(changes_seen)
    for change in changes_seen:
        shuffled.add(change)
    assert shuffled.capital == pytest.approx(bet.capital)


def test_bets_against_what_is_false_pay():
    bet = stats.Betting(-0.02, alpha=0.05)
    for _ in range(230):
        bet.add(0.0)
    assert bet.decided
    assert bet.p < 0.05
    for _ in range(50):
        bet.add(-1.0)
    assert bet.decided
    with pytest.raises(ValueError, match="cannot be excluded"):
        stats.Betting(1.0)
