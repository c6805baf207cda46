"""temperature and top_p are both set."""

from __future__ import annotations

from collections.abc import Iterator

from replay.lint.finding import Found
from replay.lint.subject import Subject

SEVERITY = "warning"


def check(subject: Subject) -> Iterator[Found]:
    """Find both with a value other than 1, which is what a model does anyway."""
    temperature, top_p = subject.params.get("temperature"), subject.params.get("top_p")
    if temperature in (None, 1) or top_p in (None, 1):
        return
    refused = " (Claude models since Opus 4.1 refuse it)" if subject.provider == "anthropic" else ""
    reason = f"temperature {temperature} and top_p {top_p} both narrow what is sampled{refused}"
    yield Found(("params", "top_p"), reason, "set one of them; providers advise against both")
