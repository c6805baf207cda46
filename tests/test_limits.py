"""What a call has to pass before it is sent: rates by a clock of the test's own, tickets by real threads."""

import sys
import threading
import time
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replay import limits
from replay.config import Project
from replay.conversation import Message, Tool
from replay.errors import BadInput, ProviderFailure
from replay.limits import Budget, Desk, estimate
from replay.limits._estimate import _tokenizer
from replay.limits._rates import Rates
from replay.run import Case
from replay.turn import ApiError, Reply, Request, Target, Turn, Usage

PRICE = {"prompt": 1.0, "completion": 2.0}
ASKED = Request("m", (Message("user", "Where is my refund, please?"),), params={"max_tokens": 100})


def target(name="t", **settings):
    return Target(name, "openai", "m", settings)


def desk(budget=None, minute=61, **rates):
    return Desk({"t": target(limits=rates, price=PRICE)}, budget or Budget(), minute=minute)


def answered(prompt=10, completion=5):
    return Turn(ASKED, Reply(Message("assistant", "x"), usage=Usage(prompt, completion)))


# rates


@contextmanager
def clock(monkeypatch):
    """A clock that only the test moves."""
    now = SimpleNamespace(time=1_000_000.0)
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: now.time)
        yield now


def send(rates, now, amounts):
    """Send calls that need so many tokens as soon as each may go; return (time, tokens) of each."""
    sent = []
    for tokens in amounts:
        while wait := rates.take(tokens):
            now.time += wait
        sent.append((now.time, tokens))
        rates.answered(tokens, tokens)
    return sent


def most(sent, seconds):
    return max(sum(n for at, n in sent if start <= at < start + seconds) for start, _ in sent)


@pytest.mark.parametrize("rate", [1, 7, 45, 60, 300])
def test_no_minute_holds_more_requests_than_allowed_and_they_are_spread(rate, monkeypatch):
    with clock(monkeypatch) as now:
        sent = [(at, 1) for at, _ in send(Rates({"requests_per_minute": rate}), now, [1] * (3 * rate))]
    assert most(sent, 60) <= rate
    assert most(sent, 1) <= max(rate / 60 + 1, 1)  # a minute's worth does not go out in its first second
    assert sent[-1][0] - sent[0][0] <= 3 * 61 + 1  # and it does not wait for longer than it must


@settings(max_examples=25)
@given(
    st.integers(10, 200_000),
    st.lists(st.floats(0.0, 0.4), min_size=1, max_size=60),
)
def test_no_minute_holds_more_tokens_than_allowed(rate, shares):
    with pytest.MonkeyPatch.context() as patch, clock(patch) as now:
        sent = send(Rates({"tokens_per_minute": rate}), now, [int(rate * share) for share in shares])
    assert most(sent, 60) <= rate


def test_tokens_count_as_estimated_while_in_flight_and_as_used_then(monkeypatch):
    with clock(monkeypatch):
        rates = Rates({"tokens_per_minute": 1000})
        assert rates.take(900) == 0
        assert rates.take(200) > 0
        rates.answered(900, 100)
        assert rates.take(200) == 0


def test_a_call_that_needs_more_than_a_minutes_worth_goes_alone(monkeypatch):
    with clock(monkeypatch):
        rates = Rates({"tokens_per_minute": 1000})
        assert rates.take(5000) == 0
        assert rates.take(1) > 0
        rates.answered(5000, 5000)
        assert rates.take(1) > 0


# tickets


def started(*calls):
    threads = [threading.Thread(target=call, daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    return threads


def until(true):
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.005)


def test_calls_at_once_are_limited_and_what_waits_goes_by_priority():
    held, order = desk(concurrency=1), []

    def call(name, priority):
        ticket = held.acquire("t", 1, 1, priority)
        order.append(name)
        held.release(ticket, 1, 0.0)

    first = held.acquire("t", 1, 1)
    for number, (name, priority) in enumerate((("low", -1), ("normal", 0), ("later", 0), ("high", 1)), 1):
        started(partial(call, name, priority))
        until(lambda number=number: held.state().waiting["t"] == number)
    assert (held.state().running, held.state().waiting) == ({"t": 1}, {"t": 4})
    held.release(first)
    until(lambda: len(order) == 4)
    assert order == ["high", "normal", "later", "low"]
    assert held.state().running == {"t": 0}


def test_a_desk_that_closes_waits_for_what_is_under_way_and_lets_nothing_more_through():
    held, refused, came = desk(concurrency=1), [], []
    first = held.acquire("t", 1, 1)

    def call():
        try:
            held.acquire("t", 1, 1)
        except ProviderFailure as problem:
            refused.append(str(problem))

    for _ in range(3):
        started(call)
    until(lambda: held.state().waiting["t"] == 3)
    assert not held.close(0.01)
    until(lambda: len(refused) == 3)
    started(lambda: came.append(held.close(30)))
    held.release(first)
    until(lambda: came == [True])
    call()
    assert refused == ["not sent: the run was interrupted"] * 4


def test_a_full_queue_sheds_the_least_important_first_and_says_so():
    held, shed, got = desk(concurrency=1, queue=2), [], []

    def call(name, priority):
        try:
            got.append((name, held.acquire("t", 1, 1, priority)))
        except ProviderFailure as problem:
            shed.append((name, str(problem)))

    first = held.acquire("t", 1, 1)
    for number, (name, priority) in enumerate((("low", -1), ("normal", 0), ("high", 1), ("lowest", -2)), 1):
        started(partial(call, name, priority))
        until(lambda number=number: held.state().waiting["t"] + len(shed) == number)
    assert [name for name, _ in shed] == ["low", "lowest"]
    assert shed[0][1] == "not sent: shed, 2 calls of t that are more important wait"
    held.release(first)
    until(lambda: got)
    assert got[0][0] == "high"


def test_repeats_come_after_first_attempts_and_tags_before_both():
    def priority(attempt=1, *tags):
        return limits.priority_of(Case("c", "t", attempt, "s", tags))

    ordered = [
        priority(1, "priority:high"),
        priority(2, "priority:high"),
        priority(1, "other"),
        priority(2),
        priority(1, "priority:low"),
    ]
    assert ordered == sorted(ordered, reverse=True)
    assert len(set(ordered)) == 5


def test_a_target_that_says_when_to_come_back_is_left_alone_until_then():
    held = desk()
    held.release(held.acquire("t", 1, 1), 0, 0.0, hold=0.2)
    before = time.monotonic()
    held.acquire("t", 1, 1)
    assert time.monotonic() - before >= 0.19
    held.release(held.acquire("t", 1, 1), 0, 0.0, hold=3600)  # nobody waits for that long
    held.acquire("t", 1, 1)
    assert time.monotonic() - before < 10


def test_targets_that_are_one_model_at_one_account_share_its_limits():
    one, same = target("a", limits={"concurrency": 1}), target("b", limits={"concurrency": 1}, price=PRICE)
    other = target("c", limits={"concurrency": 1}, api_key_env="OTHER")
    held = Desk({"a": one, "b": same, "c": other}, Budget())
    held.acquire("a", 1, 1)
    held.acquire("c", 1, 1)
    started(lambda: held.acquire("b", 1, 1))
    until(lambda: held.state().waiting["b"])
    assert held.state().running == {"a": 1, "b": 0, "c": 1}


def test_rates_are_held_by_the_desk():
    held, times = desk(requests_per_minute=2, minute=1), []
    for _ in range(5):
        held.release(held.acquire("t", 1, 1), 1, 0.0)
        times.append(time.monotonic())
    assert times[4] - times[0] >= 1.9  # two a (short) minute


# budget


def test_a_call_that_the_budget_has_no_room_for_is_refused():
    held = desk(Budget(max_tokens=100))
    held.release(held.acquire("t", 30, 30), 80, 0.0)
    with pytest.raises(ProviderFailure) as caught:
        held.acquire("t", 10, 20)
    assert str(caught.value) == (
        "not sent: the budget has no room for this call (80 of 100 tokens are spent, it may need 30); "
        "raise --max-tokens"
    )
    held.acquire("t", 10, 10)
    assert held.state().tokens == 80


def test_a_cost_is_held_while_a_call_is_under_way_and_then_what_it_was():
    budget = Budget(max_cost=1.0)
    held = desk(budget)
    ticket = held.acquire("t", 200_000, 300_000)  # $0.80
    waits = started(lambda: held.acquire("t", 100_000, 100_000))[0]  # $0.30: not beside the first
    until(lambda: held.state().waiting["t"])
    held.release(ticket, 1000, 0.1)
    waits.join(5)
    assert held.state() == ({"t": 1}, {"t": 0}, 0.1, 1000)
    with pytest.raises(
        ProviderFailure, match=r"\$0\.1 of \$1 are spent, it may cost \$1; raise|raise --max-cost"
    ):
        held.acquire("t", 500_000, 250_000)


def test_what_is_not_told_cost_what_was_estimated():
    held = desk(Budget())
    held.release(held.acquire("t", 1_000_000, 500_000))
    assert (held.state().cost, held.state().tokens) == (2.0, 1_500_000)


def test_under_concurrency_no_more_is_spent_than_estimates_fall_short():
    budget, spent = Budget(max_tokens=1000), []
    held = desk(budget, concurrency=8)

    def work():
        while True:
            try:
                ticket = held.acquire("t", 20, 10)
            except ProviderFailure:
                return
            time.sleep(0.001)
            spent.append(33)  # three more than estimated
            held.release(ticket, 33, 0.0)

    for thread in started(*[work] * 8):
        thread.join(20)
    assert 1000 - 30 <= sum(spent) <= 1000 + 8 * 3
    assert budget.held_tokens == 0


def test_a_ticket_counts_once():
    held = desk(Budget())
    ticket = held.acquire("t", 1, 1)
    held.release(ticket, 7, 0.0)
    held.release(ticket, 7, 0.0)
    assert held.state() == ({"t": 0}, {"t": 0}, 0.0, 7)


def test_a_cost_that_cannot_be_known_is_refused_before_anything_is_sent(tmp_path):
    project = Project(tmp_path, {"dear": target("dear"), "priced": target("priced", price=PRICE)})
    with pytest.raises(BadInput, match="--max-cost cannot be kept: no price is known for dear\n"):
        limits.gate(project, Budget(max_cost=1.0), ["dear", "priced"])
    limits.gate(project, Budget(max_cost=1.0), ["priced"])
    limits.gate(project, Budget(max_tokens=1), ["dear"])
    unannounced = limits.gate(project, Budget(max_cost=1.0)).desk
    with pytest.raises(ProviderFailure, match="no price is known for dear"):
        unannounced.acquire("dear", 1, 1)


# the gate


def spent(turn):
    project = Project(None, {"t": target(price=PRICE)})
    gate = limits.gate(project, Budget())
    with gate.admit(project.target("t"), ASKED) as ticket:
        assert gate.state().running == {"t": 1}
        if turn:
            ticket.settle(turn)
    state = gate.state()
    assert state.running == {"t": 0}
    return state.tokens, round(state.cost * 1e6)


def test_the_usage_of_a_turn_is_the_truth():
    assert spent(answered(10, 5)) == (15, 20)


def test_a_refusal_and_a_call_that_was_not_made_cost_nothing():
    assert spent(Turn(ASKED, error=ApiError("server", 500))) == (0, 0)
    assert spent(None) == (0, 0)


def test_a_call_that_broke_off_costs_what_was_estimated():
    guess = estimate(ASKED)
    expected = (guess.total_tokens, round(guess.prompt_tokens + 2 * guess.completion_tokens))
    assert spent(Turn(ASKED, error=ApiError("cut", 200))) == expected


def test_a_gate_left_by_an_exception_gives_its_ticket_back():
    project = Project(None, {"t": target(limits={"concurrency": 1})})
    gate = limits.gate(project)
    with pytest.raises(KeyError), gate.admit(project.target("t"), ASKED):
        raise KeyError
    with gate.admit(project.target("t"), ASKED):
        pass


def test_processes_that_have_a_gate_each_keep_a_part_of_the_limits():
    own = {"concurrency": 3, "requests_per_minute": 60}
    project = Project(None, {"t": target(limits=own), "free": target("free")})
    gate = limits.gate(project, share=2)
    with gate.admit(project.target("t"), ASKED):
        started(lambda: gate.desk.acquire("t", 1, 1))
        until(lambda: gate.state().waiting["t"])
        assert gate.state().running == {"t": 1, "free": 0}
    assert project.target("t").settings["limits"] == own


def test_an_open_gate_lets_everything_through():
    with limits.Open().admit(target(), ASKED) as ticket:
        ticket.settle(answered())


# estimates


def test_without_tiktoken_a_token_is_four_characters(monkeypatch):
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    _tokenizer.cache_clear()
    found = estimate(ASKED)
    _tokenizer.cache_clear()
    assert found == (4 + 7, 100, "characters")


def test_tiktoken_counts_where_it_has_the_encoding(monkeypatch):
    words = SimpleNamespace(encode_ordinary=str.split)
    fake = SimpleNamespace(encoding_for_model=lambda model: {"m": words}[model])
    monkeypatch.setitem(sys.modules, "tiktoken", fake)
    _tokenizer.cache_clear()
    known, unknown = estimate(ASKED), estimate(Request("other", ASKED.messages))
    _tokenizer.cache_clear()
    assert known == (4 + 5, 100, "tiktoken")
    assert unknown.by == "characters"


def test_all_that_is_sent_counts_and_a_missing_limit_is_the_default():
    parts = [
        {"type": "text", "text": "x" * 40},
        {"type": "image_url", "image_url": {"url": "data:" + "y" * 9999}},
    ]
    request = Request("m", (Message("user", parts),), (Tool("look_up", "z" * 400),), {"n": 2})
    found = estimate(request)
    assert 4 + 10 + 1000 + 100 < found.prompt_tokens < 4 + 10 + 1000 + 150
    assert found.completion_tokens == 2 * 1000
