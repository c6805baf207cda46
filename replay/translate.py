"""A conversation as another provider would be asked it, and what is lost on the way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from replay import fixtures, player, providers
from replay.config import Project
from replay.conversation import Conversation, Object
from replay.diff import Difference, short
from replay.errors import BadInput, nearest
from replay.providers import Unreadable, _losses, _settings
from replay.turn import Target


@dataclass(frozen=True, slots=True)
class Translation:
    """The body that would be sent, and what of the conversation is not in it."""

    body: Object
    lost: tuple[Difference, ...]

    def to_json(self) -> Object:
        """Return a JSON object: `{body, lost: [{path, kind, before, after}]}`."""
        lost = [
            {"path": one.path, "kind": one.kind, "before": one.before, "after": one.after}
            for one in self.lost
        ]
        return {"body": self.body, "lost": lost}

    @property
    def text(self) -> str:
        """What is lost, one line for each."""
        return "\n".join(map(_line, self.lost)) or "nothing is lost"


def translate(conversation: str, to: str) -> Translation:
    """Say a conversation (a name, or a file) in the words of a target or a provider. Raises BadInput."""
    path = Path(conversation)
    project = Project.find(path.parent if path.is_file() else Path())
    told = fixtures.load(path if path.is_file() else fixtures.find(conversation, project), project)
    return said(told, _target(to, project))


def said(conversation: Conversation, target: Target) -> Translation:
    """Say a conversation in the words of a target. Raises BadInput where they are no words for it."""
    provider = providers.registry.get(target.provider)
    request = player.request_for(conversation, target, conversation.messages)
    dropped = (target.settings.get("params") or {}).get("drop") or ()
    try:
        lost = _losses.losses(request, provider, dropped)
    except Unreadable as problem:
        raise BadInput(f"{conversation.name} cannot be said to {target.name}: {problem}") from None
    return Translation(_settings.adapt(provider.encode(request), target.settings), tuple(lost))


def _target(name: str, project: Project) -> Target:
    if name in project.targets:
        return project.target(name)
    known = providers.registry.names()
    if name in known:
        return Target(name, name, "")
    raise BadInput(f'no target or provider is called "{name}"; {nearest(name, [*project.targets, *known])}')


def _line(lost: Difference) -> str:
    if lost.kind == "changed":
        return f"changed: {lost.path} is {short(lost.after)}, was {short(lost.before)}"
    return f"{'moved' if lost.kind == 'moved' else 'lost'}: {lost.path} {short(lost.before)}"
