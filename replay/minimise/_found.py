"""What a search found: the smallest conversation, what that is worth, and what was left out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import unified_diff

from replay import fixtures
from replay.conversation import Conversation, Object
from replay.jsontext import canonical
from replay.oracle import Failure, Measured, Probe
from replay.stats import rate


@dataclass(frozen=True, slots=True)
class Minimised:
    """The smallest probe that was found; it fails as the original did.

    `before` is the original's rate, None for an oracle that says the same each time; `after` how often the
    smallest failed, of how many attempts on which nothing was decided. `minimal`: nothing of it can be left
    out, wrong (as is that it still fails) with a chance of at most `error`. `ended` says why it may not be.
    `tests` counts candidates, `asked` the attempts made now, `known` those that had been made before.
    `attempt` is one at which the smallest failed.
    """

    original: Probe
    smallest: Probe
    failure: Failure
    before: Measured | None
    after: tuple[int, int] | None
    minimal: bool
    ended: str
    error: float
    tests: int
    asked: int
    known: int
    attempt: int | None = None

    @property
    def diff(self) -> str:
        """How the smallest differs from the original, as lines of their fixtures."""
        was, now = (_lines(one.conversation) for one in (self.original, self.smallest))
        names = self.original.conversation.name, self.smallest.conversation.name
        return "\n".join(unified_diff(was, now, *names, n=1, lineterm=""))

    @property
    def sizes(self) -> tuple[int, int]:
        """Characters of what is asked, before and after."""
        was, now = _asked(self.original.conversation), _asked(self.smallest.conversation)
        return len(canonical(was)), len(canonical(now))

    def to_json(self) -> Object:
        """Return all of it, for machines."""
        was, now = self.sizes
        rates: Object = {}
        if self.before is not None:
            rates["before"] = self.before.to_json()
        if self.after is not None:
            failed, times = self.after
            rates["after"] = Measured(failed, times, 0.0).to_json()
        return {
            "conversation": self.original.conversation.name,
            "target": self.original.target.name,
            "failure": str(self.failure),
            "minimal": self.minimal,
            "ended": self.ended,
            "error": self.error if self.before is not None else 0.0,
            "size": {"before": was, "after": now},
            "messages": {
                "before": len(self.original.conversation.messages),
                "after": len(self.smallest.conversation.messages),
            },
            "rates": rates,
            "candidates": self.tests,
            "probes": {"asked": self.asked, "known": self.known},
            "smallest": _asked(self.smallest.conversation),
            "diff": self.diff,
        }

    def text(self) -> str:
        """Say it to a person."""
        name, (was, now) = self.original.conversation.name, self.sizes
        said = [
            f"{name} fails with {self.failure}; {now:,} of {was:,} characters will do",
            self._worth(),
            f"{self.tests} candidates, {self.asked} probes asked now, {self.known} known from before",
        ]
        if self.ended:
            said.append(f"ended early: {self.ended}")
        return "\n".join((*said, "", self.diff)).rstrip()

    def _worth(self) -> str:
        end = "nothing more of it can be left out" if self.minimal else "more of it may be left out"
        if self.before is None:
            return end
        told = f"{end}, and it fails the same way: wrong with a chance of at most {self.error:g} in all"
        if not self.minimal:
            told = f"{end}; it fails the same way: wrong with a chance of at most {self.error:g}"
        return "\n".join((told, _rate("the original failed", self.before[:2]), *self._after()))

    def _after(self) -> list[str]:
        return [_rate("the smallest failed, asked anew,", self.after)] if self.after else []


def _rate(what: str, counts: tuple[int, int]) -> str:
    failed, times = counts
    _, low, high = rate({(1, 1): failed, (0, 1): times - failed})
    return f"{what} {failed} of {times} times (95 % interval {low or 0:.0%} to {high or 0:.0%})"


def _lines(conversation: Conversation) -> list[str]:
    return fixtures.dump(replace(conversation, tags=(), source={})).split("\n")[1:]


def _asked(conversation: Conversation) -> Object:
    data = conversation.to_json()
    return {key: value for key, value in data.items() if key not in ("tags", "source")}
