"""What a comparison asks: of whom, how often, and what counts as an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from replay.comparison import OVERALL
from replay.conversation import Object
from replay.errors import BadInput

MARGIN = 0.05  # of a rate: how much worse is still as good, unless somebody says otherwise


@dataclass(frozen=True, slots=True)
class Question:
    """A baseline, its candidates, and the terms of the decision; kept in the run's header as `compare`.

    `margin` is how much lower the rate of OVERALL may be and still count as not worse, `margins` the same of
    single assertions; these have to be shown, the others are watched for being worse. `alpha` bounds the
    chance of a wrong claim among all of one kind, `power` is what a plan of more evidence aims at. A baseline
    that passes less often than `least`, or a side that gave nothing to judge in more than `silent` of its
    attempts, decides nothing. With `until` the evidence is looked at while it comes in; `family` then names
    all assertions beforehand. `conversations` is how many are asked, by all shards; 0 where nobody said.
    """

    baseline: str
    candidates: tuple[str, ...]
    repeats: int = 1
    margin: float = MARGIN
    margins: Mapping[str, float] = field(default_factory=dict)
    alpha: float = 0.05
    power: float = 0.8
    least: float = 0.5
    silent: float = 0.1
    seed: int = 0
    until: bool = False
    family: tuple[str, ...] = ()
    conversations: int = 0

    @property
    def cases(self) -> int:
        """How many cases a run has that nothing ended early, where that can be known; else 0."""
        return 0 if self.until else self.conversations * len(self.targets) * self.repeats

    @property
    def targets(self) -> tuple[str, ...]:
        """The baseline and the candidates."""
        return (self.baseline, *self.candidates)

    @property
    def primary(self) -> tuple[str, ...]:
        """What has to be shown to be not worse."""
        return tuple(dict.fromkeys((OVERALL, *self.margins)))

    def margin_of(self, assertion: str) -> float:
        """How much lower the rate of an assertion may be."""
        return self.margins.get(assertion, self.margin)

    def to_json(self) -> Object:
        """Return what `from_json` reads back."""
        return asdict(self) | {"candidates": list(self.candidates), "family": list(self.family)}

    @classmethod
    def from_json(cls, data: Object) -> Question:
        """Read what `to_json` wrote. Raises BadInput where it is no question."""
        try:
            named = {name: tuple(data[name]) for name in ("candidates", "family")}
            return cls(**data | named)
        except (TypeError, KeyError) as problem:
            raise BadInput(f"the run's header has no comparison that this Replay reads ({problem})") from None


def margins(given: tuple[str, ...]) -> dict[str, float]:
    """Read `0.02` (of OVERALL) and `tool_calls=0.05` from the command line. Raises BadInput."""
    return dict(_margin(text) for text in given)


def _margin(text: str) -> tuple[str, float]:
    name, _, number = text.rpartition("=")
    try:
        margin = float(number)
    except ValueError:
        margin = -1.0
    if not 0 < margin < 1:
        raise BadInput(f"--margin {text} is no share between 0 and 1; type --margin 0.02, or {OVERALL}=0.02")
    return name or OVERALL, margin
