"""`contract`: what every reply must satisfy; `contract: [length]` or `contract: {allow: [length]}`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from replay.assertions import _checks
from replay.assertions._arguments import check_choice, texts
from replay.assertions._effects import duplicates, twice, written_by
from replay.assertions._found import Found, TurnAssertion, verdicts
from replay.assertions.stream_integrity import unended
from replay.turn import ERROR_KINDS, Transcript, Turn
from replay.verdict import Verdict

KINDS = (
    "no_reply",  # nothing was sent, or nothing came
    "finish_missing",  # the reply does not say why it ended
    "finish_unknown",  # it ended for a reason that has no common word
    "length",  # it was cut by the token limit
    "content_filter",  # it was stopped by the provider's filter
    "empty",  # it stopped with no content, no call and no refusal
    "calls_missing",  # finish_reason is tool_calls, and there is no call
    "calls_unannounced",  # finish_reason is stop, and there are calls that no tool_choice forced
    "undeclared_tool",  # a tool is called that the request does not declare
    "malformed",  # arguments are not JSON
    "arguments",  # arguments do not fit what the tool declares
    "tool_schema",  # what the tool declares is no JSON Schema
    "not_allowed",  # a tool is called that the suite does not allow
    "unauthorised",  # a tool is called that requires what the suite does not grant
    "duplicate_effect",  # a tool with `effect: write` is executed twice with the same arguments
    "id_missing",  # a tool call has no id
    "id_twice",  # two calls of one reply have the same id
    "unanswered",  # the next request of the same play does not answer a call
    "answered_twice",  # or answers it more than once
    "usage_missing",  # there is no usage, though it is not a stream or was asked for
    "usage_sum",  # total is neither prompt + completion nor that + reasoning tokens
    "usage_parts",  # more cached than prompt tokens, or more reasoning than completion tokens
    "served_model",  # another model answered than was asked
    "choices",  # not as many choices as `n` asked for
    "no_done",  # a stream ends without [DONE]
    "after_done",  # a stream goes on after [DONE]
    *(f"error_{kind}" for kind in ERROR_KINDS),  # the turn ended in this error
    "timed_out",  # a pattern of a tool's schema ran for too long
)
"""Every kind of finding. They are stable: recorded deviations are allowed by these words."""


@dataclass(frozen=True)
class Contract(TurnAssertion):
    """What every reply must satisfy, on every turn. It is in every case unless it is switched off by name.

    It also finds a write that is done twice (see `no_duplicate_effects`).

    `allow` names kinds (see KINDS) that are known and no failure. An `error` or `finish_reason` assertion
    beside it allows what it asks for.
    """

    allow: str | list[str] | tuple[str, ...] = ()
    every: ClassVar[bool] = True
    negatable: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse kinds that there are not."""
        super().__post_init__()
        for kind in self.allowed:
            check_choice("allow", kind, KINDS)

    @property
    def allowed(self) -> tuple[str, ...]:
        """The allowed kinds as a tuple."""
        return texts("allow", self.allow) if self.allow else ()

    def excusing(self, kinds: Iterable[str]) -> Contract:
        """Return the same contract with more kinds allowed."""
        return replace(self, allow=(*self.allowed, *kinds))

    def judged(self, transcript: Transcript, turns: list[tuple[int, Turn]]) -> Iterator[Verdict]:
        """Judge turn by turn; each finding that is not allowed is a verdict."""
        many = len(transcript.turns) > 1
        for number, turn in turns:
            after = transcript.turns[number : number + 1] if transcript.play == "to_completion" else ()
            found = (item for item in self._found(turn, after, transcript) if item.kind not in self.allowed)
            yield from verdicts(self, found, number, f"turn {number}: " if many else "")
        yield from self._duplicates(transcript)

    def _duplicates(self, transcript: Transcript) -> Iterator[Verdict]:
        writes = written_by(transcript)
        if writes and "duplicate_effect" not in self.allowed:
            for one, other in duplicates(transcript, writes.__contains__):
                yield from verdicts(self, [twice("duplicate_effect", one, other)], other.turn)

    def _found(self, turn: Turn, after: Iterable[Turn], transcript: Transcript) -> Iterator[Found]:
        error, reply = turn.error, turn.reply
        if error:
            status = f" {error.status}" if error.status else ""
            message = f"the turn ended in error {error.kind}{status}: {error.message}"
            yield Found(f"error_{error.kind}", message, None, error.to_json())
        elif reply is None:
            yield Found("no_reply", "expected a reply, nothing came")
        if reply is None:
            return
        for choice in reply.choices():
            if not error:
                yield from _checks.finish(choice, turn.request)
                yield from _checks.calls(choice, turn.request)
        yield from _checks.refused(turn)
        if not error:
            yield from _checks.usage(turn, reply)
            yield from _checks.choices(turn, reply)
            yield from unended(turn)
        yield from _checks.served(turn, reply, transcript.target)
        for following in after:
            yield from _checks.answered(turn, following)
