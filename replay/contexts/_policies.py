"""The policies that are named on the command line: of the room, or in a file of the user's."""

from __future__ import annotations

from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any

from replay import filenames, policies
from replay.assertions.python import load_file
from replay.config import Project
from replay.errors import BadInput
from replay.registry import the_class


@dataclass(frozen=True, slots=True)
class Named:
    """A policy as it was typed, as the registry knows it, and as targets and files are named after it."""

    spec: str
    known: str
    label: str


def named(spec: str, project: Project) -> Named:
    """Read what was typed: `last:6`, or the path of a file in the project. Raises BadInput."""
    spec = spec.strip()
    if spec.endswith(".py"):
        return Named(spec, _registered(spec, project), Path(spec).stem)
    policies.build(spec)
    return Named(spec, spec, spec.replace(":", "-"))


def _registered(path: str, project: Project) -> str:
    """Register the class in a file by the file's name. Raises BadInput."""
    name = Path(path).stem
    own: Any = policies.registry.registered.get(name)
    problem = filenames.fault(name)
    if problem or (own is None and name in policies.registry.names()):
        raise BadInput(f"policy {path}: {problem or f'there is a policy {name} already'}; rename the file")
    try:
        found = the_class(load_file(path, project.root))
    except (ValueError, TypeError) as refused:
        raise BadInput(f"policy {path}: {refused}") from None
    if not is_dataclass(found) or "__call__" not in vars(found):
        raise BadInput(
            f"policy {path}: {found.__name__} must be a dataclass with __call__(messages, summarise)"
        )
    plugin: Any = found
    policies.registry.register(name, plugin)
    return name
