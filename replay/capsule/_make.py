"""Makes a capsule: gathered, redacted, played from what was gathered, and looked at once more."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from replay import atomic
from replay.capsule._code import inside
from replay.capsule._manifest import NAME, Outcomes, written
from replay.capsule._members import gather
from replay.capsule._play import Key, outcomes, play, unpack
from replay.capsule._versions import versions
from replay.capsule._words import identities
from replay.capsule._zip import packed, unpacked
from replay.cassette.redact import Redactor
from replay.choice import Chosen, choose, left_out
from replay.conversation import Object
from replay.errors import BadInput, Fault
from replay.rescan import File, cleaned, found_in
from replay.runner import Runner, targets_of

REPORT = "report"


@dataclass(frozen=True, slots=True)
class Made:
    """A capsule that was written: what is inside, what was replaced, and what is odd about it.

    `code` is what would run, `replaced` how much of each kind of secret or personal data was taken out.
    """

    path: Path
    size: int
    files: tuple[str, ...]
    outcomes: Outcomes
    code: tuple[str, ...]
    replaced: dict[str, int]
    warnings: tuple[str, ...]

    def to_json(self) -> Object:
        """Return a JSON object."""
        cases = [
            {"suite": suite, "case": case, "outcome": outcome, "failures": sorted(map(list, failed))}
            for (suite, case), (outcome, failed) in self.outcomes.items()
        ]
        told = {"code": list(self.code), "replaced": self.replaced, "warnings": list(self.warnings)}
        return {
            "capsule": str(self.path),
            "bytes": self.size,
            "files": list(self.files),
            "cases": cases,
        } | told

    def text(self) -> str:
        """What a person reads: what is inside, what was taken out, and what to type."""
        count = len(self.outcomes)
        cases = "1 case" if count == 1 else f"{count} cases"
        lines = [f"{self.path}: {cases}, {len(self.files)} files, {self.size:,} bytes"]
        lines += [
            f"  {case}: {outcome}" + (f" ({identities(failed)})" if failed else "")
            for (_, case), (outcome, failed) in self.outcomes.items()
        ]
        if self.replaced:
            done = ", ".join(f"{count} {kind}" for kind, count in sorted(self.replaced.items()))
            lines.append(f"replaced: {done}")
        if self.code:
            lines.append(f"code inside, which runs when it is run: {', '.join(self.code)}")
        return "\n".join((*lines, f"play it: replay run {self.path}{' --trust' if self.code else ''}"))


def make(words: Sequence[str], out: Path, *, every: bool = False) -> Made:
    """Write a capsule of the cases that words name; see `choose` for these.

    The same cases give the same bytes. Raises BadInput, also where a secret would be inside or the cases
    cannot be played from what is, NothingToRun and StorageError; then nothing is written.
    """
    _check_place(out)
    chosen = choose(words, every=every)
    redactor = _redactor(chosen)
    gathered = gather(chosen)
    members, replaced = _cleaned(gathered.members, redactor)
    found, report = _played(members, chosen, redactor)
    members |= report
    code = inside(members)
    members[NAME] = written(members, found, {"code": code, "needs": list(gathered.code.needs)})
    _refuse_secrets(members, redactor)
    data = packed(members)
    atomic.write(out, [data])
    warnings = (*gathered.warnings, *left_out(words, every=every), *_changed(chosen, found))
    return Made(out, len(data), tuple(sorted(members)), found, tuple(code), dict(replaced), warnings)


def _check_place(out: Path) -> None:
    """Refuse to take the place of a file that is no capsule."""
    if not out.exists():
        return
    try:
        is_capsule = NAME in unpacked(out)
    except BadInput:
        is_capsule = False
    if not is_capsule:
        raise BadInput(f"--out {out} is there already and is no capsule; choose another name")


def _redactor(chosen: Sequence[Chosen]) -> Redactor:
    targets = {name for one in chosen for name in targets_of(one.planned)}
    return Runner(chosen[0].project).redactor(*sorted(targets))


def _cleaned(members: Mapping[str, bytes], redactor: Redactor) -> tuple[dict[str, bytes], Counter[str]]:
    """Return the members without secrets, and how much of each kind was replaced. Raises BadInput."""
    clean, replaced = dict[str, bytes](), Counter[str]()
    faults = [
        Fault(name, 0, 0, f"the file's name holds {kind}; rename it")
        for name in members
        for kind, _ in redactor.find(name)
    ]
    for name, data in members.items():
        try:
            clean[name], done = cleaned(File(Path(name), data), redactor)
        except BadInput as problem:
            faults += problem.faults
            continue
        replaced.update(done.kinds if done else {})
    if faults:
        raise BadInput(faults)
    return clean, replaced


def _played(
    members: Mapping[str, bytes], chosen: Sequence[Chosen], redactor: Redactor
) -> tuple[Outcomes, dict[str, bytes]]:
    """Play the cases from the members alone; return what came of them, and the report of it."""
    from replay.report.render import render

    with TemporaryDirectory(prefix="replay-capsule-") as name:
        folder = Path(name)
        unpack(members, folder)
        results = play(folder, [_key(one) for one in chosen], folder / REPORT)
        run = folder / REPORT / "run.jsonl"
        lines = [{"replay": 1, "mode": "none", "versions": versions()}, *results]
        text = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
        run.write_bytes(cleaned(File(Path(f"{REPORT}/run.jsonl"), text), redactor)[0])
        render(run, page := run.with_name("index.html"))
        files = {f"{REPORT}/{path.name}": path.read_bytes() for path in (run, page)}
    return outcomes(results), files


def _key(one: Chosen) -> Key:
    return one.planned.suite, one.planned.case.id


def _refuse_secrets(members: Mapping[str, bytes], redactor: Redactor) -> None:
    faults = [
        Fault(name, one.line, 0, f"{one.kind} would be inside; nothing was written")
        for name, data in members.items()
        for one in found_in(File(Path(name), data), redactor)
    ]
    if faults:
        raise BadInput(faults)


def _changed(chosen: Iterable[Chosen], found: Outcomes) -> Iterator[str]:
    """Say which cases fail in another way than in the run that they are from."""
    for one in chosen:
        _, now = found[_key(one)]
        if one.failed is not None and one.failed != now:
            told = f"in the run: {identities(one.failed)}; from what is packed: {identities(now)}"
            yield f"{one.planned.case.id} is not as in the run: a file has changed since; {told}"
