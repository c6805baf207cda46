"""`truncated_arguments`."""

from __future__ import annotations

from dataclasses import dataclass

from replay.conversation import Object
from replay.faults._answer import Answer
from replay.faults._fault import Call, Spoils, documents
from replay.faults._halves import halved

_DELTA = "response.function_call_arguments.delta"


@dataclass(frozen=True)
class TruncatedArguments(Spoils):
    """The arguments of each tool call stop half way, so that they are no JSON; the rest is as it was.

    A wire that sends arguments as a JSON object, not as text, cannot do that.
    """

    def spoil(self, call: Call, answer: Answer) -> Answer:
        """Take the second half of the arguments."""
        told = documents(answer)
        if not halved(told, _is_arguments):
            raise call.nothing("no tool is called with arguments that are text")
        return answer.saying(told)


def _is_arguments(key: str, holder: Object) -> bool:
    if key == "delta":
        return holder.get("type") == _DELTA
    return key in ("arguments", "partial_json") or (key == "input" and "toolUseId" not in holder)
