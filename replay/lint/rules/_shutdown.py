"""Models that stop answering."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from replay.lint._models import Shutdown
from replay.lint.finding import Found
from replay.lint.subject import Subject


def found(subject: Subject, counts: Callable[[int], bool]) -> Iterator[Found]:
    """Yield the shutdown of the model, where the days until then count."""
    asked = subject.request.model
    known = subject.around.shutdowns.of(asked, subject.provider, subject.settings) if asked else None
    if known is not None and counts((known.on - subject.around.today).days):
        yield Found((), _reason(asked, known, (known.on - subject.around.today).days), _mend(known))


def _reason(model: str, known: Shutdown, days: int) -> str:
    when = f"is shut down on {known.on}, in {days} days" if days > 0 else f"was shut down on {known.on}"
    read = f", read {known.read}" if known.read else ""
    return f"{model} {when} ({known.source}{read})"


def _mend(known: Shutdown) -> str:
    other = f"move to {known.instead}" if known.instead else "move to another model"
    return f"{other}, and compare before: replay compare"
