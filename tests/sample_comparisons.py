"""Comparisons to show, with the runs they are of: plausible figures over every kind of change.

`sample(...)` makes a Comparison and its results in the order of a run; `hostile(payload)` has the payload
in every place where text comes from outside.
"""

import math
import random
from dataclasses import replace
from itertools import groupby

import sample_runs
from sample_runs import LOOKUP, REFUND, SYSTEM, call, tool_answer, user

from replay.comparison import OVERALL, Amount, Change, Comparison, Judged, Served, Side, Spread, Table, Versus
from replay.conversation import Message, ToolCall
from replay.report.numbers import points
from replay.stats import Interval, Needed
from replay.turn import ApiError, Target, Timing
from replay.verdict import Verdict

BASELINE = Target("gpt-4o", "openai", "gpt-4o")
CANDIDATES = {
    "gpt-5-mini": Target("gpt-5-mini", "openai", "gpt-5-mini"),
    "claude-haiku": Target("claude-haiku", "anthropic", "claude-haiku-4-5"),
    "local-llama": Target("local-llama", "openai_compatible", "llama-3.1-8b"),
}
LIKE = {  # how likely an attempt passes, price and speed against the baseline
    "gpt-4o": (0.94, 1.0, 1.0),
    "gpt-5-mini": (0.98, 0.31, 0.78),
    "claude-haiku": (0.9, 0.45, 0.6),
    "local-llama": (0.7, 0.05, 1.7),
}
HEADER = {
    "started": "2026-03-04T10:11:12+00:00",
    "command": ["replay", "compare", "gpt-4o", "gpt-5-mini", "--suite", "suites/", "--repeats", "3"],
    "versions": {"replay": "0.1.0", "python": "3.12.7"},
    "duration_s": 812.3,
    "compare": {"baseline": "gpt-4o", "alpha": 0.05, "repeats": 3},
}
TOPICS = {
    "refund": "tool_calls",
    "invoice": "json_schema",
    "delivery": "contains",
    "greeting": "contains",
    "opening-hours": "tool_calls",
    "warranty": "similar",
}


def sample(candidates=("gpt-5-mini",), *, conversations=60, repeats=3, seed=1):
    """A comparison of these candidates with gpt-4o, and all of its results."""
    rng = random.Random(seed)
    targets = [BASELINE, *(CANDIDATES[name] for name in candidates)]
    places = sorted(
        (suite, f"{suite}/{rng.choice(list(TOPICS))}-{number:03d}")
        for number in range(conversations)
        for suite in [("support", "billing")[number % 2]]
    )
    results = [
        _attempt(rng, suite, name, target, attempt)
        for suite, name in places
        for target in targets
        for attempt in range(1, repeats + 1)
    ]
    results.sort(key=lambda one: (one.case.suite, one.case.id))
    versus = tuple(_versus(results, name) for name in candidates)
    served = {target.name: _served(results, target.name) for target in targets}
    header = HEADER | {"compare": HEADER["compare"] | {"candidates": list(candidates)}}
    notes = ("2 attempts of gpt-4o had no answer (timeout); type: replay compare --resume reports/x",)
    return Comparison(header, "gpt-4o", versus, served, notes), results


def write(folder, comparison, results):
    return sample_runs.write(folder / "run.jsonl", comparison.header, results)


# results


def _attempt(rng, suite, name, target, attempt):
    topic = name.split("/")[1].rpartition("-")[0]
    likely, price, pace = LIKE[target.name]
    passes = rng.random() < likely
    turns, bad = globals()[f"_{topic.replace('-', '_')}"](rng, target, passes)
    if rng.random() < 0.004:
        error = ApiError("timeout", message="no byte for 60 s", exception="APITimeoutError")
        turns, bad = [replace(turns[0], reply=None, error=error, raw=None)], None
    verdicts = [Verdict("contract", "passed"), Verdict("finish_reason", "passed")]
    verdicts += [bad or Verdict(TOPICS[topic], "passed")]
    usage = [turn.reply.usage for turn in turns if turn.reply]
    cost = sum(one.prompt_tokens * 2.5e-6 + one.completion_tokens * 1e-5 for one in usage) * price
    latency = rng.lognormvariate(6.7, 0.45) * pace
    timed = [replace(turn, timing=Timing(round(latency / 4, 1), round(latency, 1))) for turn in turns]
    return sample_runs.result(
        name,
        target,
        timed,
        verdicts,
        suite=suite,
        messages=turns[0].request.messages,
        attempt=attempt,
        cost=cost,
        play="to_completion" if len(turns) > 1 else "next_turn",
        params={"temperature": 0},
    )


def _turn(rng, target, messages, message, finish="stop", **fields):
    usage = (rng.randint(380, 460), rng.randint(20, 70) if target is BASELINE else rng.randint(25, 110))
    one = sample_runs.turn(messages, message, finish, usage=usage, **fields)
    mark = f"fp_{rng.choice('ab') * 6}" if target is BASELINE else "fp_cccccc"
    model = {"gpt-4o": "gpt-4o-2024-08-06", "gpt-5-mini": "gpt-5-mini-2025-08-07"}.get(
        target.name, target.model
    )
    if target.name == "claude-haiku" and rng.random() < 0.1:
        model = "claude-sonnet-4-5"
    reply = replace(one.reply, model=model, extra=one.reply.extra | {"system_fingerprint": mark})
    return replace(one, reply=reply, request=replace(one.request, model=target.model))


def _refund(rng, target, passes):
    """A tool loop, in which a wrong amount is paid back, or the order is never looked up."""
    start = (SYSTEM, user("My bell broke after one day. Please refund order A-1001."))
    ask = call("lookup_order", {"order_id": "A-1001"}, rng.randint(1, 99))
    found = tool_answer(ask, {"status": "delivered", "total": 84.9, "items": ["bell", "helmet"]})
    amount = 84.9 if passes else 849
    reason = "broken bell" if target is BASELINE else "The bell broke after one day"
    pay = call("issue_refund", {"order_id": "A-1001", "amount": amount, "reason": reason}, rng.randint(1, 99))
    one, two = Message("assistant", None, (ask,)), Message("assistant", None, (pay,))
    paid = tool_answer(pay, {"ok": passes})
    said = "Your refund of €84.90 is on its way; it takes 3 to 5 days."
    other = "I have refunded €84.90 for order A-1001. It takes 3 to 5 business days."
    done = Message("assistant", said if target is BASELINE else other)
    tools = (LOOKUP, REFUND)
    turns = [
        _turn(rng, target, start, one, "tool_calls", tools=tools),
        _turn(rng, target, (*start, one, found), two, "tool_calls", tools=tools),
        _turn(rng, target, (*start, one, found, two, paid), done, tools=tools),
    ]
    wrong = Verdict(
        "tool_calls", "failed", "arguments", "issue_refund: amount is 849, expected 84.9", 84.9, 849, turn=2
    )
    return turns, None if passes else wrong


def _invoice(rng, target, passes):
    """Structured output; a failing one has a wrong field and a missing one."""
    import json

    lines = [{"sku": "B-1", "price": 12.5, "quantity": 2}, {"sku": "H-7", "price": 59.9, "quantity": 1}]
    data = {"invoice": "A-77", "currency": "EUR", "lines": lines, "total": 84.9}
    if target is not BASELINE:
        data = {"invoice": "A-77", "total": 84.9, "currency": "EUR", "lines": lines}
    if not passes:
        data = data | {"total": "84.90", "lines": [lines[0]]}
    messages = (user("Give me invoice A-77 as JSON."),)
    turns = [_turn(rng, target, messages, Message("assistant", json.dumps(data)))]
    bad = Verdict(
        "json_schema", "failed", "type", 'total: "84.90" is not a number', "number", "84.90", turn=1
    )
    return turns, None if passes else bad


def _delivery(rng, target, passes):
    day = "Tuesday" if target is BASELINE else "Wednesday"
    good = (
        f"Thanks for waiting! Your order A-1002 left our warehouse on {day}.\n\n"
        "It should arrive within 3 business days.\nIs there anything else I can help you with?"
    )
    text = good if passes else "I am sorry, I cannot look into orders. Please write to support@example.com."
    messages = (SYSTEM, user("Where is order A-1002?"))
    bad = Verdict("contains", "failed", "missing", 'the reply does not contain "A-1002"', "A-1002", text)
    return [_turn(rng, target, messages, Message("assistant", text))], None if passes else bad


def _greeting(rng, target, passes):
    messages = (SYSTEM, user("hi"))
    text = "Hello! How can I help you today?" if passes else ""
    bad = Verdict("contains", "failed", "missing", "the reply is empty", "Hello", "")
    return [_turn(rng, target, messages, Message("assistant", text))], None if passes else bad


def _opening_hours(rng, target, passes):
    """Calls in another order, one left out."""
    first = call("lookup_order", {"order_id": "A-1001"}, rng.randint(1, 99))
    second = call("opening_hours", {"city": "Utrecht", "day": "saturday"}, rng.randint(1, 99))
    calls = (first, second) if target is BASELINE else (second, first)
    message = Message(
        "assistant", None, calls if passes else (ToolCall(first.id, first.name, '{"order_id": "A-1'),)
    )
    bad = Verdict("tool_calls", "failed", "missing", "opening_hours was not called", turn=1)
    asked = (SYSTEM, user("Can I fetch A-1001 on Saturday?"))
    return [_turn(rng, target, asked, message, "tool_calls", tools=(LOOKUP,))], None if passes else bad


def _warranty(rng, target, passes):
    tail = rng.choice(("Keep your receipt.", "Please keep the receipt.", "Do keep your receipt!"))
    text = f"Your bicycle has two years of warranty. {tail}" if passes else "There is no warranty."
    messages = (SYSTEM, user("How long is the warranty?"))
    bad = Verdict("similar", "failed", "far", "0.31 is below 0.80", turn=1)
    return [_turn(rng, target, messages, Message("assistant", text))], None if passes else bad


# figures


def _versus(results, candidate):
    sides = {name: [one for one in results if one.case.target == name] for name in ("gpt-4o", candidate)}
    names = dict.fromkeys(verdict.assertion for one in results for verdict in one.verdicts)
    judged = tuple(_judged(name, sides["gpt-4o"], sides[candidate]) for name in (OVERALL, *names))
    amounts = tuple(
        _amount(name, sides["gpt-4o"], sides[candidate])
        for name in ("prompt_tokens", "completion_tokens", "cost", "latency", "first_token")
    )
    changes = _changes(sides["gpt-4o"], sides[candidate])
    kinds = [change.kind for change in changes]
    conversations = len({one.case.conversation for one in results})
    changed = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)} | {
        "same": conversations - len(kinds)
    }
    decision = _decision(judged)
    telling = {"switch": "not worse", "do not switch": "worse", "undecided": "undecided"}[decision]
    shown = tuple(f"{one.assertion}: {one.reason}" for one in judged if one.finding == telling)
    return Versus(candidate, decision, shown, judged, amounts, changes, changed, conversations)


def _clusters(results, assertion):
    def passed(result):
        found = [v.status == "passed" for v in result.verdicts if assertion in (OVERALL, v.assertion)]
        return all(found) if found else None

    groups = groupby(results, key=lambda one: (one.case.suite, one.case.conversation))
    return {place: [p for one in group if (p := passed(one)) is not None] for place, group in groups}


def _interval(values, low, high):
    mean = sum(values) / len(values)
    spread = sum((value - mean) ** 2 for value in values) / max(len(values) - 1, 1)
    half = 2 * math.sqrt((spread + 0.02) / len(values))
    return Interval(mean, max(low, mean - half), min(high, mean + half))


def _side(clusters):
    means = [sum(cluster) / len(cluster) for cluster in clusters]
    attempts = [len(cluster) for cluster in clusters]
    most = max(attempts)
    at_least = tuple(1 - sum((1 - mean) ** k for mean in means) / len(means) for k in range(1, most + 1))
    all_of = tuple(sum(mean**k for mean in means) / len(means) for k in range(1, most + 1))
    return Side(sum(map(sum, clusters)), sum(attempts), 1, _interval(means, 0, 1), at_least, all_of)


def _finding(difference, margin):
    if difference.low > -margin:
        return "not worse"
    return "worse" if difference.high < 0 else "undecided"


def _decision(judged):
    findings = {one.finding for one in judged}
    return "do not switch" if "worse" in findings else "undecided" if "undecided" in findings else "switch"


def _judged(name, before, after):
    old, new = _clusters(before, name), _clusters(after, name)
    places = [place for place in old if old[place] and new.get(place)]
    pairs = [(sum(old[place]) / len(old[place]), sum(new[place]) / len(new[place])) for place in places]
    mostly = [(a > 0.5, b > 0.5) for a, b in pairs]
    table = Table(
        *(mostly.count(kind) for kind in ((True, True), (True, False), (False, True), (False, False)))
    )
    difference = _interval([b - a for a, b in pairs], -1, 1)
    margin = 0.05 if name == OVERALL else 0.2
    finding = _finding(difference, margin)
    reasons = {
        "worse": "worse, and not by chance",
        "not worse": f"at most {100 * margin:.1f} points worse",
        "undecided": f"{100 * margin:.1f} points worse or more is not excluded",
    }
    needed = Needed(40, 3) if finding == "undecided" else None
    return Judged(
        name,
        _side([old[place] for place in places]),
        _side([new[place] for place in places]),
        table,
        difference,
        0.012 if finding == "worse" else 0.41,
        0.004 if finding == "not worse" else 0.32,
        "paired sign flips",
        margin,
        0.021,
        finding,
        f"{points(difference.value)} points: {reasons[finding]}",
        needed,
    )


def _values(results, name):
    for result in results:
        usages = [turn.reply.usage for turn in result.transcript.turns if turn.reply]
        if name == "cost":
            yield result.cost
        elif name.endswith("tokens"):
            yield float(sum(getattr(usage, name) for usage in usages))
        else:
            timing = result.transcript.turns[0].timing
            yield timing.total_ms if name == "latency" else timing.first_token_ms


def spread(values):
    """The distribution of some numbers, over bins that grow by a quarter of a power of two."""
    ranked = sorted(values)

    def at(share):
        return ranked[min(int(share * len(ranked)), len(ranked) - 1)]

    edges = [2 ** (math.floor(4 * math.log2(value)) / 4) if value > 0 else 0.0 for value in ranked]
    histogram = tuple((edge, len(list(group))) for edge, group in groupby(edges))
    return Spread(
        len(ranked), sum(ranked), ranked[0], at(0.25), at(0.5), at(0.75), at(0.95), ranked[-1], histogram
    )


def _amount(name, before, after):
    old, new = list(_values(before, name)), list(_values(after, name))
    logs = [math.log(b / a) for a, b in zip(old, new, strict=True) if a and b]
    middle = sum(logs) / len(logs)
    ratio = Interval(math.exp(middle), math.exp(middle - 0.05), math.exp(middle + 0.05))
    return Amount(name, spread(old), spread(new), ratio, len(logs))


def _changes(before, after):
    old = {place: list(group) for place, group in groupby(before, key=_place)}
    new = {place: list(group) for place, group in groupby(after, key=_place)}
    return tuple(change for place in old if (change := _change(old[place], new[place])))


def _place(result):
    return result.case.suite, result.case.conversation


def _change(old, new):
    counts = [sum(one.outcome == "passed" for one in side) for side in (old, new)]
    passes = [2 * count > len(side) for count, side in zip(counts, (old, new), strict=True)]
    kind = "changed" if passes[0] == passes[1] else "lost" if passes[0] else "won"
    one, other = (
        next((result for result in side if (result.outcome == "passed") is passed), side[0])
        for side, passed in zip((old, new), passes, strict=True)
    )
    if kind == "changed" and _said(one) == _said(other):
        return None
    identities = [{v.identity for result in side for v in result.verdicts if v.bad} for side in (old, new)]
    return Change(
        kind,
        one.case.suite,
        one.case.conversation,
        tuple(counts),
        (len(old), len(new)),
        one.case.id,
        other.case.id,
        tuple(sorted(identities[0] ^ identities[1])),
        one.files["suite"],
    )


def _said(result):
    return [turn.reply and turn.reply.message.content for turn in result.transcript.turns]


def _served(results, target):
    replies = [
        turn.reply
        for one in results
        if one.case.target == target
        for turn in one.transcript.turns
        if turn.reply
    ]
    models = [reply.model for reply in replies]
    marks = [reply.extra["system_fingerprint"] for reply in replies]
    return Served(*({name: names.count(name) for name in sorted(set(names))} for names in (models, marks)))


def hostile(payload):
    """A comparison with the payload in every place where text can come from outside, and its results."""
    comparison, _ = sample(conversations=4)
    base, other = sample_runs.hostile(payload), sample_runs.hostile(payload)
    second = replace(other.case, attempt=2)
    results = [base, replace(other, case=second)]
    (versus,) = comparison.versus
    change = Change(
        "lost", payload, payload, (1, 0), (1, 1), base.case.id, second.id, ((payload, payload),), payload
    )
    judged = tuple(
        replace(one, assertion=payload, reason=payload, test=payload, needed=Needed(1, 1))
        for one in versus.judged
    )
    amounts = tuple(replace(one, name=payload) for one in versus.amounts)
    evil = replace(
        versus, candidate=payload, reasons=(payload,), judged=judged, amounts=amounts, changes=(change,),
        changed={"lost": 30},
    )  # fmt: skip
    served = {payload: Served({payload: 1, "x": 2}, {payload: 1, "y": 2})}
    header = sample_runs.hostile_header(payload)
    return Comparison(header, payload, (evil,), served, (payload,)), results


def one_change(before, after, kind="lost"):
    """A comparison in which one conversation changed, from the first result to the second."""
    comparison, _ = sample(conversations=4)
    results = [
        replace(
            one, case=replace(one.case, target=target.name), transcript=replace(one.transcript, target=target)
        )
        for one, target in ((before, BASELINE), (after, CANDIDATES["gpt-5-mini"]))
    ]
    first, second = (one.case for one in results)
    passed = {"lost": (1, 0), "won": (0, 1), "changed": (1, 1)}[kind]
    change = Change(kind, first.suite, first.conversation, passed, (1, 1), first.id, second.id)
    versus = replace(comparison.versus[0], changes=(change,), changed={kind: 1})
    return replace(comparison, versus=(versus,)), results
