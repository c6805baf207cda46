"""The drift watch: a sample of the cassettes is asked again, live, and compared with what was recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from typing import Any

from replay import providers
from replay.assertions._cost import cost_of
from replay.cassette.match import key
from replay.config import Project
from replay.conversation import Object
from replay.errors import BadInput, NothingToRun, nearest
from replay.jsontext import canonical
from replay.limits import CONCURRENCY, gate
from replay.providers._wire import Answer
from replay.runner import Planned, Runner, cassette_path, targets_of
from replay.verify._drift import TIERS, Finding, compare, edited, sign_test
from replay.verify._rails import Ride, Step, along
from replay.verify._stale import planned_in
from replay.verify._watch import Watch, read

RETRIES = 2  # of a call, where its target does not say


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


def drift(
    project: Project,
    paths: Sequence[Path] = (),
    *,
    sample: int = 20,
    seed: int = 0,
    repeats: int = 1,
    inner: Any = None,
) -> Drift:
    """Ask `sample` cassettes of these suites live, every request `repeats` times; nothing is written.

    `inner` is the transport to send with. Raises BadInput, NothingToRun where there is no cassette.
    """
    if sample < 1 or repeats < 1:
        raise BadInput("--sample and --repeats must be at least 1")
    known = _recorded(planned_in(paths, project), project)
    chosen = _sample(known, sample, seed)
    names = {name for planned in chosen for name in targets_of(planned)}
    first = Runner(project, "verify", inner=inner, gate=gate(project, targets=names), retries=RETRIES)
    first.ready(names)
    found = Drift(len(known), len(chosen), seed, repeats)
    rides = list(along(chosen, Runner(project)))
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        watches = list(pool.map(partial(_watched, first, repeats), rides))
    for one, watched in zip(rides, watches, strict=True):
        _add(found, one, watched, first)
    return found


def _recorded(cases: Iterable[Planned], project: Project) -> list[Planned]:
    """Return one case for each cassette that is there and no fault is played over; nothing is asserted."""
    found = {
        str(path): replace(planned, entry=replace(planned.entry, assertions=()))
        for planned in cases
        if (path := cassette_path(project.cassettes, planned.case)).is_file() and not planned.entry.faults
    }
    if not found:
        raise NothingToRun("there is no cassette to ask again; record one: pytest --record-mode=once")
    return list(found.values())


def _sample(cases: Sequence[Planned], count: int, seed: int) -> list[Planned]:
    """Choose by a hash of seed and name: one more cassette changes the sample by one at most."""
    ranked = sorted(cases, key=lambda planned: sha256(f"{seed} {planned.case.id}".encode()).digest())
    return sorted(ranked[:count], key=lambda planned: planned.case.id)


def _watched(first: Runner, repeats: int, one: Ride) -> list[Watch]:
    """Play a case so many times; each with a network of its own over the common one."""
    if not any(step.exact for step in one.steps):
        return []
    entry, target = one.planned.entry, first.project.target(one.case.target)
    redactor = first.redactor(*targets_of(one.planned))
    watches = []
    for _ in range(repeats):
        watch = Watch(
            one.steps,
            lambda request: key(redactor.request(request), entry.ignore),
            redactor.response,
            providers.registry.get(target.provider),
            first.network,
        )
        result = replace(first, inner=watch).run(one.planned)
        watch.refused = watch.refused or "; ".join(verdict.message for verdict in result.verdicts[:1])
        watches.append(watch)
    return watches


def _add(found: Drift, one: Ride, watches: Sequence[Watch], runner: Runner) -> None:
    target = runner.project.target(one.case.target)
    provider = providers.registry.get(target.provider)
    if any(not step.exact for step in one.steps):
        found.stale.append(one.case.id)
    for place, step in enumerate(one.steps):
        if not step.exact or step.recorded is None:
            continue
        found.requests += 1
        live = [answer for watch in watches if (answer := watch.live[place]) is not None]
        if len(live) < len(watches):
            found.unanswered[one.case.id] = next((w.refused for w in watches if w.refused), "no answer came")
        if live:
            recorded = read(provider, step.recorded.response)
            found.asked.append(_judged(one.case.id, place + 1, recorded, live))
            _tally(found, recorded, live, step, target.settings.get("price"))


def _judged(case: str, turn: int, recorded: Answer, live: Sequence[Answer]) -> Asked:
    """Compare the first live answer with the recording, and the live ones with each other."""
    findings = compare(recorded, live[0])
    if len(live) == 1:
        return Asked(case, turn, tuple(findings))
    others = [compare(recorded, answer) for answer in live[1:]]
    between = max(edited(_said(one), _said(other)) for one, other in combinations(live, 2))
    noise = tuple(one for one in findings if _is_noise(one, others, between))
    away = edited(_said(recorded), _said(live[0]))
    kept = tuple(one for one in findings if one not in noise)
    return Asked(case, turn, kept, noise, (away, between))


def _is_noise(one: Finding, others: Sequence[Sequence[Finding]], between: float) -> bool:
    """Tell what not all live answers say alike; of texts, what is no further away than they are."""
    if one.tier == "text":
        return one.size <= between
    return not all(any(one == other for other in found) for found in others)


def _said(answer: Answer) -> str:
    return answer.reply.message.text if answer.reply else ""


def _tally(found: Drift, recorded: Answer, live: Sequence[Answer], step: Step, price: Any) -> None:
    for answer in live:
        found.calls += 1
        if answer.reply is None or step.turn is None:
            continue
        found.cost += cost_of(replace(step.turn, reply=answer.reply, error=None), price) or 0.0
        found.served[str(answer.reply.model)] += 1
        was = recorded.reply and recorded.reply.extra.get("system_fingerprint")
        now = answer.reply.extra.get("system_fingerprint")
        if was and now and was != now:
            found.fingerprints[str(was), str(now)] += 1


def checked_tier(tier: str) -> str:
    """Return the name of a tier. Raises BadInput with the nearest one."""
    if tier not in TIERS:
        raise BadInput(f'no tier is called "{tier}"; {nearest(tier, TIERS)}')
    return tier
