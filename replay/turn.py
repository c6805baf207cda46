"""One request and its reply, and the turns of one play."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from replay.conversation import Conversation, Message, Object, Tool

ERROR_KINDS = (
    "rate_limit",  # 429, may be tried again
    "billing",  # 429 or 402 that no retry will mend
    "overloaded",  # 503 or 529 that says so
    "server",  # any other 5xx
    "auth",  # 401, 403
    "not_found",  # 404
    "content_filter",  # the provider's filter refused the prompt
    "invalid_request",  # any other 4xx
    "timeout",
    "connection",  # refused, reset before the answer, DNS
    "cut",  # the answer stopped before its end
    "stream_error",  # an error sent inside a stream that began well
    "bad_response",  # status 200 and nothing that can be read as a reply
    "seam",  # the seam refused: no recording, or a socket was blocked
)
RETRYABLE = ("rate_limit", "overloaded", "server", "timeout", "connection")  # another try may go well

NOT_JSON = "not_json"  # the code of a bad_response that is a page or a part of one: no model wrote that


@dataclass(frozen=True, slots=True)
class Target:
    """A model at a provider, a table `[tool.replay.targets.<name>]`. `settings` holds its other keys."""

    name: str
    provider: str
    model: str
    settings: Object = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a model. `params` holds every other parameter of the wire."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    params: Object = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them; None where it did not say.

    Cached tokens are part of the prompt's, reasoning tokens of the completion's.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None

    def to_json(self) -> Object:
        """Return only what is known."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model answered.

    `finish_reason` is one of stop, length, tool_calls, content_filter, or None when the provider gave none;
    `native_finish_reason` is the provider's own word. `extra` holds the other fields of the response (id,
    created, system_fingerprint, usage as sent, ...). With n > 1 the other choices are in `others`.
    """

    message: Message
    finish_reason: str | None = None
    native_finish_reason: str | None = None
    usage: Usage | None = None
    logprobs: Object | None = None
    model: str | None = None
    extra: Object = field(default_factory=dict)
    others: tuple[Reply, ...] = ()

    def choices(self) -> tuple[Reply, ...]:
        """This reply and the other choices of the same response."""
        return (self, *self.others)

    def to_json(self) -> Object:
        """Return a JSON object that `from_json` reads back."""
        optional: Object = {
            "finish_reason": self.finish_reason,
            "native_finish_reason": self.native_finish_reason,
            "usage": self.usage and self.usage.to_json(),
            "logprobs": self.logprobs,
            "model": self.model,
            "extra": self.extra or None,
            "others": [other.to_json() for other in self.others] or None,
        }
        known = {key: value for key, value in optional.items() if value is not None}
        return {"message": self.message.to_json()} | known

    @classmethod
    def from_json(cls, data: Object) -> Reply:
        """Read what `to_json` wrote."""
        return cls(
            Message.from_json(data["message"]),
            data.get("finish_reason"),
            data.get("native_finish_reason"),
            Usage(**data["usage"]) if data.get("usage") is not None else None,
            data.get("logprobs"),
            data.get("model"),
            data.get("extra") or {},
            tuple(cls.from_json(other) for other in data.get("others") or ()),
        )


@dataclass(frozen=True, slots=True)
class ApiError:
    """Why there is no whole reply. `kind` is one of ERROR_KINDS; `exception` is the SDK's class name.

    `code` is the provider's word for it, or NOT_JSON.
    """

    kind: str
    status: int | None = None
    message: str = ""
    retry_after: float | None = None
    code: str | None = None
    exception: str | None = None

    def to_json(self) -> Object:
        """Return only what is known."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds since the request was sent, as recorded; None where the recording does not say.

    `chunks` holds one time for each chunk of a stream.
    """

    first_token_ms: float | None = None
    total_ms: float | None = None
    chunks: tuple[float, ...] = ()

    def to_json(self) -> Object:
        """Return only what is known."""
        data: Object = {"first_token_ms": self.first_token_ms, "total_ms": self.total_ms}
        data = {key: value for key, value in data.items() if value is not None}
        return data | ({"chunks": list(self.chunks)} if self.chunks else {})

    @classmethod
    def from_json(cls, data: Object) -> Timing:
        """Read what `to_json` wrote."""
        return cls(data.get("first_token_ms"), data.get("total_ms"), tuple(data.get("chunks") or ()))


@dataclass(frozen=True, slots=True)
class Try:
    """An attempt that failed before the one that counts: its error's kind and status, the provider's id.

    `wait` is how many seconds passed until the next one, None on a replay, which does not wait.
    """

    kind: str
    status: int | None = None
    request_id: str | None = None
    wait: float | None = None

    def to_json(self) -> Object:
        """Return only what is known."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one tool call of a reply; the tool message itself is in the next request.

    `status` is one of TOOL_STATUSES. `by` says what gave it: `recorded`, `nearest` (a result recorded for
    other arguments), `function`, `unmatched` (nothing was there to answer) or `refused`: the call was not
    executed, `kind` (as those of `contract`) and `why` say for what reason.
    """

    id: str
    name: str
    status: str
    by: str
    kind: str = ""
    why: str = ""

    @property
    def executed(self) -> bool:
        """Whether the tool did, or in the recording had done, what was asked."""
        return self.by not in ("refused", "unmatched")

    def to_json(self) -> Object:
        """Return only what says something."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name))}

    @classmethod
    def from_json(cls, data: Object) -> Answer:
        """Read what `to_json` wrote."""
        return cls(**{"id": "", "name": ""} | data)


@dataclass(frozen=True, slots=True)
class Turn:
    """One request and its reply, its error, or (for a cut stream) the error and the part that had arrived.

    `attempts` counts the tries this took, `tries` are those before it. `raw` is the response body as text.
    `stream` says what the stream was like: `{"events": 12, "done": true}`, empty when the answer was not a
    stream. `request_id` is the provider's own. `answers` are those to the calls of the reply, in their order,
    in a play to completion. `context` says what a policy made of the request, see `replay.player`.
    """

    request: Request
    reply: Reply | None = None
    error: ApiError | None = None
    timing: Timing = Timing()
    attempts: int = 1
    raw: str | None = None
    stream: Object = field(default_factory=dict)
    request_id: str | None = None
    tries: tuple[Try, ...] = ()
    answers: tuple[Answer, ...] = ()
    context: Object = field(default_factory=dict)


Play = Literal["next_turn", "every_turn", "to_completion"]


@dataclass(frozen=True, slots=True)
class Transcript:
    """The turns of one play of a conversation against a target."""

    conversation: Conversation
    target: Target
    turns: tuple[Turn, ...] = ()
    play: Play = "next_turn"

    @property
    def last(self) -> Turn | None:
        """The last turn, None when nothing was sent."""
        return self.turns[-1] if self.turns else None

    def replies(self) -> Iterator[tuple[int, Reply]]:
        """Yield `(turn number from 1, reply)` for each turn that has one."""
        return ((number, turn.reply) for number, turn in enumerate(self.turns, 1) if turn.reply is not None)

    def to_json(self) -> Object:
        """Return a JSON object that `from_json` reads back.

        A turn's messages are written as `same`, how many of the first messages are those of the turn before
        (of the conversation, for the first turn), and `messages`, the rest.
        """
        turns, before = [], self.conversation.messages
        for turn in self.turns:
            turns.append(_turn_to_json(turn, before))
            before = turn.request.messages
        target = {"name": self.target.name, "provider": self.target.provider, "model": self.target.model}
        named = {"name": self.conversation.name} | self.conversation.to_json()
        return {"conversation": named, "target": target, "play": self.play, "turns": turns}

    @classmethod
    def from_json(cls, data: Object) -> Transcript:
        """Read what `to_json` wrote. A target's settings are not kept."""
        conversation = Conversation.from_json(data["conversation"]["name"], data["conversation"])
        turns: list[Turn] = []
        for item in data["turns"]:
            last = turns[-1].request if turns else Request("", conversation.messages, conversation.tools)
            turns.append(_turn_from_json(item, last))
        return cls(conversation, Target(**data["target"]), tuple(turns), data["play"])


def _turn_to_json(turn: Turn, before: tuple[Message, ...]) -> Object:
    messages, same = turn.request.messages, 0
    while same < min(len(messages), len(before)) and messages[same] == before[same]:
        same += 1
    request = {
        "model": turn.request.model,
        "same": same,
        "messages": [message.to_json() for message in messages[same:]],
        "tools": [tool.to_json() for tool in turn.request.tools],
        "params": turn.request.params,
    }
    optional: Object = {
        "reply": turn.reply and turn.reply.to_json(),
        "error": turn.error and turn.error.to_json(),
        "timing": turn.timing.to_json() or None,
        "attempts": turn.attempts if turn.attempts > 1 else None,
        "raw": turn.raw,
        "stream": turn.stream or None,
        "request_id": turn.request_id,
        "tries": [each.to_json() for each in turn.tries] or None,
        "answers": [each.to_json() for each in turn.answers] or None,
        "context": turn.context or None,
    }
    return {"request": request} | {key: value for key, value in optional.items() if value is not None}


def _turn_from_json(data: Object, last: Request) -> Turn:
    asked = data["request"]
    messages = last.messages[: asked["same"]] + tuple(Message.from_json(item) for item in asked["messages"])
    tools = tuple(Tool.from_json(tool) for tool in asked["tools"])
    request = replace(last, model=asked["model"], messages=messages, tools=tools, params=asked["params"])
    error: Any = data.get("error")
    return Turn(
        request,
        Reply.from_json(data["reply"]) if data.get("reply") else None,
        ApiError(**error) if error else None,
        Timing.from_json(data.get("timing") or {}),
        data.get("attempts", 1),
        data.get("raw"),
        data.get("stream") or {},
        data.get("request_id"),
        tuple(Try(**each) for each in data.get("tries") or ()),
        tuple(map(Answer.from_json, data.get("answers") or ())),
        data.get("context") or {},
    )
