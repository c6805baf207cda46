"""`finish_reason: stop` or `finish_reason: [stop, tool_calls]`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from replay.assertions._arguments import texts
from replay.assertions._found import Found, ReplyAssertion
from replay.conversation import Conversation
from replay.errors import Fault, nearest
from replay.turn import Reply

KNOWN = ("stop", "length", "tool_calls", "content_filter")


@dataclass(frozen=True)
class FinishReason(ReplyAssertion):
    """Every reply ends for one of these reasons, in the common words or in the provider's own."""

    reasons: str | list[str]
    every: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse anything but words."""
        super().__post_init__()
        texts("finish_reason", self.reasons)

    @property
    def wanted(self) -> tuple[str, ...]:
        """The reasons as a tuple."""
        return texts("finish_reason", self.reasons)

    @property
    def excuses(self) -> set[str]:
        """A reason that is asked for is no failure of the contract."""
        return {"length", "content_filter"} & set(self.wanted)

    def of_reply(self, reply: Reply) -> Iterator[Found]:
        """Compare the common word and the provider's own one."""
        if not {reply.finish_reason, reply.native_finish_reason} & set(self.wanted):
            came = reply.finish_reason or reply.native_finish_reason
            message = f"expected finish_reason {' or '.join(self.wanted)}, came {came or 'none'}"
            kind = (came if came in KNOWN else "other") if came else "none"
            yield Found(kind, message, list(self.wanted), came)

    def review(self, _conversation: Conversation) -> Iterable[Fault]:
        """Warn of words that only one provider can mean."""
        for reason in self.wanted:
            if reason not in KNOWN:
                known = nearest(reason, KNOWN)
                yield Fault("", 0, 0, f'finish_reason "{reason}" is no common word; {known}', warning=True)

    def excludes(self, other: Any) -> bool:
        """Tell whether no reply can end for a reason of both."""
        return isinstance(other, FinishReason) and not set(self.wanted) & set(other.wanted)
