"""Which calls of a transcript were executed, and which of them did the same twice.

A call of a reply was executed where its answer says so, or where a later request answers it. A call in the
messages of a request was executed before: it is one more unless it is known, by its id, from an earlier
request or reply. So what was done before a run was resumed counts as what is done after it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, zip_longest

from replay.assertions._calls import arguments_of
from replay.assertions._found import Found
from replay.conversation import Json, Message, Object, ToolCall
from replay.jsontext import canonical
from replay.turn import Transcript, Turn

Key = tuple[str, str, str]

_SHOWN = 160  # characters of arguments


@dataclass(frozen=True, slots=True)
class Effect:
    """A call that was executed: in the reply of a turn, or in the `message` (from 1) of what was sent there.

    `status` is that of its answer, "" where it is not known.
    """

    turn: int
    call: ToolCall
    status: str = ""
    message: int | None = None

    @property
    def key(self) -> Key:
        """What it is known by when it is seen again."""
        return (self.call.id, self.call.name, self.said())

    @property
    def place(self) -> str:
        """Where it is, in words."""
        where = (
            f"turn {self.turn}" if self.message is None else f"message {self.message} before turn {self.turn}"
        )
        about = ", ".join(filter(None, (self.call.id, self.status)))
        return f"{where} ({about})" if about else where

    def said(self, ignore: Collection[str] = ()) -> str:
        """The arguments as canonical JSON without the ignored ones; text that is no JSON as it is."""
        try:
            value: Json = arguments_of(self.call)
        except ValueError:
            return self.call.arguments.strip()
        if isinstance(value, dict):
            value = {name: item for name, item in value.items() if name not in ignore}
        return canonical(value)

    def to_json(self) -> Object:
        """Return what is shown of it."""
        data = {"turn": self.turn, "message": self.message, "id": self.call.id, "name": self.call.name}
        data |= {"arguments": self.call.arguments, "status": self.status}
        return {name: value for name, value in data.items() if value not in (None, "")}


def executed(transcript: Transcript) -> list[Effect]:
    """Return the calls that were executed, in the order in which they are first seen."""
    found: list[Effect] = []
    known: Counter[Key] = Counter()
    for number, turn in enumerate(transcript.turns, 1):
        for key, effects in _in_history(number, turn.request.messages).items():
            found += effects[known[key] :]
            known[key] = max(known[key], len(effects))
        for effect, done in _in_reply(number, turn, transcript.turns[number:]):
            found += [effect] if done else []
            known[effect.key] += done or bool(
                turn.answers
            )  # a refused call is answered too, and known by that
    return found


def duplicates(
    transcript: Transcript,
    writes: Callable[[str], bool],
    ignore: Collection[str] = (),
    undone: Collection[str] = ("permission_denied",),
) -> Iterator[tuple[Effect, Effect]]:
    """Yield the first execution of a write with each further one of the same write.

    The same are calls of one tool with the same arguments, but for the ignored ones; their ids do not count.
    Those whose answer has a status in `undone` did nothing.
    """
    first: dict[tuple[str, str], Effect] = {}
    for effect in executed(transcript):
        if writes(effect.call.name) and effect.status not in undone:
            same = (effect.call.name, effect.said(ignore))
            if same in first:
                yield first[same], effect
            first.setdefault(same, effect)


def twice(kind: str, one: Effect, other: Effect) -> Found:
    """Say that the same was done in two places."""
    said = one.said()
    call = f"{one.call.name}({said if len(said) <= _SHOWN else said[:_SHOWN] + '...'})"
    message = f"{call} was executed twice: in {one.place} and in {other.place}"
    return Found(kind, message, None, [one.to_json(), other.to_json()])


def written_by(transcript: Transcript) -> set[str]:
    """Return the names of the tools that are declared to write."""
    return {tool.name for tool in transcript.conversation.tools if tool.effect == "write"}


def _in_history(number: int, messages: tuple[Message, ...]) -> dict[Key, list[Effect]]:
    found: dict[Key, list[Effect]] = defaultdict(list)
    for place, message in enumerate(messages):
        for call in message.tool_calls:
            if _answers(call, islice(messages, place + 1, None)):
                effect = Effect(number, call, message=place + 1)
                found[effect.key].append(effect)
    return found


def _in_reply(number: int, turn: Turn, later: tuple[Turn, ...]) -> Iterator[tuple[Effect, bool]]:
    """Yield each call of a reply, and whether it was executed."""
    calls = turn.reply.message.tool_calls if turn.reply else ()
    for call, answer in zip_longest(calls, turn.answers[: len(calls)]):
        effect = Effect(number, call, answer.status if answer else "")
        yield effect, answer.executed if answer else not turn.answers and _answered(effect.key, later)


def _answered(key: Key, later: Iterable[Turn]) -> bool:
    """Whether a request answers a call before another reply makes the same one."""
    for turn in later:
        if key in _in_history(0, turn.request.messages):
            return True
        if turn.reply and any(Effect(0, call).key == key for call in turn.reply.message.tool_calls):
            return False
    return False


def _answers(call: ToolCall, after: Iterable[Message]) -> bool:
    if call.type == "function_call":
        return any(one.role == "function" and one.extra.get("name") == call.name for one in after)
    return any(one.role == "tool" and one.tool_call_id == call.id for one in after)
