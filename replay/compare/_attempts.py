"""What one attempt came to, as far as a comparison asks; read from a line of `run.jsonl`."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from replay.comparison import OVERALL
from replay.conversation import Json, Object
from replay.jsontext import inside, objects
from replay.turn import NOT_JSON, RETRYABLE

# An attempt that ended so says nothing about the model: the provider, the network or the account did.
SILENT = frozenset(
    (*RETRYABLE, "billing", "auth", "not_found", "cut", "stream_error", "seam")  # see ERROR_KINDS
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One result. `passed` has what was judged, by assertion; it is empty where there was nothing to judge.

    `identities` are those of its failures. `said` tells two replies apart. `amounts` are tokens, US dollars
    and milliseconds, where all was answered. `error` is the first one of the provider: kind and message.
    """

    case: str
    suite: str
    conversation: str
    target: str
    number: int
    passed: dict[str, bool]
    identities: tuple[tuple[str, str], ...]
    said: str
    amounts: dict[str, float]
    models: tuple[str, ...]
    fingerprints: tuple[str, ...]
    error: tuple[str, str]
    file: str

    @property
    def place(self) -> tuple[str, str]:
        """The conversation of a suite that this is an attempt at."""
        return self.suite, self.conversation


def attempt_of(data: Object) -> Attempt:
    """Read one result."""
    case, transcript = data["case"], data["transcript"]
    turns, verdicts = objects(transcript["turns"]), objects(data["verdicts"])
    replies = [reply for turn in turns if (reply := inside(turn, "reply"))]
    number, answered = case.get("attempt"), not any(turn.get("error") for turn in turns)
    bad = {(str(one.get("assertion")), str(one.get("kind") or "")) for one in verdicts if _bad(one)}
    return Attempt(
        case["id"],
        str(case.get("suite") or ""),
        str(inside(transcript, "conversation").get("name") or ""),
        str(inside(transcript, "target").get("name") or ""),
        number if isinstance(number, int) else 1,
        {} if is_silent(data) else _passed(verdicts, answered=answered),
        tuple(sorted(bad)),
        _said(replies),
        dict(_amounts(data, turns)) if answered else {},
        tuple(str(reply["model"]) for reply in replies if reply.get("model")),
        tuple(str(mark) for reply in replies if (mark := _fingerprint(reply))),
        _error(turns),
        str(inside(data, "files").get("suite") or ""),
    )


def is_silent(data: Object) -> bool:
    """Whether a result says nothing about the model."""
    errors = [inside(turn, "error") for turn in objects(data["transcript"]["turns"])]
    verdicts = objects(data["verdicts"])
    unsent = any(one.get("assertion") in ("provider", "seam") and _bad(one) for one in verdicts)
    return unsent or any(str(one.get("kind")) in SILENT or one.get("code") == NOT_JSON for one in errors)


def _error(turns: Sequence[Object]) -> tuple[str, str]:
    error = next((error for turn in turns if (error := inside(turn, "error"))), {})
    status = f" ({error['status']})" if error.get("status") else ""
    return f"{error.get('kind') or ''}{status}", str(error.get("message") or "")


def _bad(verdict: Object) -> bool:
    return verdict.get("status") in ("failed", "error")


def _passed(verdicts: Sequence[Object], *, answered: bool) -> dict[str, bool]:
    """What each assertion came to, the worst of its verdicts; one that crashed has judged nothing.

    Where the model's own doing is that there is no answer (it refused the request), an error is a failure.
    """
    statuses: dict[str, set[str]] = {}
    for verdict in verdicts:
        if verdict.get("status") != "skipped":
            statuses.setdefault(str(verdict.get("assertion")), set()).add(str(verdict.get("status")))
    judged = {name: _worst(found, answered) for name, found in statuses.items()}
    known = {name: passed for name, passed in judged.items() if passed is not None}
    if known and (len(known) == len(judged) or not all(known.values())):
        known[OVERALL] = all(known.values())
    return known


def _worst(statuses: set[str], answered: bool) -> bool | None:
    if "failed" in statuses or ("error" in statuses and not answered):
        return False
    if "error" in statuses:
        return None
    return True


def _said(replies: Sequence[Object]) -> str:
    """A digest of what was said and called, without ids, which change each time."""
    messages = (inside(reply, "message") for reply in replies)
    told = [[message.get("content"), _calls(message)] for message in messages]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _calls(message: Object) -> list[Json]:
    calls = objects(message.get("tool_calls"))
    return [{key: value for key, value in call.items() if key != "id"} for call in calls]


def _fingerprint(reply: Object) -> Any:
    return inside(reply, "extra").get("system_fingerprint")


def _amounts(data: Object, turns: Sequence[Object]) -> Iterator[tuple[str, float]]:
    """Yield the sums over the turns of what is known of all of them."""
    usages = [inside(turn, "reply", "usage") for turn in turns]
    timings = [inside(turn, "timing") for turn in turns]
    for name in ("prompt_tokens", "completion_tokens"):
        yield from _sum(name, [usage.get(name) for usage in usages])
    yield from _sum("cost", [data.get("cost")])
    yield from _sum("latency", [timing.get("total_ms") for timing in timings])
    yield from _sum("first_token", [timing.get("first_token_ms") for timing in timings[:1]])


def _sum(name: str, values: Sequence[Json]) -> Iterator[tuple[str, float]]:
    known = [value for value in values if isinstance(value, int | float) and math.isfinite(value)]
    if known and len(known) == len(values):
        yield name, float(sum(known))
