"""What a sample covers, and what it leaves out, as it is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from replay.conversation import Object
from replay.record._features import KINDS


@dataclass(frozen=True, slots=True)
class Value:
    """A feature that counts, and in how many conversations it occurs."""

    id: int
    kind: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a sample of `kept` out of `total` conversations covers, and which values it leaves out."""

    kept: int
    total: int
    seed: int
    covered: tuple[Value, ...]
    left_out: tuple[Value, ...]

    def to_json(self) -> Object:
        """Return counts of values by kind, and what is left out with the number of its conversations."""
        return {
            "kept": self.kept,
            "of": self.total,
            "seed": self.seed,
            "covered": {kind: {"values": covered, "of": total} for kind, covered, total in self._kinds()},
            "left_out": self._left_out(),
        }

    @property
    def lines(self) -> Iterator[str]:
        """What a person is told."""
        values = len(self.covered) + len(self.left_out)
        covers = f"covers {len(self.covered)} of {values} values (seed {self.seed})"
        yield f"sample: {self.kept} of {self.total} conversations, {covers}"
        left_out = self._left_out()
        for kind, covered, total in self._kinds():
            missing = ", ".join(
                f"{label} ({count})" for label, count in list(left_out.get(kind, {}).items())[:10]
            )
            more = f", {len(left_out[kind]) - 10} more" if len(left_out.get(kind, {})) > 10 else ""
            yield f"  {KINDS[kind]}: {covered} of {total}" + (
                f"; left out: {missing}{more}" if missing else ""
            )

    def _kinds(self) -> Iterator[tuple[str, int, int]]:
        covered, missing = (Counter(one.kind for one in values) for values in (self.covered, self.left_out))
        return (
            (kind, covered[kind], covered[kind] + missing[kind])
            for kind in KINDS
            if covered[kind] + missing[kind]
        )

    def _left_out(self) -> dict[str, dict[str, int]]:
        kinds: dict[str, dict[str, int]] = {}
        for value in sorted(self.left_out, key=lambda value: (-value.count, value.label)):
            kinds.setdefault(value.kind, {})[value.label] = value.count
        return kinds
