"""Words for what came of cases."""

from __future__ import annotations

from collections.abc import Iterable

from replay.conversation import Object
from replay.diff import visible


def identities(failed: Iterable[tuple[str, str]]) -> str:
    """Name the ways in which a case failed."""
    return ", ".join(f"{name}: {kind}" if kind else name for name, kind in sorted(failed)) or "nothing failed"


def messages(result: Object) -> list[str]:
    """Return what failed a case, by a line of `run.jsonl`, one line for each verdict."""
    bad = (one for one in result["verdicts"] if one.get("status") in ("failed", "error"))
    return [visible(f"  {_verdict(one)}") for one in bad]


def _verdict(verdict: Object) -> str:
    kind = f" ({verdict['kind']})" if verdict.get("kind") else ""
    return f"{verdict.get('assertion')}{kind}: {str(verdict.get('message', '')).partition(chr(10))[0]}"
