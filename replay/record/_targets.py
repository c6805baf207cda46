"""The targets of imported calls, and the TOML tables that name them."""

from __future__ import annotations

import json
import re
import tomllib
from urllib.parse import urlsplit

from replay import documents
from replay.config import Project
from replay.conversation import Json
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
    tables = _table(f"{prefix}targets.{_toml_key(target.name)}", target)
    salt = (project.settings.get("redaction") or {}).get("salt")
    if salt and "redaction" not in (own.get("replay") or tomllib.loads(before)):
        tables = f"[{prefix}redaction]\nsalt = {_toml(salt)}\n\n{tables}"
    text = f"{before.rstrip()}\n\n{tables}" if before.strip() else tables
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise BadInput(
            [Fault(str(path), 0, 0, f"its targets are one inline table; add this by hand:\n{tables}")]
        ) from None
    documents.write(path, text)


def _table(name: str, target: Target) -> str:
    settings = {"provider": target.provider, "model": target.model, **target.settings}
    return f"[{name}]\n" + "".join(f"{_toml_key(key)} = {_toml(value)}\n" for key, value in settings.items())


def _toml_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _toml(key)


def _toml(value: Json) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml_key(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
