"""How a live answer differs from the recorded one, in tiers: shape, tool calls, text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from math import comb

from replay.conversation import Json, Object, ToolCall
from replay.diff import Difference, aligned, differences, readable, words
from replay.errors import BadInput, nearest
from replay.providers._wire import Answer
from replay.turn import Reply

TIERS = ("shape", "tool_calls", "text")  # worst first


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was recorded. `what` names it, wherever it shows.

    `size` is how large it is: for text the share of it that was edited (0 to 1), else 1.
    """

    tier: str
    what: str
    before: Json
    after: Json
    size: float = 1.0

    @property
    def diff(self) -> str:
        """The difference as lines, as `replay.diff.readable` writes them."""
        kind = "added" if self.before is None else "removed" if self.after is None else "changed"
        return readable([Difference(self.what, kind, self.before, self.after)])

    def to_json(self) -> Object:
        """Return all of it."""
        return {name: getattr(self, name) for name in self.__slots__}


def compare(recorded: Answer, live: Answer) -> list[Finding]:
    """Return what differs, the worst tier first."""
    before, after = _outcome(recorded), _outcome(live)
    if before != after:
        return [Finding("shape", "status", before, after)]
    if recorded.reply is None or live.reply is None:
        return []
    pair = recorded.reply, live.reply
    return list(chain(_shape(*pair), _calls(*pair), _text(*pair)))


def _outcome(answer: Answer) -> str:
    """What an answer is: a reply, or an error of some kind."""
    error = answer.error
    if error is None:
        return "reply" if answer.reply else "nothing"
    return " ".join(str(word) for word in (error.status, error.kind, error.code) if word)


def _shape(before: Reply, after: Reply) -> Iterator[Finding]:
    for what, was, now in (
        ("finish_reason", before.finish_reason, after.finish_reason),
        ("served model", before.model, after.model),
        ("choices", len(before.choices()), len(after.choices())),
    ):
        if was != now:
            yield Finding("shape", what, was, now)
    old, new = _fields(before), _fields(after)
    for path in dict.fromkeys((*old, *new)):
        if old.get(path) != new.get(path):
            yield Finding("shape", f"field {path}", old.get(path), new.get(path))


def _fields(reply: Reply) -> dict[str, str]:
    """The types of all fields of a response beside its content, by path; what is null says nothing."""
    rest = {name: value for name, value in reply.extra.items() if name != "usage"}
    usage = reply.extra.get("usage") or (reply.usage.to_json() if reply.usage else None)
    found: dict[str, set[str]] = {}
    for path, value in _leaves({**rest, "usage": usage, "message": reply.message.extra}, ""):
        found.setdefault(path, set()).add(value)
    return {path: " or ".join(sorted(types)) for path, types in found.items()}


def _leaves(value: Json, path: str) -> Iterator[tuple[str, str]]:
    """Yield path and type of everything that is no container, with `[*]` for any place in a list."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, f"{path}[*]")
    elif value is not None:
        yield path, _type(value)


def _type(value: Json) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "string"


def _calls(before: Reply, after: Reply) -> Iterator[Finding]:
    old, new = (list(map(_call, reply.message.tool_calls)) for reply in (before, after))
    for was, now in aligned(old, new):
        if was is None or now is None:
            name = (was or now or {})["name"]
            yield Finding("tool_calls", f"call of {name}", was, now)
            continue
        for one in differences(was["arguments"], now["arguments"]):
            yield Finding("tool_calls", f"{was['name']}: {one.path}", one.before, one.after)


def _call(call: ToolCall) -> Object:
    try:
        return {"name": call.name, "arguments": call.parsed()}
    except ValueError:
        return {"name": call.name, "arguments": call.arguments}


def _text(before: Reply, after: Reply) -> Iterator[Finding]:
    was, now = before.message.text, after.message.text
    if was != now:
        yield Finding("text", "text", was, now, edited(was, now))


def edited(before: str, after: str) -> float:
    """Return the share of the longer of two texts that is not the same in both, word by word."""
    if before == after:
        return 0.0
    same = sum(len(text) for mark, text in words(before, after) if mark == " ")
    return 1 - same / max(len(before), len(after))


def sign_test(more: int, less: int) -> float:
    """Return the two-sided p of `more` against `less` if both were as likely (J. Arbuthnott, 1710)."""
    total = more + less
    tail: float = sum(comb(total, k) for k in range(min(more, less) + 1)) / 2**total
    return min(1.0, 2 * tail)


def checked_tier(tier: str) -> str:
    """Return the name of a tier. Raises BadInput with the nearest one."""
    if tier not in TIERS:
        raise BadInput(f'no tier is called "{tier}"; {nearest(tier, TIERS)}')
    return tier
