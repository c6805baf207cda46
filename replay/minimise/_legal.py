"""Which conversations may be asked: nothing is wrong with them that was not wrong with the original.

A cut is not to make a request that its provider refuses for its form: that would be another failure.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from functools import cached_property

from replay.cassette.redact import Redactor
from replay.config import Project
from replay.conversation import Conversation, Object
from replay.lint._models import Shutdowns
from replay.lint.rules import Rule, registry
from replay.lint.subject import Around, Subject
from replay.minimise._units import RESULTS, SYSTEM
from replay.oracle import Probe
from replay.player import states_of
from replay.turn import Request

_NOT_OF_FORM = ("model_shut_down", "secret_in_message", "unreadable")  # rules that no cut has to do with
_ASKING = ("user", *RESULTS)


class Legal:
    """Tells whether a conversation may be asked in place of the original: see `__call__`."""

    def __init__(self, original: Probe, project: Project) -> None:
        self._probe, self._project = original, project
        self._around = Around(datetime.now(UTC).date(), Redactor.for_project(project, {}), Shutdowns())
        self._mistakes = self._found(original.conversation)
        self._called = _called(original.conversation) & _declared(original.conversation)
        self._empty = self._counted(original.conversation)

    def of(self, original: Probe) -> Legal:
        """Return the same for another original."""
        return Legal(original, self._project)

    def __call__(self, conversation: Conversation) -> bool:
        """Tell whether a part of the original may be asked.

        Someone asks at its end, where someone did; a user begins, where one did; no text is empty that was
        not; tools that are called are declared; and `replay lint` finds no more errors than before.
        """
        return (
            bool(conversation.messages)
            and self._ends(conversation)
            and self._begins(conversation)
            and self._counted(conversation) <= self._empty
            and self._called & _called(conversation) <= _declared(conversation)
            and not (self._found(conversation) - self._mistakes)
        )

    def _ends(self, conversation: Conversation) -> bool:
        if self._probe.entry.play == "every_turn":
            return bool(states_of(conversation))
        was, now = self._probe.conversation.messages[-1], conversation.messages[-1]
        if was.role in _ASKING:
            return now.role in _ASKING
        return now.role == was.role

    def _begins(self, conversation: Conversation) -> bool:
        was, now = (_first(one) for one in (self._probe.conversation, conversation))
        return now == was or now in ("user", "")

    def _counted(self, conversation: Conversation) -> int:
        """How many messages say nothing, those that the user says later among them."""
        said = (*conversation.messages, *conversation.user_turns)
        return sum(_is_silent(one.to_json()) for one in said)

    def _found(self, conversation: Conversation) -> Counter[str]:
        request = Request(
            self._probe.target.model, conversation.messages, conversation.tools, conversation.params
        )
        subject = Subject(
            request,
            self._around,
            provider=self._probe.target.provider,
            settings=self._probe.target.settings,
            tool_results=conversation.tool_results,
        )
        return Counter(name for name, rule in self._rules for _ in rule.check(subject))

    @cached_property
    def _rules(self) -> list[tuple[str, Rule]]:
        named = ((name, registry.get(name)) for name in registry.names() if name not in _NOT_OF_FORM)
        return [(name, rule) for name, rule in named if rule.SEVERITY == "error"]


def _first(conversation: Conversation) -> str:
    return next((one.role for one in conversation.messages if one.role not in SYSTEM), "")


def _is_silent(message: Object) -> bool:
    content = message.get("content")
    said = content.strip() if isinstance(content, str) else content
    return not said and not message.get("tool_calls") and not message.get("function_call")


def _called(conversation: Conversation) -> set[str]:
    return {call.name for message in conversation.messages for call in message.tool_calls}


def _declared(conversation: Conversation) -> set[str]:
    return {tool.name for tool in conversation.tools}
