"""The file of a baseline: where it is, what is in it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePath

from replay import documents, schemas
from replay.config import Project
from replay.conversation import Object
from replay.errors import BadInput, Fault, StorageError

Turns = list[Object]  # one variant: what is accepted of each turn


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is accepted of one conversation with one target."""

    conversation: str
    target: str
    variants: tuple[Turns, ...]

    def to_json(self) -> Object:
        """Return the file's shape."""
        variants = [{"turns": turns} for turns in self.variants]
        return {"conversation": self.conversation, "target": self.target, "variants": variants}


def read(project: Project, conversation: str, target: str) -> Baseline | None:
    """Return what is accepted of a conversation with a target, None where nothing is.

    Raises BadInput for a damaged file and for one that belongs to another conversation.
    """
    path = path_for(project, conversation, target)
    if not path.exists():
        return None
    name = path.relative_to(project.root).as_posix()
    baseline = load(path, name)
    if (baseline.conversation, baseline.target) != (conversation, target):
        other = f"{baseline.conversation} with {baseline.target}"
        raise BadInput([Fault(name, 1, 1, f"this is the baseline of {other}; move it, or accept anew")])
    return baseline


def path_for(project: Project, conversation: str, target: str) -> Path:
    """Return the place of a baseline. Raises BadInput for names that lead out of the folder."""
    path = project.baselines / conversation / f"{target}.yaml"
    if not Path(os.path.normpath(path)).is_relative_to(project.baselines):
        raise BadInput(
            f"no baseline can be kept for {conversation} with {target}: the names leave the folder"
        )
    return path


def load(path: Path, name: str | None = None) -> Baseline:
    """Read a baseline; `name` is what complaints call it. Raises BadInput with the place of every fault."""
    document = documents.read(path, name)
    data = document.data
    check = documents.Check(document)
    if check.mapping(data, (), "a baseline"):
        for key in ("conversation", "target"):
            if not isinstance(data.get(key), str):
                check.refuse((key,), f"{key} must be a name")
        for keys, variant in check.items(data, ("variants",), "variants"):
            if check.mapping(variant, keys, "a variant"):
                for inner, turn in check.items(variant, (*keys, "turns"), "turns"):
                    check.mapping(turn, inner, "what is accepted of a turn")
        if not data.get("variants"):
            check.refuse((), "there are no variants; remove the file and accept a reply anew")
    check.finish()
    variants = tuple(variant.get("turns") or [] for variant in data["variants"])
    return Baseline(data["conversation"], data["target"], variants)


def dump(baseline: Baseline) -> str:
    """Write a baseline as its file's text, its JSON Schema named on the first line. Raises ValueError."""
    path = PurePath("fixtures", "baselines", baseline.conversation, f"{baseline.target}.yaml")
    text = documents.dump(baseline.to_json(), open_lists=("variants", "turns"))
    return schemas.line("baseline", path) + text


def save(path: Path, baseline: Baseline) -> None:
    """Write a baseline, whole or not at all. Raises StorageError."""
    try:
        text = dump(baseline)
    except ValueError as problem:
        raise StorageError(f"cannot write {path} ({problem}); nothing was replaced") from None
    documents.write(path, text)
