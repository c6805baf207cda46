"""Plays one conversation against one target into a transcript."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

from replay.conversation import Conversation, Message
from replay.loop import Loop
from replay.player._request import Halt, request_for
from replay.turn import Play, Request, Target, Transcript, Turn

__all__ = ["Send", "Stopped", "play", "request_for", "states_of"]

Send = Callable[[Request], Turn]

_WINDOW = ("context", "context_window", "context_policy")  # settings that say what becomes of a history


class Stopped(Exception):
    """The play ended before the model did; `transcript` holds the turns until then."""

    def __init__(self, kind: str, message: str, transcript: Transcript) -> None:
        super().__init__(message)
        self.kind, self.transcript = kind, transcript


def play(
    conversation: Conversation,
    target: Target,
    send: Send,
    how: Play = "next_turn",
    turns: Collection[int] = (),
    loop: Loop = Loop(),  # noqa: B008 - it is frozen
) -> Transcript:
    """Play a conversation; `send` turns a request into a turn.

    `next_turn` sends the messages as they are; `every_turn` sends, for each assistant message (`turns`: only
    for these, counted from 1), the history before it; `to_completion` answers tool calls and says what the
    user says next, as the `loop` has it, until the model stops and the user has no more to say. Raises
    Stopped where a tool call has no answer, where there is no assistant turn to play, at a cap, and where a
    request does not fit the target's `context_window`. With a target that has a context policy, what it made
    of the history is sent, and a turn's `context` is `{policy, messages, tokens, usage}`: the numbers of
    messages and of tokens (by characters) before and after, and the usage of the summaries it asked for.
    """
    if loop.user_turns is not None:
        conversation = replace(conversation, user_turns=loop.user_turns)
    played: list[Turn] = []
    try:
        for turn in _turns(conversation, target, _fitted(target, send), how, turns, loop):
            played.append(turn)  # noqa: PERF402 - what was played is kept when it stops
    except Halt as stop:
        transcript = Transcript(conversation, target, tuple(played), how)
        raise Stopped(stop.kind, str(stop), transcript) from None
    return Transcript(conversation, target, tuple(played), how)


def states_of(conversation: Conversation) -> list[tuple[Message, ...]]:
    """Return the history before each assistant message, which `every_turn` sends."""
    messages = conversation.messages
    return [
        messages[:place] for place, message in enumerate(messages) if place and message.role == "assistant"
    ]


def _fitted(target: Target, send: Send) -> Send:
    """Return what sends requests as the target's settings want their histories."""
    if target.settings.keys().isdisjoint(_WINDOW):
        return send
    from replay.player._window import Window

    return Window(target, send)


def _turns(
    conversation: Conversation, target: Target, send: Send, how: Play, turns: Collection[int], loop: Loop
) -> Iterator[Turn]:
    if how == "to_completion":
        from replay.player._completion import to_completion

        yield from to_completion(conversation, target, send, loop)
        return
    states = [conversation.messages] if how == "next_turn" else _chosen(states_of(conversation), turns)
    if not states:
        raise Halt("no_turn", f"{conversation.name} has no assistant message to play up to")
    for state in states:
        yield send(request_for(conversation, target, state))


def _chosen(states: list[tuple[Message, ...]], turns: Collection[int]) -> list[tuple[Message, ...]]:
    return [state for number, state in enumerate(states, 1) if not turns or number in turns]
