"""`no_duplicate_effects`, `no_duplicate_effects: [refund, book_*]`: no write is executed twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from replay.assertions._arguments import check_choice, texts
from replay.assertions._effects import duplicates, twice, written_by
from replay.assertions._found import verdicts
from replay.conversation import TOOL_STATUSES, Conversation
from replay.errors import Fault
from replay.turn import Transcript
from replay.verdict import Verdict

Names = str | list[str] | tuple[str, ...]


@dataclass(frozen=True)
class NoDuplicateEffects:
    """No write is executed twice with the same arguments, over retries, timeouts and resumed runs.

    Writes are the tools with `effect: write`, and the `tools` that are named (or globs). `ignore` names
    arguments that do not count, such as a key made anew for each call. A call whose answer has a status in
    `undone` did nothing; one of status `error` may have. `contract` does the same for `effect: write` alone.
    """

    tools: Names = ()
    ignore: Names = ()
    undone: Names = ("permission_denied",)
    excuses = ("duplicate_effect",)

    def __post_init__(self) -> None:
        """Refuse what names nothing."""
        for status in _texts("undone", self.undone):
            check_choice("undone", status, TOOL_STATUSES)
        _texts("tools", self.tools)
        _texts("ignore", self.ignore)

    def __call__(self, transcript: Transcript) -> Iterable[Verdict]:
        """Judge the whole transcript; the verdict stands at the later of two places."""
        declared, named = written_by(transcript), _texts("tools", self.tools)

        def writes(tool: str) -> bool:
            return tool in declared or any(fnmatchcase(tool, name) for name in named)

        found = duplicates(transcript, writes, _texts("ignore", self.ignore), _texts("undone", self.undone))
        bad = [one for pair in found for one in verdicts(self, [twice("repeated", *pair)], pair[1].turn)]
        return bad or verdicts(self, [])

    def review(self, conversation: Conversation) -> Iterator[Fault]:
        """Warn where no tool is known to write: nothing could be found."""
        writes = any(tool.effect == "write" for tool in conversation.tools)
        if conversation.tools and not writes and not self.tools:
            message = (
                "no_duplicate_effects: no tool has `effect: write`; say so in the fixture, or name tools"
            )
            yield Fault("", 0, 0, message, warning=True)


def _texts(name: str, given: Names) -> tuple[str, ...]:
    return texts(name, given) if given else ()
