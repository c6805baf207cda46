"""Plays until the model stops: tools answer its calls, and the user says what was scripted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace

from replay.conversation import Conversation
from replay.loop import Loop
from replay.player._caps import Meter
from replay.player._request import Halt, request_for
from replay.tools import Tools
from replay.turn import Request, Target, Turn


def to_completion(
    conversation: Conversation, target: Target, send: Callable[[Request], Turn], loop: Loop
) -> Iterator[Turn]:
    """Yield the turns of a play, each with the answers to its calls. Raises Halt."""
    messages, waiting = conversation.messages, deque(conversation.user_turns)
    tools, meter = Tools(conversation, loop), Meter(loop.caps, target)
    while True:
        turn = send(request_for(conversation, target, messages))
        meter.add(turn)
        said = None if turn.error or turn.reply is None else turn.reply.message
        if said is not None and said.tool_calls:
            with meter.tools():
                answered = tools.answer(said.tool_calls, meter.deadline)
            yield replace(turn, answers=answered.answers)
            if answered.problem:
                raise Halt("tool_result", answered.problem)
            news = answered.messages
        else:
            yield turn
            if said is None or not waiting:
                return
            news = (waiting.popleft(),)
            meter.next_user_turn()
        meter.check()
        messages = (*messages, said, *news)
