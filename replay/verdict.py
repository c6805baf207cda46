"""What one assertion found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from replay.conversation import Json, Object

Status = Literal["passed", "failed", "error", "skipped"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one assertion found on one transcript.

    `(assertion, kind)` is the identity of a failure: `("tool_calls", "missing")`. `error` means that the
    assertion could not be judged. `turn` counts from 1; None is the transcript as a whole. `diff` is a
    readable difference, one line each, marked `-`, `+` or `~`.
    """

    assertion: str
    status: Status
    kind: str = ""
    message: str = ""
    expected: Json = None
    actual: Json = None
    turn: int | None = None
    diff: str = ""

    @property
    def identity(self) -> tuple[str, str]:
        """What makes two failures the same failure."""
        return (self.assertion, self.kind)

    @property
    def bad(self) -> bool:
        """Whether this verdict fails its case."""
        return self.status in ("failed", "error")

    def to_json(self) -> Object:
        """Return a JSON object without the fields that say nothing."""
        data = {name: getattr(self, name) for name in self.__slots__}
        return {key: value for key, value in data.items() if value not in (None, "")}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Verdict:
        """Read what `to_json` wrote."""
        return cls(**data)
