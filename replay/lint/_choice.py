"""Which rules look, and how bad what they find is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from replay.config import Project
from replay.conversation import Object
from replay.errors import BadInput, nearest
from replay.lint.finding import SEVERITIES
from replay.lint.rules import find, ids


def severities(
    project: Project, select: Iterable[str], ignore: Iterable[str], given: Mapping[str, str]
) -> dict[str, str]:
    """Return the rules that look, with their severities.

    The table `[tool.replay.lint]` of a project comes before a rule's own severity, and `given` before that.
    A rule that is selected by its id looks even where it is off by itself. Raises BadInput with all that is
    wrong.
    """
    known = ids()
    table: Object = project.settings.get("lint") or {}
    levels = dict(_levels({**(table.get("rules") or {}), **given}, known))
    chosen = _named(select, known) if select else known
    left = set(_named(ignore, known))
    found = {rule: levels.get(rule) or find(rule).SEVERITY for rule in chosen if rule not in left}
    return {rule: level for rule, level in found.items() if level != "off"}


def _levels(given: Mapping[str, str], known: list[str]) -> Iterator[tuple[str, str]]:
    for name, level in given.items():
        if level not in SEVERITIES:
            raise BadInput(f'severity "{level}" of {name} is not known; use one of {", ".join(SEVERITIES)}')
        yield from ((rule, level) for rule in _named([name], known))


def _named(patterns: Iterable[str], known: list[str]) -> list[str]:
    """Return the rules that ids or globs name, in the order of their names."""
    wanted = [pattern.replace("_", "-") for pattern in patterns]
    for pattern in wanted:
        if not any(fnmatchcase(rule, pattern) for rule in known):
            raise BadInput(f'no rule is called "{pattern}"; {nearest(pattern, known)}')
    return [rule for rule in known if any(fnmatchcase(rule, pattern) for pattern in wanted)]
