"""A seeded provider: Chat Completions over real loopback HTTP, with chance that is the same in every run.

    models = {"good": Model(passes=0.9), "slow": Model(passes=spread(0.7, 0.3), latency=lognormal(0.05))}
    with Seeded(models, seed=7) as server:
        target = {"provider": "openai_compatible", "model": "good", "base_url": server.base_url}
        ...
        server.calls       # every call, in the order of arrival: `Call`
        server.violations  # what broke a model's own `Limit`

A conversation is its messages' text. Whether a reply says "Yes" or "No" hangs on the seed, the model, the
conversation and how often that was answered before, and so not on the order in which threads come: assert
with `contains: "Yes"`. What goes wrong (`faults`) hangs on the same and on how often the conversation was
asked; a fault is not an answer, so a retry takes the next draw. Storms and billing go by a call's number.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import socket
import struct
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from scripted import Listening, read

YES, NO = "Yes, that is done.", "No, I cannot do that."
BUSY = {"message": "Rate limit reached.", "type": "requests", "code": "rate_limit_exceeded"}
BROKE = {
    "message": "You exceeded your current quota.",
    "type": "insufficient_quota",
    "code": "insufficient_quota",
}
CRASHED = {"message": "The server had an error.", "type": "server_error", "code": None}
BAD = {
    "message": "Unknown parameter: 'nonsense'.",
    "type": "invalid_request_error",
    "code": "unknown_parameter",
}


@dataclass(frozen=True)
class Limit:
    """What a model takes: calls at once, and calls and tokens in any window of `per` seconds.

    What is over is noted in `Seeded.violations`; with `refuses` it is also answered with a 429.
    """

    concurrency: int | None = None
    requests: int | None = None
    tokens: int | None = None
    per: float = 60.0
    refuses: bool = False


@dataclass(frozen=True)
class Storm:
    """Of every `every` calls the last `length` are answered with a 429 that says when to come back."""

    every: int
    length: int
    retry_after: float | None = 0.01


@dataclass(frozen=True)
class Model:
    """How one model behaves. `passes` and `latency` (seconds) may be functions, see `spread`, `lognormal`.

    `faults` gives each of `server` (a 500), `stall` (nothing for `stall` seconds, then a close), `reset`,
    `cut` (an answer that stops in its middle) and `bad` (a 400) its probability. From call `billing_after` on
    every answer is a 429 that no waiting mends. `trickle` is the seconds between the words of a stream.
    `says` makes the message of a reply from whether it passes and the conversation.
    """

    passes: float | Callable[[int, str], float] = 1.0
    latency: float | Callable[[random.Random], float] = 0.0
    faults: dict[str, float] = field(default_factory=dict)
    storm: Storm | None = None
    billing_after: int | None = None
    limit: Limit | None = None
    stall: float = 5.0
    trickle: float = 0.0
    fingerprint: str = "fp_seeded"
    says: Callable[[bool, str], dict] = lambda passes, _: {"content": YES if passes else NO}


@dataclass
class Call:
    """One call as the server saw it; times are of `time.monotonic`, `at_once` counts itself."""

    model: str
    conversation: str
    at: float
    at_once: int
    tokens: int
    headers: dict[str, str]
    request_id: str
    ended: float = 0.0
    said: str = ""  # yes, no, or what went wrong


def spread(mean: float, rho: float) -> Callable[[int, str], float]:
    """A pass probability for each conversation, from a beta distribution with this mean.

    `rho` is the correlation of two attempts of one conversation: 0 < rho < 1. Models with the same mean have
    the same probabilities, so that they differ by nothing but chance.
    """
    weight = 1 / rho - 1
    return lambda seed, text: _dice(seed, "p", text).betavariate(mean * weight, (1 - mean) * weight)


def lognormal(median: float, sigma: float = 0.5) -> Callable[[random.Random], float]:
    """Seconds to wait, with a long tail."""
    return lambda dice: median * dice.lognormvariate(0, sigma)


def text_of(body) -> str:
    """A conversation's text: what its identity is here."""
    return "\n".join(f"{message.get('role')}: {message.get('content')}" for message in body["messages"])


def chance(model: Model, seed: int, text: str) -> float:
    """The probability with which this conversation passes."""
    return model.passes(seed, text) if callable(model.passes) else model.passes


class Seeded(Listening):
    """The server; see above. It serves each connection in a thread, and keeps it open."""

    def __init__(self, models: dict[str, Model], seed: int = 0, port: int = 0):
        self.models, self.seed = models, seed
        self.calls: list[Call] = []
        self.violations: list[str] = []
        self._asked, self._answered, self._numbers = Counter(), Counter(), Counter()
        self._now = Counter()  # calls at once, by model
        self._recent: dict[str, deque[Call]] = {name: deque() for name in models}
        super().__init__(port, backlog=1024)
        self.base_url = f"{self.url}/v1"

    def most_at_once(self, model: str) -> int:
        """The most calls that were in flight together."""
        return max((call.at_once for call in self.calls if call.model == model), default=0)

    def most_in(self, model: str, seconds: float) -> int:
        """The most calls that came in any window of so many seconds."""
        times = [call.at for call in self.calls if call.model == model]
        first = most = 0
        for last, at in enumerate(times):
            while at - times[first] >= seconds:
                first += 1
            most = max(most, last - first + 1)
        return most

    def toml(self, **settings) -> str:
        """The configuration of one target for each model, by its name."""
        given = {"provider": "openai_compatible", "base_url": self.base_url} | settings
        lines = [f"{key} = {_toml(value)}" for key, value in given.items()]
        tables = [f'[tool.replay.targets."{name}"]\nmodel = "{name}"\n' for name in self.models]
        return "\n".join(table + "\n".join(lines) + "\n" for table in tables)

    def _serve(self, connection):
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as incoming:
            while (asked := read(incoming)) is not None:
                if not self._answer(connection, asked):
                    return

    def _answer(self, connection, asked) -> bool:
        body = asked.json
        model = self.models.get(body.get("model"))
        if model is None or not asked.path.endswith("/chat/completions"):
            error = {"message": f"The model '{body.get('model')}' does not exist", "code": "model_not_found"}
            _send(connection, 404, {"error": error})
            return True
        call, number, turn, over = self._arrived(model, body, asked.headers)
        try:
            return self._say(connection, model, body, call, self._outcome(model, call, number, turn, over))
        finally:
            self._over_with(call)

    def _over_with(self, call):
        """A call ends before its last byte is sent: who has read that may begin the next one."""
        with self._lock:
            if not call.ended:
                call.ended = time.monotonic()
                self._now[call.model] -= 1

    def _arrived(self, model, body, headers):
        name, text, limit = body["model"], text_of(body), model.limit
        with self._lock:
            now = time.monotonic()
            self._now[name] += 1
            self._numbers[name] += 1
            self._asked[name, text] += 1
            number = len(self.calls) + 1
            call = Call(
                name, text, now, self._now[name], len(text) // 4 + 1, headers, f"req_{self.seed}_{number}"
            )
            over = self._over(limit, call) if limit else ""
            if over:
                self.violations.append(f"{name} call {self._numbers[name]}: {over}")
            self.calls.append(call)
            return call, self._numbers[name], self._asked[name, text], over

    def _over(self, limit, call) -> str:
        recent = self._recent[call.model]
        recent.append(call)
        while call.at - recent[0].at >= limit.per:
            recent.popleft()
        tokens = sum(one.tokens for one in recent) if limit.tokens else 0
        if limit.concurrency and call.at_once > limit.concurrency:
            return f"{call.at_once} calls at once"
        if limit.requests and len(recent) > limit.requests:
            return f"{len(recent)} calls in {limit.per:g} s"
        return f"{tokens} tokens in {limit.per:g} s" if limit.tokens and tokens > limit.tokens else ""

    def _outcome(self, model, call, number, turn, over) -> str:
        if model.billing_after is not None and number > model.billing_after:
            return "billing"
        storm = model.storm
        if storm and (number - 1) % storm.every >= storm.every - storm.length:
            return "storm"
        if over and model.limit.refuses:
            return "over"
        draw = _dice(self.seed, "fault", call.model, call.conversation, turn).random()
        for fault, probability in model.faults.items():
            if draw < probability:
                return fault
            draw -= probability
        with self._lock:
            self._answered[call.model, call.conversation] += 1
            times = self._answered[call.model, call.conversation]
        dice = _dice(self.seed, "answer", call.model, call.conversation, times)
        return "yes" if dice.random() < chance(model, self.seed, call.conversation) else "no"

    def _say(self, connection, model, body, call, outcome) -> bool:
        call.said = outcome
        if outcome not in ("storm", "over", "billing"):
            dice = _dice(self.seed, "latency", call.model, call.conversation, call.request_id)
            time.sleep(model.latency(dice) if callable(model.latency) else model.latency)
        headers = {"x-request-id": call.request_id}
        if outcome == "reset":
            self._over_with(call)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if outcome == "stall":
            time.sleep(model.stall)
            return False
        if outcome in ("yes", "no", "cut"):
            message = {"role": "assistant"} | model.says(outcome == "yes", call.conversation)
            say = _stream if body.get("stream") else _whole
            ended = lambda: self._over_with(call)
            return say(connection, model, body, message, headers, ended, outcome == "cut")
        self._over_with(call)
        if outcome in ("storm", "over"):
            wait = model.storm.retry_after if outcome == "storm" else 0.05
            wait_header = {} if wait is None else _wait(wait)
            return _send(connection, 429, {"error": BUSY}, headers | wait_header)
        status, error = {"billing": (429, BROKE), "bad": (400, BAD)}.get(outcome, (500, CRASHED))
        return _send(connection, status, {"error": error}, headers)


def _wait(seconds) -> dict[str, str]:
    """When to come back: whole seconds as the standard has it, less in milliseconds."""
    whole = float(seconds).is_integer()
    return {"retry-after": f"{seconds:g}"} if whole else {"retry-after-ms": f"{seconds * 1000:g}"}


def _dice(*parts) -> random.Random:
    return random.Random(hashlib.sha256(repr(parts).encode()).digest())


def _toml(value) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + "}"
    return json.dumps(value)


def _send(connection, status, body, headers=None) -> bool:
    data = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Status", "content-type: application/json", f"content-length: {len(data)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
    return True


def _usage(body, message):
    prompt = len(text_of(body)) // 4 + 1
    completion = max(len(json.dumps(message)) // 4, 1)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _envelope(model, body, kind, headers):
    number = headers["x-request-id"]
    names = {"id": f"chatcmpl-{number}", "object": kind, "created": 1767225600, "model": body["model"]}
    return names | {"system_fingerprint": model.fingerprint}


def _whole(connection, model, body, message, headers, ended, cut) -> bool:
    finish = "tool_calls" if message.get("tool_calls") else "stop"
    choice = {"index": 0, "message": {"content": None, "refusal": None} | message, "finish_reason": finish}
    envelope = _envelope(model, body, "chat.completion", headers)
    answer = json.dumps(envelope | {"choices": [choice], "usage": _usage(body, message)}).encode()
    lines = ["HTTP/1.1 200 OK", "content-type: application/json", f"content-length: {len(answer)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"
    ended()
    connection.sendall(head + (answer[: len(answer) // 2] if cut else answer))
    return not cut


def _stream(connection, model, body, message, headers, ended, cut) -> bool:
    lines = ["HTTP/1.1 200 OK", "content-type: text/event-stream", "transfer-encoding: chunked"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    out = "\r\n".join(lines).encode() + b"\r\n\r\n"
    events = list(_events(model, body, message, headers))
    for event in events[: len(events) // 2] if cut else events:
        if event == "[DONE]":  # readers go on from here
            ended()
        data = f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode()
        out += b"%x\r\n%s\r\n" % (len(data), data)
        if model.trickle:
            connection.sendall(out)
            out = b""
            time.sleep(model.trickle)
    ended()
    connection.sendall(out + (b"" if cut else b"0\r\n\r\n"))
    return not cut


def _events(model, body, message, headers):
    envelope = _envelope(model, body, "chat.completion.chunk", headers)

    def chunk(delta, finish=None):
        return envelope | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    yield chunk({"role": "assistant", "content": ""})
    for word in (message.get("content") or "").split(" "):
        yield chunk({"content": f"{word} "})
    for index, called in enumerate(message.get("tool_calls") or ()):
        yield chunk({"tool_calls": [{"index": index} | called]})
    yield chunk({}, "tool_calls" if message.get("tool_calls") else "stop")
    if (body.get("stream_options") or {}).get("include_usage"):
        yield envelope | {"choices": [], "usage": _usage(body, message)}
    yield "[DONE]"
