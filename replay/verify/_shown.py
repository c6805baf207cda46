"""What asking a sample again has shown."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from replay.conversation import Object
from replay.jsontext import canonical
from replay.verify._drift import TIERS, Finding, sign_test


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that was asked live, and what differs from its recording.

    `noise` is the part of it that live answers differ in from each other as much. `apart` is how far the text
    is from the recording and how far live texts are from each other at most (shares edited), None where
    that was asked once only.
    """

    case: str
    turn: int
    findings: tuple[Finding, ...]
    noise: tuple[Finding, ...] = ()
    apart: tuple[float, float] | None = None

    def to_json(self) -> Object:
        """Return all of it."""
        return {
            "case": self.case,
            "turn": self.turn,
            "findings": [one.to_json() for one in self.findings],
            "noise": [one.to_json() for one in self.noise],
        }


@dataclass(slots=True)
class Drift:
    """What a sample has shown. `cassettes` of `known` ones were asked; `cost` is US dollars of what was sent.

    `unanswered` says why a case has requests without a live answer; `stale` cases hold requests that are not
    sent any more (see `stale`). `fingerprints` are the pairs (recorded, live) that differ.
    """

    known: int
    cassettes: int
    seed: int
    repeats: int
    requests: int = 0
    calls: int = 0
    cost: float = 0.0
    asked: list[Asked] = field(default_factory=list)
    unanswered: dict[str, str] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)
    served: Counter[str] = field(default_factory=Counter)
    fingerprints: Counter[tuple[str, str]] = field(default_factory=Counter)

    def count(self, tier: str) -> tuple[int, int]:
        """Return in how many requests something of a tier drifted, and in how many all of it is noise."""
        drifted = sum(any(one.tier == tier for one in asked.findings) for asked in self.asked)
        noisy = sum(any(one.tier == tier for one in asked.noise) for asked in self.asked)
        both = sum({tier} <= {f.tier for f in a.findings} & {f.tier for f in a.noise} for a in self.asked)
        return drifted, noisy - both

    def reaches(self, tier: str) -> bool:
        """Whether anything drifted in a tier, or in a worse one."""
        return any(self.count(one)[0] for one in TIERS[: TIERS.index(tier) + 1])

    @property
    def worst(self) -> list[tuple[Finding, list[Asked]]]:
        """Every finding with the requests that have it: the worst tier first, in it the most, the largest."""
        groups: dict[str, tuple[Finding, list[Asked]]] = {}
        for asked in self.asked:
            for one in asked.findings:
                groups.setdefault(canonical(one.to_json()), (one, []))[1].append(asked)
        return sorted(groups.values(), key=lambda g: (TIERS.index(g[0].tier), -len(g[1]), -g[0].size))

    @property
    def wording(self) -> tuple[int, int, float] | None:
        """How many texts are further from the recording than live ones from each other, how many less; p.

        None where nothing was asked twice. The p is of a sign test: had nothing drifted, both were as likely.
        """
        pairs = [asked.apart for asked in self.asked if asked.apart]
        more = sum(away > between for away, between in pairs)
        less = sum(away < between for away, between in pairs)
        return (more, less, sign_test(more, less)) if pairs else None

    def to_json(self) -> Object:
        """Return all of it."""
        tiers = {tier: dict(zip(("drift", "noise"), self.count(tier), strict=True)) for tier in TIERS}
        plain = ("known", "cassettes", "seed", "repeats", "requests", "calls", "cost", "unanswered", "stale")
        return {name: getattr(self, name) for name in plain} | {
            "tiers": tiers,
            "asked": [asked.to_json() for asked in self.asked],
            "served": dict(self.served),
            "fingerprints": [[*pair, count] for pair, count in self.fingerprints.items()],
            "wording": self.wording and dict(zip(("more", "less", "p"), self.wording, strict=True)),
        }
