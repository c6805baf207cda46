"""`tool_calls: [lookup_order]`, `tool_calls: {order: subset, calls: [...], forbidden: [refund]}`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from replay.assertions._arguments import check_choice
from replay.assertions._calls import declared
from replay.assertions._found import Found, TurnAssertion, name_of, no_reply, timed_out, verdicts
from replay.assertions._sequence import ORDERS, Numbered, in_sequence
from replay.assertions._wanted import Called, Wanted, all_json, called_in
from replay.conversation import Conversation, Json
from replay.errors import Fault, nearest
from replay.regexes import TimeLimit
from replay.turn import Transcript, Turn
from replay.verdict import Verdict


@dataclass(frozen=True)
class ToolCalls(TurnAssertion):
    """The tools that the model calls, over all turns (or in one `turn`).

    `calls` are names or `{name, arguments, match}`; arguments may hold the `$words` of `_pattern`. `order`:

    - `exact`: these calls in this order and no others
    - `in_order`: these in this order, others may come between
    - `any_order`: these and no others
    - `superset`: these, and others may come
    - `subset`: none but these, some may be missing

    Calls of one turn are parallel and have no order. `arguments` is how they are compared where a call does
    not say `match` itself: `exact`, `partial` (more keys may come) or `ignore`. `forbidden` calls may not
    come, `at_most_once` calls not twice, and `before: [[a, b]]` wants an `a` in an earlier turn than any `b`.
    """

    calls: list[Json] | None = None
    order: str = "exact"
    arguments: str = "exact"
    forbidden: list[Json] | tuple[Json, ...] = ()
    at_most_once: list[Json] | tuple[Json, ...] = ()
    before: list[Json] | tuple[Json, ...] = ()
    every: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse what cannot be read, and calls that are both wanted and forbidden."""
        super().__post_init__()
        check_choice("order", self.order, ORDERS)
        check_choice("arguments", self.arguments, ("exact", "partial", "ignore"))
        if self.calls is None and not (self.forbidden or self.at_most_once or self.before):
            raise ValueError("tool_calls needs one of calls, forbidden, at_most_once, before")
        both = self._required() & {rule.name for rule in self._forbidden if rule.any_arguments}
        if both:
            raise ValueError(f"{', '.join(sorted(both))} is wanted and forbidden")
        _ = self._once, self._pairs

    @cached_property
    def _wanted(self) -> list[Wanted]:
        return Wanted.all_of("calls", self.calls or (), self.arguments)

    @cached_property
    def _forbidden(self) -> list[Wanted]:
        return Wanted.all_of("forbidden", self.forbidden, self.arguments)

    @cached_property
    def _once(self) -> list[Wanted]:
        return Wanted.all_of("at_most_once", self.at_most_once, self.arguments)

    @cached_property
    def _pairs(self) -> list[tuple[Wanted, Wanted]]:
        pairs = []
        for pair in self.before:
            if not isinstance(pair, list | tuple) or len(pair) != 2:
                raise ValueError("before needs pairs: [[first, second]]")
            first, second = Wanted.all_of("before", pair, self.arguments)
            pairs.append((first, second))
        return pairs

    def _required(self) -> set[str]:
        return set() if self.order == "subset" else {wanted.name for wanted in self._wanted}

    def review(self, conversation: Conversation) -> Iterator[Fault]:
        """Refuse names of tools that the conversation does not declare."""
        tools = declared(conversation.tools, conversation.params)
        if not tools and conversation.source.get("derived"):
            return  # the log kept the calls and not the tools
        rules = [*self._wanted, *self._once, *(rule for pair in self._pairs for rule in pair)]
        for name in dict.fromkeys(rule.name for rule in rules if rule.name not in tools):
            hint = nearest(name, tools) if tools else "the conversation declares no tools"
            yield Fault("", 0, 0, f"tool_calls: no tool {name} is declared; {hint}")

    def excludes(self, other: Any) -> bool:
        """Tell whether a wanted call is forbidden there."""
        if not isinstance(other, ToolCalls):
            return False
        return bool(self._required() & {rule.name for rule in other._forbidden if rule.any_arguments})

    def judged(self, _transcript: Transcript, turns: list[tuple[int, Turn]]) -> Iterable[Verdict]:
        """Judge the calls of these turns as one sequence, for each choice where there are several."""
        choices = max((len(turn.reply.choices()) for _, turn in turns if turn.reply), default=1)
        for choice in range(choices):
            where = f"choice {choice + 1}: " if choices > 1 else ""
            groups = [called_in(number, turn, choice) for number, turn in turns]
            try:
                failed = list(self._found(groups, turns))
            except TimeLimit as stop:
                failed = [(None, timed_out(stop))]
            for number, found in failed:
                yield from verdicts(self, [found], number, where)
            if not failed:
                yield Verdict(name_of(self), "passed")

    def _found(self, groups: list[list[Called]], turns: list[tuple[int, Turn]]) -> Iterator[Numbered]:
        called = [call for group in groups for call in group]
        if not called and all(turn.reply is None for _, turn in turns):
            yield turns[-1][0], no_reply(turns[-1][1])
            return
        if self.calls is not None:
            yield from in_sequence(self._wanted, groups, self.order)
        yield from self._unwanted(called)
        yield from self._misplaced(called)

    def _unwanted(self, called: list[Called]) -> Iterator[Numbered]:
        for rule in self._forbidden:
            for call in called:
                if rule.fits(call):
                    yield call.number, Found("forbidden", f"{call} is forbidden", None, call.to_json())
        for rule in self._once:
            hits = [call for call in called if rule.fits(call)]
            if len(hits) > 1:
                turns = ", ".join(str(call.number) for call in hits)
                message = f"expected {rule} at most once, it was called {len(hits)} times (turns {turns})"
                yield hits[1].number, Found("repeated", message, 1, all_json(hits))

    def _misplaced(self, called: list[Called]) -> Iterator[Numbered]:
        for first, second in self._pairs:
            start = min((call.number for call in called if first.fits(call)), default=None)
            for call in called:
                if second.fits(call) and (start is None or start >= call.number):
                    state = "never came" if start is None else f"came in turn {start}"
                    came = f"{second} came in turn {call.number}, {first} {state}"
                    message = f"expected {first} before {second}; {came}"
                    yield call.number, Found("before", message, [str(first), str(second)], all_json(called))
