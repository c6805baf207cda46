"""What the run of a shard says of itself, so that joining it can tell what is missing or of another plan."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from replay.conversation import Object
from replay.pytest_plugin.cases import CaseLike
from replay.runs import Shard


def part_of(shard: Shard, cases: Iterable[CaseLike]) -> Object:
    """Return what the header of a shard's run says: which it is, of which plan, and how many cases it has.

    `plan` is the hash of all cases of all shards, and of the suites that they are from.
    """
    found = {(one.planned.case.suite, one.planned.case.id): one for one in cases}
    plan = sha256("\n".join(map("\0".join, sorted(found))).encode("utf-8", "surrogatepass"))
    for path in sorted({one.project.root / one.planned.suite for one in found.values()}):
        plan.update(path.read_bytes())
    own = sum(one.planned.case in shard for one in found.values())
    return {"shard": str(shard), "plan": plan.hexdigest(), "cases": own}
