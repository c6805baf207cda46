"""How often it fails, in which ways, and what changes that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from replay.conversation import Object
from replay.oracle import Answer, Failure, Measured, Probe
from replay.reproduce._trials import Tried

LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Way:
    """One way in which it failed: how often, what was said the first time, and which attempt that was."""

    assertion: str
    kind: str
    times: int
    message: str
    attempt: int

    def to_json(self) -> Object:
        """Return all of it, for machines."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Reproduced:
    """What came of asking: `measured` counts the failure that is meant, `ways` every failure that was seen.

    `asked` and `known` count attempts.
    """

    probe: Probe
    failure: Failure
    measured: Measured
    ways: tuple[Way, ...]
    tried: tuple[Tried, ...]
    attempt: int | None
    asked: int
    known: int

    def to_json(self) -> Object:
        """Return all of it, for machines."""
        return {
            "conversation": self.probe.conversation.name,
            "target": self.probe.target.name,
            "failure": str(self.failure),
            **self.measured.to_json(),
            "ways": [way.to_json() for way in self.ways],
            "params": [one.to_json() for one in self.tried],
            "probes": {"asked": self.asked, "known": self.known},
        }

    def text(self) -> str:
        """Say it to a person."""
        rate = self.measured.to_json()
        who = f"{self.probe.conversation.name} on {self.probe.target.name}"
        often = f"{rate['failed']} of {rate['of']} attempts, {rate['rate']:.0%}"
        head = f"{who}: {self.failure} in {often} (95 % interval {rate['low']:.0%} to {rate['high']:.0%})"
        ways = [f"  {way.times} x {way.assertion}: {way.kind} ({way.message})" for way in self.ways]
        tried = [f"  {_told(one)}" for one in self.tried]
        return "\n".join((head, *ways, *(["params, against as it was asked:", *tried] if tried else [])))


def _told(one: Tried) -> str:
    if one.refused:
        return f"{one.trial}: the provider takes none ({one.refused})"
    value, low, high = one.difference.interval
    matters = "matters" if one.p <= LEVEL else "no difference shown"
    interval = f"{low or 0:+.0%} to {high or 0:+.0%}"
    return (
        f"{one.trial}: {one.failed} of {one.times}, {value:+.0%} (95 % interval {interval}),"
        f" p = {one.p:.2g}: {matters}"
    )


def ways(answers: Sequence[Answer]) -> tuple[Way, ...]:
    """Return the distinct ways in which attempts failed, the most frequent first."""
    times = Counter(identity for answer in answers for identity in answer.identities)
    first: dict[tuple[str, str], tuple[str, int]] = {}
    for attempt, answer in enumerate(answers, 1):
        for assertion, kind, message in answer.wrong:
            first.setdefault((assertion, kind), (message, attempt))
    ranked = sorted(times.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Way(*identity, count, *first[identity]) for identity, count in ranked)
