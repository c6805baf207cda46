"""Which attempts a fault is played on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The arguments that all faults have; without any, every attempt of every call is hit.

    `call` is the number (or numbers) of the calls that are hit, `every` hits each n-th call, `first` only so
    many attempts at a call, and `probability` (0 to 1) a share of the attempts, drawn anew for each `seed`,
    the same ones in every run. Calls of models are counted from 1; an equal request is a further attempt.
    With `pace` what waits really does.
    """

    first: int | None = None
    call: int | list[int] | None = None
    every: int | None = None
    probability: float | None = None
    seed: int = 0
    pace: bool = False

    def __post_init__(self) -> None:
        """Refuse what counts nothing."""
        for name in ("first", "every"):
            check_count(name, getattr(self, name))
        for number in _numbers(self.call):
            check_count("call", number)
        if self.probability is not None:
            check_amount("probability", self.probability, most=1)

    def hits(self, call: int, attempt: int, request: str) -> bool:
        """Tell whether an attempt is hit: its call's number, its own, and a digest of the request."""
        if self.call is not None and call not in _numbers(self.call):
            return False
        if (self.every and call % self.every) or (self.first and attempt > self.first):
            return False
        return self.probability is None or _drawn(self.seed, request, attempt) < self.probability


def check_count(name: str, value: object, least: int = 1) -> None:
    """Raise ValueError for what is given and no count."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
        raise ValueError(f"{name} must be a whole number from {least}, not {value!r}")


def check_amount(name: str, value: object, most: float = float("inf")) -> None:
    """Raise ValueError for what is given and no number from 0 to `most`."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value is not None and not (number and 0 <= float(str(value)) <= most):
        limits = "from 0" if most == float("inf") else f"from 0 to {most:g}"
        raise ValueError(f"{name} must be a number {limits}, not {value!r}")


def check_word(name: str, value: object, known: tuple[str, ...]) -> None:
    """Raise ValueError for a word that is not known."""
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}")


def _numbers(call: int | list[int] | None) -> list[int]:
    return call if isinstance(call, list) else [] if call is None else [call]


def _drawn(seed: int, request: str, attempt: int) -> float:
    digest = hashlib.sha256(f"{seed}/{request}/{attempt}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
