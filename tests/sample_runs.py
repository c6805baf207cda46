"""Runs to draw: everything a case can hold, hostile text in every place, and many typical cases.

All made through the nouns. `write(path, header, results)` makes the `run.jsonl` of a run.
"""

import base64
import json
import random
import zlib
from dataclasses import replace
from itertools import accumulate

from replay.conversation import Conversation, Message, Tool, ToolCall, ToolResult
from replay.diff import differences, readable
from replay.run import Case, Result, Run
from replay.turn import ApiError, Reply, Request, Target, Timing, Transcript, Try, Turn, Usage
from replay.verdict import Verdict

HEADER = {
    "started": "2026-03-04T10:11:12Z",
    "mode": "none",
    "command": ["pytest", "suites/", "-n", "auto"],
    "suites": ["support", "research", "wire"],
    "versions": {"replay": "0.1.0", "openai": "3.52.0", "python": "3.12.7"},
    "duration_s": 12.34,
}
MINI = Target("gpt-4o-mini", "openai", "gpt-4o-mini")
EU = Target("prod-eu", "azure", "gpt-4o")
TRIES = (Try("overloaded", 503, "req_7f", 0.7), Try("connection"))
LOCAL = Target("local-llama", "openai_compatible", "llama-3.1-8b")

LOOKUP = Tool(
    "lookup_order",
    "Look up an order by its id.",
    {
        "type": "object",
        "properties": {"order_id": {"type": "string"}},
        "required": ["order_id"],
        "additionalProperties": False,
    },
    effect="read",
)
REFUND = Tool(
    "issue_refund",
    "Pay an order back. Never call it twice for one order.",
    {
        "type": "object",
        "properties": {"order_id": {"type": "string"}, "amount": {"type": "number"}},
        "required": ["order_id", "amount"],
    },
    effect="write",
)
SYSTEM = Message("system", "You are a support agent of a bicycle shop. Answer in one or two sentences.")


def write(path, header, results):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="ascii") as file:
        file.writelines(Run(header, results).lines())
    return path


def result(
    name,
    target,
    turns,
    verdicts=(),
    *,
    suite="support",
    messages=None,
    tags=(),
    attempt=1,
    cost=None,
    play="next_turn",
    tools=(),
    params=None,
):
    messages = messages if messages is not None else turns[0].request.messages if turns else (user("…"),)
    conversation = Conversation(name, tuple(messages), tuple(tools), params or {}, tags=tuple(tags))
    files = {
        "suite": f"suites/{suite}.yaml",
        "conversation": f"fixtures/conversations/{name}.yaml",
        "cassette": f"fixtures/cassettes/{name}/{target.name}.yaml",
    }
    case = Case(name, target.name, attempt, suite, tuple(tags))
    return Result(case, Transcript(conversation, target, tuple(turns), play), tuple(verdicts), cost, files)


def user(content):
    return Message("user", content)


def call(name, arguments, number=1):
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return ToolCall(f"call_{number:04d}Zk3v", name, text)


def tool_answer(call, content):
    return Message("tool", ToolResult("", None, content).text, tool_call_id=call.id)


def turn(
    messages,
    message=None,
    finish="stop",
    *,
    usage=(412, 38),
    tools=(),
    params=None,
    chunks=(),
    error=None,
    total=840.0,
    extra=None,
    **fields,
):
    request = Request("gpt-4o-mini", tuple(messages), tuple(tools), params or {"temperature": 0})
    reply = message and Reply(
        message,
        finish,
        finish,
        Usage(*usage, sum(usage), cached_tokens=usage[0] // 2),
        model="gpt-4o-mini-2024-07-18",
        extra={"id": "chatcmpl-9xT4", "system_fingerprint": "fp_0aa8d3e20b"} | (extra or {}),
    )
    timing = Timing(chunks[0] if chunks else None, chunks[-1] + 4 if chunks else total, tuple(chunks))
    stream = fields.pop("stream", {"events": len(chunks), "done": True} if chunks else {})
    raw = fields.pop("raw", None) or (json.dumps(_body(reply)) if reply else None)
    return Turn(request, reply, error, timing, raw=raw, stream=stream, **fields)


def _body(reply):
    return {
        "id": reply.extra.get("id"),
        "object": "chat.completion",
        "model": reply.model,
        "choices": [{"index": 0, "message": reply.message.to_json(), "finish_reason": reply.finish_reason}],
        "usage": reply.usage.to_json(),
    }


PASSED = (
    Verdict("contract", "passed"),
    Verdict("finish_reason", "passed"),
    Verdict("token_budget", "passed"),
)


def tool_loop():
    """A whole tool loop that refunds twice."""
    first, second, third = (
        call("lookup_order", {"order_id": "A-1001"}, 1),
        call("issue_refund", {"order_id": "A-1001", "amount": 84.90}, 2),
        call("issue_refund", {"order_id": "A-1001", "amount": 84.90}, 3),
    )
    start = (SYSTEM, user("My bell broke after one day. Please refund order A-1001."))
    asks = Message("assistant", None, (first,))
    found = tool_answer(first, {"status": "delivered", "total": 84.90, "items": ["bell", "helmet"]})
    pays = Message("assistant", "I will refund that now.", (second, third))
    paid = (tool_answer(second, {"ok": True}), tool_answer(third, {"ok": False, "error": "already refunded"}))
    done = Message(
        "assistant", "Your refund of €84.90 for order A-1001 is on its way; it takes 3 to 5 days. 🚲"
    )
    tools = (LOOKUP, REFUND)
    turns = (
        turn(start, asks, "tool_calls", tools=tools),
        turn((*start, asks, found), pays, "tool_calls", usage=(498, 61), tools=tools, total=1210.0),
        turn((*start, asks, found, pays, *paid), done, usage=(590, 33), tools=tools, chunks=_chunks(26, 11)),
    )
    expected = [
        {"name": "lookup_order", "arguments": {"order_id": "A-1001"}},
        {"name": "issue_refund", "arguments": {"order_id": "A-1001", "amount": 84.9}},
    ]
    bad = Verdict(
        "tool_calls",
        "failed",
        "called_twice",
        "issue_refund was called 2 times with the same arguments; that is a duplicate side effect",
        expected,
        [*expected, expected[1]],
        turn=2,
    )
    return result(
        "support/refund-broken-bell",
        MINI,
        turns,
        (bad, *PASSED),
        messages=start,
        tags=("support", "tools"),
        cost=0.00231,
        play="to_completion",
        tools=tools,
        params={"temperature": 0, "max_completion_tokens": 200},
    )


def baseline_change(target=EU):
    """An accepted reply that now reads differently."""
    before = (
        "Thanks for waiting! Your order A-1002 left our warehouse on Monday.\n\n"
        "It should arrive within 3 business days.\nIs there anything else I can help you with?"
    )
    after = (
        "Thank you for waiting! Your order A-1002 left our warehouse on Tuesday.\n\n"
        "It should arrive within 5 business days. "
    )
    messages = (SYSTEM, user("Where is order A-1002?"))
    bad = Verdict(
        "baseline",
        "failed",
        "changed",
        "the reply is not one of the accepted ones",
        [{"content": before, "finish_reason": "stop"}],
        [{"content": after, "finish_reason": "stop"}],
        diff=readable(differences(before, after, at="content")),
    )
    turns = (turn(messages, Message("assistant", after), chunks=_chunks(40, 5)),)
    return result("support/where-is-it", target, turns, (bad, *PASSED), tags=("support",), cost=0.0041)


def schema_and_length():
    """Structured output cut by the token limit, with malformed tool arguments beside it."""
    messages = (
        user("Give me the invoice as JSON."),
        Message("assistant", "Which one?"),
        user("The last, A-77."),
    )
    cut = Message("assistant", '{"invoice": "A-77", "lines": [{"sku": "B-1", "price": 12.50}, {"sku": "B-')
    broken = Message("assistant", None, (call("lookup_order", '{"order_id": "A-77'),))
    length = Verdict(
        "json_schema", "failed", "cut", "the answer was cut by length after 73 characters", turn=1
    )
    malformed = Verdict(
        "tool_calls", "failed", "malformed", "the arguments of lookup_order are not JSON", turn=2
    )
    turns = (
        turn(messages, cut, "length", usage=(120, 24)),
        turn((*messages[:2],), broken, "tool_calls", tools=(LOOKUP,)),
    )
    return result(
        "support/invoice",
        LOCAL,
        turns,
        (length, malformed),
        tags=("json", "structured"),
        play="every_turn",
        params={
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "invoice", "schema": {"type": "object"}},
            }
        },
    )


def every_part():
    """All kinds of content, a refusal, reasoning, audio, names, two choices and token probabilities."""
    photo = png(24, 16, (60, 110, 220))
    parts = [
        {"type": "text", "text": "What is on these?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + photo}},
        {"type": "image_url", "image_url": {"url": "https://images.example/cat.png"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,bm8gaW1hZ2U="}},
        {
            "type": "input_audio",
            "input_audio": {"format": "wav", "data": base64.b64encode(bytes(9000)).decode()},
        },
        {"type": "file", "file": {"filename": "manual.pdf", "file_id": "file-8"}},
        {"type": "video_url", "video_url": {"url": "x"}},
        {"type": "native", "anthropic": {"type": "search_result", "source": "shelf 3"}},
    ]
    messages = (
        Message("developer", "Describe images in one sentence."),
        Message("user", parts, extra={"name": "robin"}),
    )
    answer = Message(
        "assistant",
        "A blue square, probably a test image.",
        extra={
            "reasoning_content": "The first image is blue.\nThe second could not be loaded.",
            "annotations": [{"type": "url"}],
        },
    )
    refusal = Message("assistant", None, extra={"refusal": "I can't help with that."})
    logprobs = {
        "content": [
            {"token": token, "logprob": p}
            for token, p in (("A", -0.01), (" blue", -0.3), (" square", -1.2), (",", -0.02), (" test", -2.9))
        ]
    }
    one = turn(messages, answer, extra={"service_tier": "default"})
    reply = replace(
        one.reply, logprobs=logprobs, others=(Reply(refusal, "content_filter", "content_filter"),)
    )
    two_line = Verdict(
        "contains", "failed", "missing", 'the reply does not contain "copyright"', "copyright", answer.content
    )
    return result(
        "research/describe",
        MINI,
        (replace(one, reply=reply),),
        (*PASSED, two_line),
        suite="research",
        tags=("vision",),
    )


def errors():
    """A rate limit after retries, a cut stream, a miss of the cassette, a filter, and nothing sent at all."""
    ask = (SYSTEM, user("Summarise the manual."))
    limit = ApiError(
        "rate_limit", 429, "Rate limit reached for requests", 20.0, "rate_limit_exceeded", "RateLimitError"
    )
    cut = ApiError(
        "cut", 200, "peer closed connection without sending complete message body", exception="ReadError"
    )
    miss = ApiError(
        "seam",
        message="no recorded interaction matches turn 1 of wire/miss\n"
        "closest is #2: messages[1].content differs"
        '\nrecord it: pytest "suites/wire.yaml::wire/miss[gpt-4o-mini]#1" --record-mode=new_episodes',
        exception="CassetteMiss",
    )
    blocked = ApiError(
        "content_filter", 400, "The response was filtered", code="content_filter", exception="BadRequestError"
    )
    partial = turn(ask, Message("assistant", "The manual has three parts: first"), None, chunks=_chunks(9, 3))
    partial = replace(
        partial,
        error=cut,
        stream={"events": 9, "done": False},
        reply=replace(partial.reply, usage=None, native_finish_reason=None),
    )

    def failed(assertion, kind, message):
        return Verdict(assertion, "failed", kind, message)

    return [
        result(
            "wire/limit",
            MINI,
            [Turn(Request("m", ask), error=limit, attempts=3, timing=Timing(None, 61.0), tries=TRIES)],
            [failed("contract", "rate_limit", "the provider answered 429 three times")],
            suite="wire",
            tags=("errors",),
        ),
        result(
            "wire/cut",
            MINI,
            [partial],
            [failed("stream_integrity", "cut", "the stream never reached its end")],
            suite="wire",
            tags=("errors", "stream"),
        ),
        result(
            "wire/miss",
            MINI,
            [Turn(Request("m", ask), error=miss)],
            [failed("cassette", "miss", miss.message)],
            suite="wire",
            tags=("errors",),
        ),
        result(
            "wire/filtered",
            EU,
            [Turn(Request("m", ask), error=blocked, timing=Timing(None, 180.0))],
            [Verdict("contract", "passed")],
            suite="wire",
            tags=("errors",),
        ),
        result(
            "wire/judge",
            MINI,
            [turn(ask, Message("assistant", "Three parts."))],
            [Verdict("python", "error", "raised", "check_summary raised KeyError: 'parts' (checks.py:14)")],
            suite="wire",
        ),
        result(
            "wire/later",
            MINI,
            [],
            [Verdict("contract", "skipped", "", "skipped by its suite")],
            suite="wire",
            messages=ask,
        ),
    ]


def showcase(passing=40):
    """Everything at once, among cases that passed."""
    rng = random.Random(7)
    yield from (tool_loop(), baseline_change(), baseline_change(LOCAL), schema_and_length(), every_part())
    yield from errors()
    for number in range(passing):
        topic = rng.choice(
            ("returns", "opening-hours", "sizes", "warranty", "gift-cards", "delivery", "repairs")
        )
        target = (MINI, EU, LOCAL)[number % 3]
        yield passing_case(rng, f"{('support', 'research')[number % 2]}/{topic}-{number:02d}", target)


def passing_case(rng, name, target):
    messages = (SYSTEM, user(f"A question about {name.split('/')[1].replace('-', ' ')}, please."))
    answer = Message(
        "assistant",
        "We are open from nine to six, and returns are free for thirty days after the delivery.",
    )
    usage = (rng.randint(90, 900), rng.randint(12, 90))
    one = turn(messages, answer, usage=usage, total=rng.lognormvariate(6.6, 0.5))
    suite = name.split("/", maxsplit=1)[0]
    return result(
        name, target, (one,), PASSED, suite=suite, tags=(suite,), cost=usage[0] * 2e-7 + usage[1] * 8e-7
    )


PAYLOADS = {
    "script": "<script>window.pwned=1;alert(1)</script>",
    "island": '</script><!--<script>window.pwned=1</script>"]}',
    "link": 'javascript:window.pwned=1 <a href="javascript:window.pwned=1">x</a>',
    "remote": '<img src="http://attacker.example/x.png"><style>@import "http://attacker.example/x.css"</style>',
    "handler": '"\'><img src=x onerror="window.pwned=1"><svg onload=window.pwned=1>',
    "refresh": '<meta http-equiv="refresh" content="0;url=http://attacker.example/">',
    "template": "{{ 7 * 7 }}{% for x in () %}${7*7}`window.pwned=1`",
    "controls": "a\u202eb\u200bc\x00d\x1b[31mred\x1b]52;c;eA==\x07e\ud83df\U000e0041",
}


def hostile(payload):
    """One failing case with the payload in every place where text can come from outside."""
    tool = Tool(payload, payload, {"type": "object", "description": payload})
    calling = Message(
        "assistant", payload, (call(payload, {payload: payload}), ToolCall(payload, payload, payload))
    )
    messages = (
        Message("system", payload),
        Message(
            "user",
            [
                {"type": "text", "text": payload},
                {"type": "image_url", "image_url": {"url": payload}},
                {"type": "image_url", "image_url": {"url": "data:image/svg+xml," + payload}},
                {"type": "file", "file": {"filename": payload}},
                {"type": payload, payload: payload},
            ],
            extra={"name": payload},
        ),
        calling,
        Message("tool", payload, tool_call_id=payload),
        Message(payload, payload, extra={"refusal": payload, "reasoning_content": payload, payload: payload}),
    )
    error = ApiError(payload, 500, payload, None, payload, payload)
    one = turn(messages, calling, payload, tools=(tool,), error=error, raw=payload, params={payload: payload})
    verdicts = (
        Verdict(payload, "failed", payload, payload, payload, payload + " now", diff=f"- {payload}"),
        Verdict("baseline", "failed", payload, payload, {payload: payload}, {payload: 1}),
        Verdict(payload, "error", payload, payload),
        Verdict(payload, "passed", payload, payload),
    )
    made = result(
        payload,
        Target(payload, payload, payload),
        [one],
        verdicts,
        suite=payload,
        tags=(payload,),
        tools=(tool,),
    )
    return replace(made, files=dict.fromkeys(("suite", "conversation", payload), payload))


def hostile_header(payload):
    return {
        "started": payload,
        "mode": payload,
        "command": [payload],
        "suites": [payload],
        "versions": {payload: payload},
        "faults": [payload],
    }


def typical(cases, seed=1):
    """Cases as in practice: about 6 messages, a 4 KB request, a system prompt and tools shared by each suite.

    One in sixteen failed. The words follow Zipf's law over an invented vocabulary, so that they compress no
    better than language does.
    """
    rng = random.Random(seed)
    vocabulary = ["".join(rng.choice(SYLLABLES) for _ in range(rng.randint(1, 4))) for _ in range(6000)]
    weights = list(accumulate(1 / (rank + 3) for rank in range(len(vocabulary))))
    suites = [_shared(rng, vocabulary, weights, name) for name in ("support", "billing", "search", "agents")]
    for number in range(cases):
        yield _typical(rng, vocabulary, weights, rng.choice(suites), number)


SYLLABLES = [
    first + middle + last
    for first in ("b", "d", "f", "gr", "k", "l", "m", "n", "p", "r", "s", "st", "t", "v", "")
    for middle in ("a", "e", "i", "o", "u", "ai")
    for last in ("", "n", "r", "st")
]


def _prose(rng, vocabulary, weights, length):
    text = ""
    while len(text) < length:
        sentence = rng.choices(vocabulary, cum_weights=weights, k=rng.randint(5, 14))
        text += " ".join(sentence).capitalize() + ". "
    return text.strip()


def _shared(rng, vocabulary, weights, name):
    system = Message("system", _prose(rng, vocabulary, weights, 600))
    tools = tuple(
        Tool(tool, _prose(rng, vocabulary, weights, 80), LOOKUP.parameters)
        for tool in rng.sample(vocabulary, 2)
    )
    return name, system, tools


def _typical(rng, vocabulary, weights, shared, number):
    suite, system, tools = shared

    def say(length):
        return _prose(rng, vocabulary, weights, length)

    asked = ToolCall(
        f"call_{rng.randbytes(12).hex()}", tools[0].name, json.dumps({"order_id": f"A-{number}"})
    )
    messages = [system, user(say(700)), Message("assistant", say(650)), user(say(400))]
    if number % 2:
        messages += [
            Message("assistant", None, (asked,)),
            tool_answer(asked, {"status": say(400), "at": number}),
        ]
    else:
        messages += [Message("assistant", say(450)), user(say(300))]
    finish = "stop"
    answer = Message("assistant", say(350))
    verdicts = PASSED
    if number % 16 == 0:
        wrong = rng.choice(
            (
                ("contains", "missing"),
                ("tool_calls", "missing"),
                ("baseline", "changed"),
                ("latency", "total"),
            )
        )
        verdicts = (
            Verdict(wrong[0], "failed", wrong[1], say(90), say(200), answer.content),
            *PASSED,
        )
    usage = (rng.randint(600, 1400), rng.randint(60, 300))
    one = turn(
        messages,
        answer,
        finish,
        usage=usage,
        tools=tools,
        total=rng.lognormvariate(6.8, 0.6),
        extra={"id": f"chatcmpl-{rng.randbytes(14).hex()}", "created": 1772610000 + number},
    )
    target = (MINI, EU, LOCAL)[number % 3]
    return result(
        f"{suite}/{vocabulary[number % 977]}-{number:05d}",
        target,
        (one,),
        verdicts,
        suite=suite,
        tags=(suite, ("tools", "chat")[number % 2]),
        cost=usage[0] * 2e-7 + usage[1] * 8e-7,
        tools=tools,
    )


def png(width, height, colour):
    """A small picture, base64."""

    def chunk(kind, data):
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    rows = (b"\0" + bytes(colour) * width) * height
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + body).decode()


def _chunks(number, seed):
    rng = random.Random(seed)
    now, times = 310.0, []
    for _ in range(number):
        times.append(round(now, 1))
        now += rng.expovariate(1 / 24) + (420 if rng.random() < 0.03 else 0)
    return tuple(times)
