"""How a conversation is played and judged under policies: as a suite does, else by what was recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from replay import assertions, suites
from replay.assertions import Assertion
from replay.config import Project
from replay.conversation import Conversation, Json, Message
from replay.errors import BadInput
from replay.fixtures import Source
from replay.jsontext import parse
from replay.player import states_of
from replay.suites import Entry, Suite


@dataclass(frozen=True, slots=True)
class Found:
    """An entry, and the suite that it is from: its path as it is shown, and its name, "" for none.

    `own` tells that it is played as the suite plays it.
    """

    entry: Entry
    fixture: Source
    suite: str = ""
    name: str = ""
    own: bool = False


def found_in(project: Project, conversation: Conversation, fixture: Source, suite: Path | None) -> Found:
    """Return how a conversation is judged: by the first suite that has it, or by this one.

    It is played turn by turn unless the suite plays it to completion. Raises BadInput.
    """
    for one in _suites(project, suite):
        for entry in one.members:
            if entry.conversation == conversation.name:
                return _as_the_suite(project, one, entry, fixture)
    if suite:
        raise BadInput(f"{suite} has no case of {conversation.name}")
    asserted = (assertions.build("contract"), *_as_recorded(conversation))
    return Found(Entry(conversation.name, (), "every_turn", asserted, tags=conversation.tags), fixture)


def _suites(project: Project, suite: Path | None) -> Iterable[Suite]:
    paths = [suite] if suite else sorted(project.suites.rglob("*.yaml"))
    return (suites.load(path, project) for path in paths)


def _as_the_suite(project: Project, suite: Suite, entry: Entry, fixture: Source) -> Found:
    own = entry.play != "next_turn" and not entry.turns
    play = entry.play if own else "every_turn"
    entry = replace(entry, play=play, turns=(), repeats=1)
    return Found(entry, fixture, project.shown(suite.path), suite.name, own)


def _as_recorded(conversation: Conversation) -> Iterator[Assertion]:
    """Each turn calls the tools that it called in the recording, with the same arguments, and no others."""
    for number, state in enumerate(states_of(conversation), 1):
        wanted = {"order": "any_order", "calls": list(_calls(conversation.messages[len(state)]))}
        yield assertions.build("turn", {"at": number, "assert": [{"tool_calls": wanted}]})


def _calls(message: Message) -> Iterator[Json]:
    for call in message.tool_calls:
        try:
            arguments = parse(call.arguments, strict=True) if call.type != "custom" else call.arguments
        except ValueError:
            arguments = None
        plain = arguments is not None and "$" not in call.arguments  # which would be read as a pattern
        yield {"name": call.name, "arguments": arguments} if plain else call.name
