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
        reason = _reason(asked, known, (known.on - subject.around.today).days)
        yield Found((), reason, _mend(_living(known.instead, subject)))


def _living(name: str, subject: Subject) -> str:
    """Follow what is named instead, which may be gone by now too, to what is not."""
    gone: set[str] = set()
    while name and name not in gone:
        gone.add(name)
        known = subject.around.shutdowns.of(name, subject.provider, subject.settings)
        if known is None or known.on > subject.around.today:
            return name
        name = known.instead
    return ""


def _reason(model: str, known: Shutdown, days: int) -> str:
    when = f"is shut down on {known.on}, in {days} days" if days > 0 else f"was shut down on {known.on}"
    read = f", read {known.read}" if known.read else ""
    return f"{model} {when} ({known.source}{read})"


def _mend(instead: str) -> str:
    other = f"move to {instead}" if instead else "move to another model"
    return f"{other}, and compare before: replay compare"
