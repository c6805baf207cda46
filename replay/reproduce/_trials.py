"""The attempts: as it was asked, and side by side with that, with one parameter otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from replay.conversation import Json, Object
from replay.errors import BadInput
from replay.jsontext import parse
from replay.oracle import Answer, Failure, Probe, Remembered
from replay.stats import Difference, Pair, difference, holm

TOGETHER = 5  # attempts of each kind in a row: what changes in time changes for all of them


@dataclass(frozen=True, slots=True)
class Trial:
    """A parameter, asked otherwise: `value` None is without it."""

    name: str
    value: Json

    def __str__(self) -> str:
        return f"without {self.name}" if self.value is None else f"{self.name}={self.value}"

    @classmethod
    def parse(cls, text: str) -> Trial:
        """Read `temperature=0`; `seed=` is without a seed. Raises BadInput."""
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise BadInput(f'--try "{text}" must be NAME=VALUE, as in temperature=0, or NAME= for without it')
        try:
            return cls(name, parse(value) if value else None)
        except ValueError:
            return cls(name, value)

    def of(self, probe: Probe) -> Probe | None:
        """Return a question with that parameter so, None where it is so already."""
        params = {key: value for key, value in probe.conversation.params.items() if key != self.name}
        if self.value is not None:
            params[self.name] = self.value
        if params == probe.conversation.params:
            return None
        return probe.of(replace(probe.conversation, params=params))


@dataclass(frozen=True, slots=True)
class Tried:
    """What a parameter changed: how often it failed so, and the test against as it was asked.

    `p` is corrected for there being several. `refused` is what the provider said where it takes no such
    parameter.
    """

    trial: Trial
    failed: int
    times: int
    difference: Difference
    p: float
    refused: str = ""

    def to_json(self) -> Object:
        """Return all of it, for machines."""
        value, low, high = self.difference.interval
        data: Object = {"try": str(self.trial), "failed": self.failed, "of": self.times}
        if self.refused:
            return data | {"refused": self.refused}
        return data | {
            "difference": {"value": value, "low": low, "high": high},
            "p": self.p,
            "test": self.difference.test,
        }


def asked(probes: Sequence[Probe], oracle: Remembered, repeats: int) -> list[list[Answer]]:
    """Return the answers to each probe, asked in turns, some attempts of each. Raises Ended."""
    answers: list[list[Answer]] = [[] for _ in probes]
    for start in range(1, repeats + 1, TOGETHER):
        part = range(start, min(start + TOGETHER, repeats + 1))
        for said, probe in zip(answers, probes, strict=True):
            said.extend(oracle.ask(probe, part))
    return answers


def compared(
    trials: Sequence[Trial], before: Sequence[Answer], answers: Iterable[Sequence[Answer]], failure: Failure
) -> list[Tried]:
    """Test each parameter against as it was asked: attempts that were made side by side are pairs.

    The p values are Holm's. A fixed seed is one seed: what is found holds for that, not for seeds.
    """
    was = [failure.of(answer) is not None for answer in before]
    rows = list(_rows(was, answers, failure))
    adjusted = holm({str(number): found.p for number, (_, found, refused) in enumerate(rows) if not refused})
    return [
        Tried(trial, sum(now), len(now), found, adjusted.get(str(number), 1.0), refused)
        for number, (trial, (now, found, refused)) in enumerate(zip(trials, rows, strict=True))
    ]


def _rows(
    was: list[bool], answers: Iterable[Sequence[Answer]], failure: Failure
) -> Iterator[tuple[list[bool], Difference, str]]:
    for said in answers:
        now = [failure.of(answer) is not None for answer in said]
        pairs = Counter(Pair(one, 1, other, 1) for one, other in zip(was, now, strict=True))
        yield now, difference(pairs), _refusal(said)


def _refusal(answers: Sequence[Answer]) -> str:
    """What the provider said, where it took none of these requests."""
    said = [
        message for answer in answers for _, kind, message in answer.wrong if kind == "error_invalid_request"
    ]
    return said[0] if len(said) >= len(answers) else ""
