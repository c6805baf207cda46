"""`capsule.json`: what a capsule holds, what it was made with, and what came of its cases.

    {"capsule": 1, "versions": {"python": "3.12.1", ...}, "code": [...], "needs": [...],
     "cases": [{"suite": "suites/support.yaml", "case": "support/refund[gpt-4o]#1", "outcome": "failed",
                "failures": [["tool_calls", "missing"]]}],
     "files": {"replay.toml": "<SHA-256>", ...}}

The hashes tell damage and careless edits. They are no signature: who can change a member can change them too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from replay.capsule._play import Key
from replay.capsule._versions import versions
from replay.capsule._zip import unpacked
from replay.choice import Failures
from replay.conversation import Json, Object
from replay.errors import BadInput, Fault
from replay.jsontext import parse

NAME = "capsule.json"
FORMAT = 1

Outcomes = dict[Key, tuple[str, Failures]]


@dataclass(frozen=True, slots=True)
class Capsule:
    """A capsule that was opened: its manifest, and its other members by name."""

    manifest: Object
    members: dict[str, bytes]

    @property
    def outcomes(self) -> Outcomes:
        """What came of each case where the capsule was made."""
        return {
            (one["suite"], one["case"]): (one["outcome"], frozenset(map(tuple, one["failures"])))
            for one in self.manifest["cases"]
        }


def written(members: Mapping[str, bytes], outcomes: Outcomes, told: Object) -> bytes:
    """Return the manifest of members; `told` is added to it."""
    cases = [
        {"suite": suite, "case": case, "outcome": outcome, "failures": sorted(map(list, failed))}
        for (suite, case), (outcome, failed) in sorted(outcomes.items())
    ]
    files = {name: _digest(data) for name, data in sorted(members.items())}
    data = {"capsule": FORMAT, "versions": versions(), **told, "cases": cases, "files": files}
    return json.dumps(data, indent=1).encode() + b"\n"


def opened(path: Path) -> Capsule:
    """Read a capsule and check it whole. Raises BadInput and StorageError."""
    members = unpacked(path)
    if NAME not in members:
        raise BadInput([Fault(str(path), 0, 0, f"this is no capsule: it holds no {NAME}")])
    try:
        manifest = parse(members.pop(NAME))
    except ValueError:
        raise BadInput([Fault(str(path), 0, 0, f"{NAME} is damaged: it is no JSON")]) from None
    faults = [Fault(str(path), 0, 0, message) for message in _faults(manifest, members)]
    if faults:
        raise BadInput(faults)
    return Capsule(manifest, members)


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def _faults(manifest: Json, members: Mapping[str, bytes]) -> Iterator[str]:
    if not isinstance(manifest, dict) or manifest.get("capsule") != FORMAT:
        said = manifest.get("capsule") if isinstance(manifest, dict) else None
        newer = "; install a newer one" if isinstance(said, int) and said > FORMAT else ""
        yield f"this capsule is of format {said!r}, this Replay reads {FORMAT}{newer}"
        return
    files, cases = manifest.get("files"), manifest.get("cases")
    if not isinstance(files, dict) or not isinstance(cases, list) or not cases:
        yield f"{NAME} does not say what the capsule holds"
        return
    for name in sorted({*files, *members}):
        if name not in members:
            yield f"{name} is missing"
        elif files.get(name) != _digest(members[name]):
            yield f"{name} is not what was packed" if name in files else f"{name} was added later"
    yield from (
        f"{NAME}: case {number} is none" for number, one in enumerate(cases, 1) if not _is_case(one, members)
    )
    if not isinstance(manifest.get("versions"), dict):
        yield f"{NAME} names no versions"


def _is_case(one: Json, members: Mapping[str, bytes]) -> bool:
    """Tell whether this names a case of a suite that is inside, on one line."""
    return (
        isinstance(one, dict)
        and str(one.get("suite")).startswith("suites/")
        and one["suite"] in members
        and isinstance(one.get("case"), str)
        and one["case"].isprintable()
        and isinstance(one.get("outcome"), str)
        and isinstance(one.get("failures"), list)
        and all(isinstance(pair, list) and len(pair) == 2 for pair in one["failures"])
        and all(isinstance(text, str) for pair in one["failures"] for text in pair)
    )
