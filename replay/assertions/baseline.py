"""`baseline`: the reply is one that a person has accepted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from replay import baselines
from replay.assertions._arguments import check_choice, check_number, texts
from replay.assertions._found import Found, no_reply, verdicts
from replay.diff import readable
from replay.errors import BadInput
from replay.turn import Transcript
from replay.verdict import Verdict


@dataclass(frozen=True)
class Baseline:
    """Every reply is as in one of the accepted variants of this conversation with this target.

    `ignore` holds paths that may differ (`tool_calls[*].arguments.id`, `content.created`), `tolerance` how
    far numbers may be off, `text` how contents are compared: `exact`, `whitespace` (any run of it is one
    space) or `json` (as JSON where both are). It fails as `new` where nothing is accepted yet, as `changed`
    where the reply is another; `replay accept` accepts it.
    """

    ignore: str | list[str] | tuple[str, ...] = ()
    tolerance: float = 0.0
    text: str = "exact"
    project: Any = field(default=None, init=False, repr=False, compare=False)
    negatable: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse a tolerance out of range, and paths that are no text."""
        check_number("tolerance", self.tolerance)
        check_choice("text", self.text, baselines.TEXTS)
        if self.ignore:
            texts("ignore", self.ignore)

    def bind(self, project: Any) -> Baseline:
        """Learn where baselines are kept."""
        bound = replace(self)
        object.__setattr__(bound, "project", project)
        return bound

    def __call__(self, transcript: Transcript) -> Iterator[Verdict]:
        """Compare with what is accepted. A damaged baseline is an `error`, not a failure."""
        if self.project is None:
            raise ValueError("baseline must be bound to a project before it judges")
        silent = next((turn for turn in transcript.turns if _unjudged(turn)), None)
        if silent or not transcript.turns:
            found = no_reply(silent) if silent else Found("no_reply", "expected a reply, nothing was sent")
            yield from verdicts(self, [found])
            return
        try:
            yield from verdicts(self, self._found(transcript))
        except BadInput as problem:
            yield Verdict("baseline", "error", "damaged", str(problem))

    def _found(self, transcript: Transcript) -> Iterator[Found]:
        name, target = transcript.conversation.name, transcript.target.name
        came = baselines.accepted(transcript)
        baseline = baselines.read(self.project, name, target)
        if baseline is None:
            message = (
                f"nothing is accepted yet of {name} with {target}; look at the reply, then: replay accept"
            )
            yield Found("new", message, None, came)
            return
        rules = baselines.Rules(
            texts("ignore", self.ignore) if self.ignore else (), self.tolerance, self.text
        )
        found, variant = baselines.nearest(baseline.variants, came, rules)
        if found:
            more = f", and {len(found) - 1} more" if len(found) > 1 else ""
            message = f"the reply is not as accepted: {found[0]}{more}; if it is good: replay accept"
            yield Found("changed", message, variant, came, readable(found))


def _unjudged(turn: Any) -> bool:
    return turn.reply is None and (turn.error is None or turn.error.kind == "seam")
