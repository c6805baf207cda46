"""The targets of imported calls, and the TOML tables that name them."""

from __future__ import annotations

import json
import re
import tomllib
from urllib.parse import urlsplit

from replay import documents
from replay.config import Project, tables
from replay.errors import BadInput, Fault
from replay.record._calls import Call
from replay.record._files import slug
from replay.turn import Target

# The settings that say where a model is asked.
_WHERE = ("base_url", "endpoint", "deployment", "api_version", "platform", "region", "beta", "alt")


class Targets:
    """One target for each distinct provider, model and settings; those the project has are used again."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._names = {name.lower() for name in project.targets}
        self._targets = {_key(target): target for target in project.targets.values()}
        self.new: list[Target] = []

    def of(self, call: Call) -> Target:
        """Return the target that a call went to; one that is met first is named, and kept by `keep`."""
        wanted = Target(self._free(_name(call)), call.provider, call.model, call.settings)
        return self._targets.get(_key(wanted), wanted)

    def keep(self, target: Target) -> None:
        """Keep a target that a conversation is played against. Raises BadInput and StorageError."""
        if _key(target) not in self._targets:
            _save(target, self._project)
            self._targets[_key(target)] = target
            self._names.add(target.name)
            self.new.append(target)

    def _free(self, name: str) -> str:
        free, number = name, 1
        while free in self._names:
            number += 1
            free = f"{name}-{number}"
        return free


def _key(target: Target) -> str:
    """Return what makes two targets the same: which model, and where."""
    where = [target.settings.get(name) for name in _WHERE]
    where += [target.settings.get("project")] if target.settings.get("platform") else []
    return json.dumps([target.provider, target.model, *where], default=str)


def _name(call: Call) -> str:
    """Name a target for its model, and for its host where that is not the model's usual one."""
    address = call.settings.get("base_url") or call.settings.get("endpoint")
    label = _label(address) if address else ""
    return slug(call.model if call.model.lower().startswith(label) else f"{label}-{call.model}")


def _label(address: str) -> str:
    """Return the telling part of a host: `groq` of `api.groq.com`, `local` of an address without a name."""
    host = urlsplit(address).hostname or "local"
    if host == "localhost" or re.fullmatch(r"[0-9.]+|.*:.*", host):
        return "local"
    if host.endswith(".azure.com"):
        return "azure"
    names = host.split(".")
    return names[-2] if len(names) > 1 else names[0]


def _save(target: Target, project: Project) -> None:
    """Add a table to the project's configuration, or begin `replay.toml`; its salt too if it has none yet."""
    path = project.file or project.root / "replay.toml"
    before = path.read_text("utf-8") if path.is_file() else ""
    own = tomllib.loads(before).get("tool", {})
    prefix = "tool.replay." if "replay" in own else ""
    settings = {"provider": target.provider, "model": target.model, **target.settings}
    added = tables.table(f"{prefix}targets.{tables.key(target.name)}", settings)
    salt = (project.settings.get("redaction") or {}).get("salt")
    if salt and "redaction" not in (own.get("replay") or tomllib.loads(before)):
        added = tables.table(f"{prefix}redaction", {"salt": salt}) + f"\n{added}"
    text = f"{before.rstrip()}\n\n{added}" if before.strip() else added
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise BadInput(
            [Fault(str(path), 0, 0, f"its targets are one inline table; add this by hand:\n{added}")]
        ) from None
    documents.write(path, text)
