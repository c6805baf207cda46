"""The targets of imported calls, and the TOML tables that name them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from replay.conversation import Json
from replay.record._calls import Call
from replay.record._files import slug
from replay.turn import Target


class Targets:
    """One target for each distinct provider, model and settings; those the project has are used again."""

    def __init__(self, known: Mapping[str, Target]) -> None:
        self._names = {name.lower() for name in known}
        self._targets = {_key(target): target for target in known.values()}
        self.new: list[Target] = []

    def of(self, call: Call) -> Target:
        """Return the target that a call went to, made and named when it is met first."""
        wanted = Target("", call.provider, call.model, call.settings)
        found = self._targets.get(_key(wanted))
        if found is None:
            found = Target(self._free(_name(call)), call.provider, call.model, call.settings)
            self._targets[_key(found)] = found
            self._names.add(found.name)
            self.new.append(found)
        return found

    def _free(self, name: str) -> str:
        free, number = name, 1
        while free in self._names:
            number += 1
            free = f"{name}-{number}"
        return free


def _key(target: Target) -> str:
    return json.dumps([target.provider, target.model, target.settings], sort_keys=True, default=str)


def _name(call: Call) -> str:
    """Name a target for its model, and for its host where that is not the model's usual one."""
    address = call.settings.get("base_url") or call.settings.get("endpoint")
    return slug(f"{_label(address)}-{call.model}" if address else call.model)


def _label(address: str) -> str:
    """Return the telling part of a host: `groq` of `api.groq.com`, `local` of an address without a name."""
    host = urlsplit(address).hostname or "local"
    if host == "localhost" or re.fullmatch(r"[0-9.]+|.*:.*", host):
        return "local"
    if host.endswith(".azure.com"):
        return "azure"
    names = host.split(".")
    return names[-2] if len(names) > 1 else names[0]


def toml(targets: Iterable[Target]) -> str:
    """Return the tables of these targets."""
    return "".join(
        f"\n[tool.replay.targets.{_toml_key(target.name)}]\n"
        + "".join(
            f"{_toml_key(key)} = {_toml(value)}\n"
            for key, value in {"provider": target.provider, "model": target.model, **target.settings}.items()
        )
        for target in targets
    )


def _toml_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _toml(key)


def _toml(value: Json) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml_key(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
