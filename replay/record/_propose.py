"""What a recorded reply is worth asserting: proposals that hold on the recording itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from replay import assertions
from replay.conversation import Json, ToolCall
from replay.errors import BadInput
from replay.turn import ApiError, Transcript, Turn, Usage

MOST = 2**53  # tokens; more were not counted by anyone
HEAD_ROOM = 1.2  # of the tokens that a recording took, rounded up to tens
_OURS = ("baseline", "contract", "python")  # not taken from a log: we write the first two, the last runs code


def proposals(transcript: Transcript, wanted: Iterable[Json] = ()) -> tuple[list[Json], list[str]]:
    """Return the assertions of a case, as a suite names them, and the names of those that are left out.

    `wanted` are those that the log has itself: where there is one we propose none of that name. What the
    recording fails is left out.
    """
    kept, left_out = list[Json](), list[str]()
    for item in wanted:
        if _named(item)[0] in _OURS or not _holds(item, transcript):
            left_out.append(_named(item)[0])
        elif item not in kept:
            kept.append(item)
    names = {_named(item)[0] for item in kept}
    ours = [item for item in _of_turns(transcript.turns) if _named(item)[0] not in names]
    proposed = [*kept, *(item for item in ours if _holds(item, transcript))]
    deviations = _deviations(proposed, transcript)
    contract = [{"contract": {"allow": deviations}}] if deviations else []
    return [*proposed, *contract, "baseline"], left_out


def _named(item: Json) -> tuple[str, Json]:
    name, argument = next(iter(item.items())) if isinstance(item, dict) and item else (item, None)
    return str(name), argument


def _of_turns(turns: Sequence[Turn]) -> Iterator[Json]:
    """Propose what holds of one reply, or of all replies of a conversation."""
    last = turns[-1]
    if last.error:
        yield {"error": _error(last.error)}
        return
    replies = [turn.reply for turn in turns if turn.reply]
    choices = list(chain.from_iterable(reply.choices() for reply in replies))
    reasons = list(dict.fromkeys(choice.finish_reason for choice in choices if choice.finish_reason))
    if reasons:
        yield {"finish_reason": reasons[0] if len(reasons) == 1 else reasons}
    calls = [call for choice in choices for call in choice.message.tool_calls]
    if calls and len(choices) == len(replies):
        yield {"tool_calls": {"order": "exact", "calls": [_call(call) for call in calls]}}
    if isinstance(last.request.params.get("response_format"), dict):
        yield "json_schema"
    if budget := _budget([reply.usage or Usage() for reply in replies]):
        yield {"token_budget": budget}


def _call(call: ToolCall) -> Json:
    """Return a call as it was; what is not an object of JSON is compared by the baseline alone."""
    try:
        arguments = call.parsed()
    except ValueError:
        arguments = None
    if isinstance(arguments, dict):
        return {"name": call.name, "arguments": arguments}
    return {"name": call.name, "match": "ignore"}


def _error(error: ApiError) -> Json:
    return {"kind": error.kind} | ({"status": error.status} if error.status else {})


def _budget(usages: Sequence[Usage]) -> dict[str, int]:
    """Return the most tokens that a turn took, with head-room; nothing of what some turn does not say."""
    counts = {
        "prompt": [usage.prompt_tokens for usage in usages],
        "completion": [usage.completion_tokens for usage in usages],
    }
    most = {kind: max(filter(None, found)) for kind, found in counts.items() if all(found)}
    return {kind: math.ceil(count * HEAD_ROOM / 10) * 10 for kind, count in most.items() if count < MOST}


def _holds(item: Json, transcript: Transcript) -> bool:
    try:
        built = assertions.build(*_named(item))
    except (BadInput, ValueError):
        return False
    reviewed = assertions.review([built], transcript.conversation)
    return not any(not fault.warning for fault in reviewed) and not any(
        verdict.bad for verdict in assertions.judge([built], transcript)
    )


def _deviations(proposed: list[Json], transcript: Transcript) -> list[str]:
    """Name what the recording itself breaks of the contract, beside what the proposals ask for."""
    built = [assertions.build(*_named(item)) for item in proposed]
    verdicts = assertions.judge([*built, assertions.build("contract")], transcript)
    return sorted({verdict.kind for verdict in verdicts if verdict.assertion == "contract" and verdict.bad})
