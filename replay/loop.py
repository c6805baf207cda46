"""How a play to completion goes on, and when it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from replay.conversation import Message, Object, user_turn_json

Unmatched = Literal["fail", "nearest", "error"]

ROUNDS = 20  # requests for one message of the user


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that a play may take; None is no cap.

    `rounds` are requests for one message of the user, `tokens` of prompts and completions together, `cost`
    is in US dollars, `seconds` are those of the answers as they were recorded and of tools as they take; a
    function that still runs when they are over is not waited for.
    """

    rounds: int = ROUNDS
    tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Loop:
    """What is done about tool calls, and what the user says when the model has stopped.

    `unmatched`: a call that nothing answers ends the play (`fail`), is answered by the nearest recorded
    result of its tool (`nearest`) or by an error (`error`). `user_turns` are the messages sent one by one
    when the model stops, None where the conversation's own are. `allowed_tools` are names and globs of the
    tools that may be executed, None for all; `grants` is what may be done that a tool `requires`.
    """

    unmatched: Unmatched = "fail"
    caps: Caps = Caps()
    user_turns: tuple[Message, ...] | None = None
    allowed_tools: tuple[str, ...] | None = None
    grants: tuple[str, ...] = ()

    def to_json(self) -> Object:
        """Return what a case of a suite says to be played so; nothing for what holds anyway."""
        plain = Caps()
        caps = {
            name: cap for name in Caps.__slots__ if (cap := getattr(self.caps, name)) != getattr(plain, name)
        }
        data: Object = {"unmatched": self.unmatched} if self.unmatched != "fail" else {}
        data |= {"caps": caps} if caps else {}
        if self.user_turns is not None:
            data["user_turns"] = [user_turn_json(message) for message in self.user_turns]
        if self.allowed_tools is not None:
            data["allowed_tools"] = list(self.allowed_tools)
        return data | ({"grants": list(self.grants)} if self.grants else {})
