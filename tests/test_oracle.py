"""The oracle: sequential tests that keep their errors, answers that are kept, failures by identity."""

from __future__ import annotations

import multiprocessing
import random
from collections import defaultdict

import pytest
from failing import Failing, typed
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta as beta_distribution

from replay.conversation import Conversation, Message
from replay.errors import BadInput
from replay.oracle import Answer, Decider, Ended, Failure, Probe, Remembered, Store, measured
from replay.stats import Wald, at_least_chance, at_most_chance
from replay.suites import Entry
from replay.turn import Target

FAILED = Answer((("contains", "missing", "expected Yes"),))
CHANCES = st.floats(0.02, 0.9)
ERRORS = st.floats(0.001, 0.3)


def probe(text="Hello", target="t"):
    return Probe(
        Conversation("c", (Message("user", text),)), Target(target, "openai", target), Entry("c", (target,))
    )


class Flaky:
    """An oracle that fails with a chance, which may hang on the text; the same attempt is always the same."""

    once = False

    def __init__(self, chance, seed=0):
        self.chance, self.seed, self.asked = chance, seed, []

    def key(self, probe):
        return probe.key

    def ask(self, probe, attempts):
        self.asked += attempts
        chance = self.chance(probe.conversation.messages[0].text)
        dice = (random.Random(f"{self.seed} {probe.key} {number}").random() for number in attempts)
        return [FAILED if one < chance else Answer() for one in dice]


# -- sequential tests --------------------------------------------------------------------------------------


def wrong(wald, chance, said, alpha, beta, tries=400):
    """The exact chance that the test says `said` within so many tries, where it happens with this chance."""
    open_, total = {(0, 0): 1.0}, 0.0
    for _ in range(tries):
        after = defaultdict(float)
        for (happened, missed), weight in open_.items():
            after[happened + 1, missed] += weight * chance
            after[happened, missed + 1] += weight * (1 - chance)
        decided = {place: wald.decide(*place, alpha, beta) for place in after}
        total += sum(weight for place, weight in after.items() if decided[place] is said)
        open_ = {
            place: weight for place, weight in after.items() if decided[place] is None and weight > 1e-12
        }
    return total


@pytest.mark.parametrize(("low", "high"), [(0.05, 0.5), (0.02, 0.2), (0.3, 0.6), (0.08, 0.85)])
@pytest.mark.parametrize(("alpha", "beta"), [(0.05, 0.05), (0.001, 0.1)])
def test_neither_error_is_larger_than_promised(low, high, alpha, beta):
    wald = Wald(low, high)
    assert 0 < wrong(wald, low, True, alpha, beta) <= alpha
    assert 0 < wrong(wald, high, False, alpha, beta) <= beta
    assert wrong(wald, low / 2, True, alpha, beta) <= alpha


@given(CHANCES, ERRORS, ERRORS, st.integers(0, 20), st.integers(0, 20))
def test_no_fewer_tries_than_needed_would_decide(high, alpha, beta, happened, missed):
    wald = Wald(high / 10, high)
    if wald.decide(happened, missed, alpha, beta) is not None:
        return
    needed = wald.needed(happened, missed, alpha, beta)
    for more in range(1, needed):
        for hits in range(more + 1):
            assert wald.decide(happened + hits, missed + more - hits, alpha, beta) is None


@given(st.integers(1, 60), st.data(), ERRORS)
def test_the_bounds_of_a_chance_are_the_exact_ones(times, data, error):
    happened = data.draw(st.integers(0, times))
    low = beta_distribution.ppf(error, happened, times - happened + 1) if happened else 0.0
    high = beta_distribution.ppf(1 - error, happened + 1, times - happened) if happened < times else 1.0
    assert at_least_chance(happened, times, error) == pytest.approx(low, abs=1e-6)
    assert at_most_chance(happened, times, error) == pytest.approx(high, abs=1e-6)


def test_a_decision_stays_and_costs_nothing_again():
    oracle = Flaky(lambda text: 1.0 if "bad" in text else 0.0)
    decider = Decider(oracle, Failure("contains"), Wald(0.05, 0.5), 0.04)
    assert decider.fails(probe("bad"))
    assert not decider.fails(probe("good"))
    asked = len(oracle.asked)
    assert decider.fails(probe("bad"))
    assert len(oracle.asked) == asked
    assert decider.tests == 2


def test_a_last_look_asks_only_what_is_missing():
    oracle = Flaky(lambda _: 0.0)
    decider = Decider(oracle, Failure("contains"), Wald(0.05, 0.5), 0.04)
    decider.fails(probe())
    loose = len(oracle.asked)
    assert not decider.fails(probe(), decider.beta(10))
    assert oracle.asked == list(range(1, len(oracle.asked) + 1))
    assert len(oracle.asked) > loose


def test_errors_over_many_decisions_stay_within_their_bound():
    lost = 0
    for seed in range(300):
        oracle = Flaky(lambda _: 0.05, seed)  # exactly what counts as gone
        decider = Decider(oracle, Failure("contains"), Wald(0.05, 0.5), 0.1)
        lost += any(decider.fails(probe(f"{seed} {number}")) for number in range(20))
    assert lost <= 0.05 * 300  # half the error; what is expected is about a third of that


@pytest.mark.parametrize(("chance", "times"), [(1.0, (20,)), (0.0, (20,)), (0.5, (40, 80))])
def test_a_rate_is_measured_as_long_as_it_takes(chance, times):
    found = measured(Flaky(lambda _: chance, 3), probe(), Failure("contains"), 0.01)
    assert found.times in times
    assert found.least <= chance


# -- what is kept ------------------------------------------------------------------------------------------


def test_answers_outlive_the_process_and_are_not_asked_again(tmp_path):
    oracle = Flaky(lambda _: 0.5)
    first = Remembered(oracle, Store(tmp_path)).ask(probe(), range(1, 9))
    again = Remembered(oracle, Store(tmp_path))
    assert again.ask(probe(), range(1, 11))[:8] == first
    assert oracle.asked == list(range(1, 11))
    assert (again.asked, again.known) == (2, 8)


def test_a_cap_lets_through_what_it_allows_and_keeps_that(tmp_path):
    oracle = Flaky(lambda _: 1.0)
    with pytest.raises(Ended, match="all 3 probes are asked; raise --max-probes"):
        Remembered(oracle, Store(tmp_path), 3).ask(probe(), range(1, 6))
    assert oracle.asked == [1, 2, 3]
    assert Remembered(oracle, Store(tmp_path), 2).ask(probe(), range(1, 6)) == [FAILED] * 5
    assert oracle.asked == [1, 2, 3, 4, 5]


def put_many(folder, number):
    store = Store(folder)
    for attempt in range(50):
        store.put(f"probe{number}", attempt, FAILED)


def test_processes_share_what_is_kept(tmp_path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=put_many, args=(tmp_path, number)) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    store = Store(tmp_path)
    assert all(store.get(f"probe{number}", attempt) == FAILED for number in range(3) for attempt in range(50))


def test_what_is_kept_is_not_committed(tmp_path):
    Store(tmp_path)
    assert (tmp_path / ".replay/.gitignore").read_text() == "*\n"


# -- what is asked -----------------------------------------------------------------------------------------


def test_only_what_is_asked_makes_another_probe():
    one = probe()
    assert one.key == probe().key
    assert one.key != probe("Hello!").key
    assert one.key != probe(target="u").key
    tagged = Conversation("other", one.conversation.messages, tags=("x",), source={"id": "1"})
    assert one.of(tagged).key == one.key
    priced = Probe(one.conversation, Target("x", "openai", "t", {"price": {}, "limits": {}}), one.entry)
    assert priced.key == one.key
    warm = Conversation("c", one.conversation.messages, params={"temperature": 1})
    assert one.of(warm).key != one.key


def test_a_changed_function_is_another_judge(tmp_path):
    from replay.assertions import build

    judged = Probe(
        probe().conversation,
        probe().target,
        Entry("c", ("t",), assertions=(build("python", "checks.py:polite"),)),
    )
    (tmp_path / "checks.py").write_text("def polite(t): return True")
    before = judged.judged(tmp_path)
    assert judged.judged(tmp_path) == before
    (tmp_path / "checks.py").write_text("def polite(t): return False")
    assert judged.judged(tmp_path) != before


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("failing-assertion", True),
        ("contains", True),
        ("contains: missing", True),
        ("contains: other", False),
    ],
)
def test_a_failure_is_meant_by_its_assertion_and_its_kind(text, fits):
    assert (Failure.parse(text).of(FAILED) is not None) is fits


def test_an_assertion_that_is_not_there_is_named_with_the_nearest():
    with pytest.raises(BadInput, match='"contain" names no assertion; did you mean "contains"'):
        Failure.parse("contain")


# -- a target ----------------------------------------------------------------------------------------------


def test_attempts_are_sent_side_by_side_within_the_limits(sandbox):
    with Failing(lambda _: True, takes=0.05) as server:
        limits = "{concurrency = 2}"
        sandbox.write({"replay.toml": server.toml("bot", limits=limits)})
        sandbox.write({"fixtures/conversations/hi.yaml": "messages: [{role: user, content: Hi}]\n"})
        options = ("--assert", "contains: 'Yes'", "--no-try", "--repeats", "8")
        assert typed("reproduce", "hi", *options).ret == 0
        assert server.most == 2


def test_a_missing_key_is_said_before_anything_is_sent(sandbox, monkeypatch):
    monkeypatch.delenv("BOT_KEY", raising=False)
    with Failing(lambda _: True) as server:
        sandbox.write({"replay.toml": server.toml("bot", api_key_env='"BOT_KEY"')})
        sandbox.write({"fixtures/conversations/hi.yaml": "messages: [{role: user, content: Hi}]\n"})
        for verb in ("minimise", "reproduce"):
            result = typed(verb, "hi")
            assert result.ret == 4
            result.stderr.fnmatch_lines(["*set BOT_KEY*"])
        assert not server.requests


def test_an_assertion_that_cannot_be_read_is_refused(sandbox):
    with Failing(lambda _: True) as server:
        sandbox.write({"replay.toml": server.toml("bot")})
        sandbox.write({"fixtures/conversations/hi.yaml": "messages: [{role: user, content: Hi}]\n"})
        for text, said in (
            ("contain: x", 'did you mean "contains"'),
            ("[1, 2]", "is no assertion"),
            ("a: [", ""),
        ):
            result = typed("minimise", "hi", "--assert", text)
            assert result.ret == 4
            assert said in str(result.stderr)
        assert not server.requests
