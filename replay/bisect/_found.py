"""Since when it fails, and what changed there."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import unified_diff

from replay.bisect._steps import Step
from replay.conversation import Object
from replay.documents import dump
from replay.oracle import Failure, Probe


@dataclass(frozen=True, slots=True)
class Bisected:
    """The first bad step, the last good one, and those between at which nothing could be asked.

    `error` bounds the chance that this is wrong; 0 where one attempt is an answer. `tested` names what was
    looked at, and whether it fails; `asked` and `known` count attempts.
    """

    first: Step
    last_good: Step
    doubtful: tuple[Step, ...]
    failure: Failure
    error: float
    tested: tuple[tuple[str, bool], ...]
    asked: int
    known: int

    @property
    def diff(self) -> str:
        """What of the question changed: the target, and the conversation as it is asked."""
        was, now = (_written(step.probe).split("\n") for step in (self.last_good, self.first))
        return "\n".join(unified_diff(was, now, self.last_good.name, self.first.name, n=2, lineterm=""))

    def to_json(self) -> Object:
        """Return all of it, for machines."""
        return {
            "first_bad": _told(self.first),
            "last_good": _told(self.last_good),
            "skipped": [_told(step) | {"reason": step.reason} for step in self.doubtful],
            "failure": str(self.failure),
            "error": self.error,
            "tested": [{"step": name, "bad": bad} for name, bad in self.tested],
            "probes": {"asked": self.asked, "known": self.known},
            "diff": self.diff,
        }

    def text(self) -> str:
        """Say it to a person."""
        sure = f" (wrong with a chance of at most {self.error:g})" if self.error else ""
        lines = [f"first bad: {_line(self.first)}{sure}", f"last good: {_line(self.last_good)}"]
        lines += [f"or one of these, which cannot be asked: {_line(step)}" for step in self.doubtful]
        lines.append(f"{len(self.tested)} steps tested, {self.asked} probes asked now, {self.known} known")
        return "\n".join((*lines, "", self.diff)).rstrip()


def _line(step: Step) -> str:
    return str(step.commit) if step.commit else step.name


def _told(step: Step) -> Object:
    commit = step.commit
    if commit is None:
        return {"target": step.name}
    return {"commit": commit.hash, "date": commit.date, "author": commit.author, "subject": commit.subject}


def _written(probe: Probe | None) -> str:
    if probe is None:
        return ""
    target = {"provider": probe.target.provider, "model": probe.target.model, **probe.target.settings}
    data = probe.conversation.to_json()
    asked = {key: value for key, value in data.items() if key not in ("tags", "source")}
    return dump({"target": target} | asked, open_lists=("messages", "tools"))
