"""`tool_result_size: 4000` or `tool_result_size: {max: 4000, tools: [search_*]}`, in characters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from replay.assertions._arguments import check_number, texts
from replay.assertions._found import Found, verdicts
from replay.conversation import Message
from replay.turn import Transcript
from replay.verdict import Verdict


@dataclass(frozen=True)
class ToolResultSize:
    """No result of a tool has more than `max` characters: every later turn pays for it again.

    `tools` are names and globs; without them, all.
    """

    max: int
    tools: str | list[str] | tuple[str, ...] = ("*",)

    def __post_init__(self) -> None:
        """Refuse a size that is none."""
        check_number("max", self.max, whole=True)
        texts("tools", self.tools)

    def __call__(self, transcript: Transcript) -> Iterable[Verdict]:
        """Judge each result in the turn that it is first sent in."""
        bad: list[Verdict] = []
        for number, name, text in _results(transcript):
            if len(text) > self.max and any(fnmatchcase(name, one) for one in texts("tools", self.tools)):
                message = (
                    f"turn {number}: {name} returned {len(text)} characters, expected at most {self.max}"
                )
                bad += verdicts(self, [Found("over", message, self.max, len(text))], number)
        return bad or verdicts(self, [])


def _results(transcript: Transcript) -> Iterator[tuple[int, str, str]]:
    """Yield turn, tool and text of each result, once."""
    seen: set[tuple[str, str]] = set()
    for number, turn in enumerate(transcript.turns, 1):
        names = {call.id: call.name for message in turn.request.messages for call in message.tool_calls}
        for message in turn.request.messages:
            key = (message.tool_call_id or "", message.text)
            if message.role in ("tool", "function") and key not in seen:
                seen.add(key)
                yield number, _tool(message, names), message.text


def _tool(message: Message, names: dict[str, str]) -> str:
    return names.get(message.tool_call_id or "") or str(message.extra.get("name") or "a tool")
