"""Plays one conversation against one target into a transcript."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from replay.conversation import Conversation, Message
from replay.tools import RecordedResults, Unanswered
from replay.turn import Play, Request, Target, Transcript, Turn

MAX_ROUNDS = 20

Send = Callable[[Request], Turn]


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
) -> Transcript:
    """Play a conversation; `send` turns a request into a turn.

    `next_turn` sends the messages as they are; `every_turn` sends, for each assistant message (`turns`: only
    for these, counted from 1), the history before it; `to_completion` answers tool calls from the recorded
    results until the model stops. Raises Stopped where a tool call has no recorded result, where there is no
    assistant turn to play, or after MAX_ROUNDS.
    """
    empty = Transcript(conversation, target, (), how)
    if how == "to_completion":
        return _to_completion(empty, send)
    states = [conversation.messages] if how == "next_turn" else _chosen(states_of(conversation), turns)
    if not states:
        raise Stopped("no_turn", f"{conversation.name} has no assistant message to play up to", empty)
    return replace(empty, turns=tuple(send(request_for(conversation, target, state)) for state in states))


def request_for(conversation: Conversation, target: Target, messages: tuple[Message, ...]) -> Request:
    """Return what is asked of the target after these messages."""
    return Request(target.model, messages, conversation.tools, conversation.params)


def states_of(conversation: Conversation) -> list[tuple[Message, ...]]:
    """Return the history before each assistant message, which `every_turn` sends."""
    messages = conversation.messages
    return [
        messages[:place] for place, message in enumerate(messages) if place and message.role == "assistant"
    ]


def _chosen(states: list[tuple[Message, ...]], turns: Collection[int]) -> list[tuple[Message, ...]]:
    return [state for number, state in enumerate(states, 1) if not turns or number in turns]


def _to_completion(transcript: Transcript, send: Send) -> Transcript:
    conversation, messages = transcript.conversation, transcript.conversation.messages
    results = RecordedResults(conversation.tool_results)
    for _ in range(MAX_ROUNDS):
        turn = send(request_for(conversation, transcript.target, messages))
        transcript = replace(transcript, turns=(*transcript.turns, turn))
        if turn.error or turn.reply is None or not turn.reply.message.tool_calls:
            return transcript
        try:
            answers = [results.answer(call) for call in turn.reply.message.tool_calls]
        except Unanswered as problem:
            raise Stopped("tool_result", str(problem), transcript) from None
        messages = (*messages, turn.reply.message, *answers)
    raise Stopped("rounds", f"the model still calls tools after {MAX_ROUNDS} rounds", transcript)
