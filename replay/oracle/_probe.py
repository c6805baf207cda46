"""One question: a conversation, asked of a target, played and judged in one way."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from replay.assertions._found import names_of
from replay.conversation import Conversation
from replay.jsontext import canonical
from replay.suites import Entry
from replay.turn import Target

_NOT_ASKED = ("price", "limits", "retries", "timeout")  # settings that change no answer
_FILE = re.compile(r"[\w./-]+\.(?:py|json|ya?ml)")  # as an assertion names one


@dataclass(frozen=True)
class Probe:
    """A conversation against a target; `entry` says how it is played and judged."""

    conversation: Conversation
    target: Target
    entry: Entry

    @cached_property
    def key(self) -> str:
        """The hash of what is asked: whatever else differs, the answer could be the same."""
        settings = {key: said for key, said in self.target.settings.items() if key not in _NOT_ASKED}
        data = self.conversation.to_json()
        goes_on = self.entry.play == "to_completion"
        said = {
            "messages": data["messages"],
            "tools": data.get("tools"),
            "params": self.conversation.params,
            "tool_results": data.get("tool_results") if goes_on else None,
            "loop": [data.get("user_turns"), self.entry.loop.to_json()] if goes_on else None,
            "target": [self.target.provider, self.target.model, settings],
            "play": [self.entry.play, *self.entry.turns],
            "faults": [repr(fault) for fault in self.entry.faults],
        }
        return sha256(canonical(said).encode()).hexdigest()[:32]

    def judged(self, root: Path) -> str:
        """Return the hash of how it is judged: the assertions, and the files of the project they name."""
        said = repr(self.entry.assertions)
        digest = sha256(f"{version('conversation-replay')} {said}".encode())
        for name in sorted(set(_FILE.findall(said))):
            if (root / name).is_file():
                digest.update((root / name).read_bytes())
        return digest.hexdigest()[:16]

    def of(self, conversation: Conversation, **entry: object) -> Probe:
        """Return the same question about another conversation; `entry` is what else is new in the entry."""
        return Probe(conversation, self.target, replace(self.entry, **entry))  # type: ignore[arg-type]

    def judging(self, assertion: str) -> Probe:
        """Return the same question with only the assertions that decide on a failure of this one."""
        kept = (
            one
            for one in self.entry.assertions
            if assertion in names_of(one) or (assertion == "contract" and hasattr(one, "excuses"))
        )
        return self.of(self.conversation, assertions=tuple(kept))
