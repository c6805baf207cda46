"""The drift watch: a sample of the cassettes is asked again, live, and compared with what was recorded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from typing import Any

from replay import providers
from replay.cassette.match import key
from replay.config import Project
from replay.cost import cost_of
from replay.errors import BadInput, NothingToRun
from replay.limits import CONCURRENCY, gate
from replay.providers._wire import Answer
from replay.runner import Planned, Runner, cassette_path, targets_of
from replay.verify._drift import Finding, compare, edited
from replay.verify._rails import Ride, Step, along
from replay.verify._shown import Asked, Drift
from replay.verify._stale import planned_in
from replay.verify._watch import Watch, read

RETRIES = 2  # of a call, where its target does not say


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
