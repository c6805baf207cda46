"""What a recorded reply is worth asserting: proposals that hold on the recording itself."""

from __future__ import annotations

import math
from collections.abc import Iterator

from replay import assertions
from replay.conversation import Json, ToolCall
from replay.turn import ApiError, Reply, Transcript, Turn, Usage

MOST = 2**53  # tokens; more were not counted by anyone
HEAD_ROOM = 1.2  # of the tokens that a recording took, rounded up to tens


def proposals(transcript: Transcript) -> list[Json]:
    """Return the assertions of a case, as a suite names them; those that the recording fails are left out."""
    proposed = [item for item in _of_turn(transcript.turns[-1]) if _holds(item, transcript)]
    deviations = _deviations(proposed, transcript)
    contract = [{"contract": {"allow": deviations}}] if deviations else []
    return [*proposed, *contract, "baseline"]


def _of_turn(turn: Turn) -> Iterator[Json]:
    if turn.error:
        yield {"error": _error(turn.error)}
        return
    reply = turn.reply
    if reply is None:
        return
    reasons = list(dict.fromkeys(choice.finish_reason for choice in reply.choices() if choice.finish_reason))
    if reasons:
        yield {"finish_reason": reasons[0] if len(reasons) == 1 else reasons}
    yield from _of_reply(reply)
    if isinstance(turn.request.params.get("response_format"), dict):
        yield "json_schema"
    if reply.usage and (budget := _budget(reply.usage)):
        yield {"token_budget": budget}


def _of_reply(reply: Reply) -> Iterator[Json]:
    calls = reply.message.tool_calls
    if calls and not reply.others:
        yield {"tool_calls": {"order": "exact", "calls": [_call(call) for call in calls]}}


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


def _budget(usage: Usage) -> dict[str, int]:
    counts = {"prompt": usage.prompt_tokens or 0, "completion": usage.completion_tokens or 0}
    return {
        kind: math.ceil(count * HEAD_ROOM / 10) * 10 for kind, count in counts.items() if 0 < count < MOST
    }


def _holds(item: Json, transcript: Transcript) -> bool:
    name, argument = next(iter(item.items())) if isinstance(item, dict) else (item, None)
    try:
        built = assertions.build(name, argument)
    except ValueError:
        return False
    reviewed = assertions.review([built], transcript.conversation)
    return not any(not fault.warning for fault in reviewed) and not any(
        verdict.bad for verdict in assertions.judge([built], transcript)
    )


def _deviations(proposed: list[Json], transcript: Transcript) -> list[str]:
    """Name what the recording itself breaks of the contract, beside what the proposals ask for."""
    built = [assertions.build(*next(iter(item.items()))) for item in proposed if isinstance(item, dict)]
    verdicts = assertions.judge([*built, assertions.build("contract")], transcript)
    return sorted({verdict.kind for verdict in verdicts if verdict.assertion == "contract" and verdict.bad})
