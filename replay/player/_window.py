"""What stands between a play and its target: a context policy, and the guard of the context window."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

from replay import policies
from replay.assertions._crash import crash
from replay.assertions.token_budget import tokens
from replay.conversation import Message, Object
from replay.errors import ReplayError
from replay.jsontext import canonical
from replay.limits import roughly
from replay.player._request import Halt
from replay.turn import Request, Target, Turn

Send = Callable[[Request], Turn]

_ASKED = (
    "Summarise the conversation below for the assistant that goes on with it. Keep every fact, name, number, "
    "id, decision and open question; leave out greetings. Write plain sentences."
)


class NoSummary(Exception):
    """A summary was asked for and did not come; `turn` says what did."""

    def __init__(self, turn: Turn) -> None:
        super().__init__()
        self.turn = turn


class Window:
    """Sends requests, each with the history that a policy makes of it, if it fits the window.

    Tokens are told by characters, corrected by what the provider counted of the request before: a replay
    decides as the live play did.
    """

    def __init__(self, target: Target, send: Send) -> None:
        self._send, self._target = send, target
        self._window: int | None = target.settings.get("context_window")
        self._scale = 1.0  # prompt tokens for one that is told by characters
        self._summaries: dict[str, str] = {}
        self._spent: list[Turn] = []

    def __call__(self, request: Request) -> Turn:
        """Send a request. Raises Halt where it may not be sent."""
        self._spent = []
        try:
            policy, shaped = self._shaped(request)
        except NoSummary as stop:
            return replace(stop.turn, request=request)
        turn = self._send(shaped)
        counted, rough = tokens(turn, "prompt"), roughly(shaped).prompt_tokens
        self._scale = counted / rough if counted and rough else self._scale
        return replace(turn, context=self._told(policy, request, shaped)) if policy else turn

    def _shaped(self, request: Request) -> tuple[str, Request]:
        """Return a request as it is to be sent, and the policy that it went through, "" for none."""
        settings = self._target.settings
        policy: str = settings.get("context", "")
        shaped = self._through(policy, request) if policy else request
        if self._fits(shaped):
            return policy, shaped
        policy = settings.get("context_policy", "")
        shaped = self._through(policy, request) if policy else request
        if not self._fits(shaped):
            raise Halt("context_window", self._too_large(policy, shaped))
        return policy, shaped

    def _through(self, spec: str, request: Request) -> Request:
        policy = policies.build(spec)
        try:
            found = tuple(policy(request.messages, partial(self._summary, request)))
        except (NoSummary, Halt, ReplayError):
            raise
        except (Exception, SystemExit) as problem:  # noqa: BLE001 - a policy may be the user's
            raise Halt("context_policy", f"policy {spec}: {crash(problem)}") from None
        if not found or not all(isinstance(message, Message) for message in found):
            raise Halt("context_policy", f"policy {spec} returned no messages, or something else")
        return request if found == request.messages else replace(request, messages=policies.legal(found))

    def _summary(self, request: Request, messages: Sequence[Message]) -> str:
        """Ask the target for a summary, once for the same messages in a play."""
        text = "\n".join(map(_line, messages))
        name = canonical([message.to_json() for message in messages])
        if name not in self._summaries:
            asked = Request(request.model, (Message("system", _ASKED), Message("user", text)))
            if not self._fits(asked):
                raise Halt("context_window", self._too_large("the summary", asked))
            turn = self._send(asked)
            self._spent.append(turn)
            if turn.error or turn.reply is None:
                raise NoSummary(turn)
            self._summaries[name] = turn.reply.message.text
        return self._summaries[name]

    def _size(self, request: Request) -> tuple[int, int]:
        guess = roughly(request)
        return round(guess.prompt_tokens * self._scale), guess.completion_tokens

    def _fits(self, request: Request) -> bool:
        return self._window is None or sum(self._size(request)) <= self._window

    def _too_large(self, policy: str, request: Request) -> str:
        prompt, completion = self._size(request)
        name = self._target.name
        after = f" after {policy}" if policy else ""
        return (
            f"not sent: the next request needs about {prompt + completion} tokens{after} (prompt {prompt}, "
            f"completion {completion}), the context_window of target {name} is {self._window}\n"
            f"shorten it with context_policy, as in last:6"
        )

    def _told(self, policy: str, before: Request, after: Request) -> Object:
        usage = _usage(self._spent)
        return {
            "policy": policy,
            "messages": [len(before.messages), len(after.messages)],
            "tokens": [roughly(before).prompt_tokens, roughly(after).prompt_tokens],
        } | ({"usage": usage} if usage else {})


def _usage(turns: Iterable[Turn]) -> Object:
    """The usage of several turns together."""
    total: Object = {}
    for turn in turns:
        for name, count in turn.reply.usage.to_json().items() if turn.reply and turn.reply.usage else ():
            total[name] = total.get(name, 0) + count
    return total


def _line(message: Message) -> str:
    """A message as a line of the text to be summarised."""
    calls = [f"[calls {call.name} {call.arguments}]" for call in message.tool_calls]
    other = isinstance(message.content, list) and any(part.get("type") != "text" for part in message.content)
    return " ".join(filter(None, (f"{message.role}:", message.text, "[media]" if other else "", *calls)))
