"""What a tenant and the environment say of targets instead of the file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from replay.config._settings import LIMITS as _LIMITS
from replay.conversation import Json, Object
from replay.errors import BadInput, Fault, nearest
from replay.turn import Target

TENANT = "REPLAY_TENANT"
LIMITS = "REPLAY_LIMITS"


def merged(target: Target, settings: Object) -> Target:
    """Return a target with other settings: a table's keys one by one, all else as a whole.

    Where a setting and its `_env` stand for the same thing, the one that is given takes the other's place.
    """
    given = {_other(name) for name in settings}
    kept = {name: value for name, value in target.settings.items() if name not in given}
    for name, value in settings.items():
        before = kept.get(name)
        kept[name] = before | value if isinstance(before, dict) and isinstance(value, dict) else value
    provider, model = kept.pop("provider", target.provider), kept.pop("model", target.model)
    return replace(target, provider=str(provider), model=str(model), settings=kept)


def of_tenant(targets: Mapping[str, Target], tenants: Mapping[str, Object], name: str) -> dict[str, Target]:
    """Return the targets as one tenant has them. Raises BadInput with the nearest name."""
    known = sorted({tenant for tables in tenants.values() for tenant in tables})
    if name not in known:
        advice = nearest(name, known) if known else "no target has a table tenants"
        raise BadInput(f'tenant "{name}" is not configured; {advice} (add tenants.{name} to a target)')
    return {key: merged(target, tenants.get(key, {}).get(name, {})) for key, target in targets.items()}


def of_environment(targets: Mapping[str, Target]) -> dict[str, Target]:
    """Return the targets with the limits that the environment sets. Raises BadInput with all faults.

    `REPLAY_LIMITS="concurrency=4,requests_per_minute=60"` is for every target, `REPLAY_LIMITS_GPT_4O` for
    `gpt-4o`; the latter goes before the former, and both before the file.
    """
    faults: list[Fault] = []
    variables = {name: _variable(name) for name in targets}
    general = _limits(LIMITS, faults)
    own = {variable: _limits(variable, faults) for variable in sorted(os.environ) if _is_own(variable)}
    faults += (
        _fault(variable, f"there is no such target; {nearest(variable, variables.values())}")
        for variable in own.keys() - set(variables.values())
    )
    if faults:
        raise BadInput(faults)
    found = {name: general | own.get(variables[name], {}) for name in targets}
    return {
        name: merged(target, {"limits": found[name]}) if found[name] else target
        for name, target in targets.items()
    }


def _other(name: str) -> str:
    return name.removesuffix("_env") if name.endswith("_env") else f"{name}_env"


def _variable(name: str) -> str:
    return f"{LIMITS}_{re.sub(r'[^A-Z0-9]', '_', name.upper())}"


def _is_own(variable: str) -> bool:
    return variable.startswith(f"{LIMITS}_") and bool(os.environ[variable])


def _fault(variable: str, message: str) -> Fault:
    return Fault(f"environment variable {variable}", 0, 0, message)


def _limits(variable: str, faults: list[Fault]) -> Object:
    """Read `concurrency=4,requests_per_minute=60` from the environment."""

    def report(_: tuple[str, ...], message: str, __: bool = False) -> None:
        faults.append(_fault(variable, message))

    table = dict(_pairs(os.environ.get(variable, "")))
    _LIMITS(table, ("limits",), report)
    return table


def _pairs(text: str) -> Iterator[tuple[str, Json]]:
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = (part.strip() for part in pair.partition("="))
        yield name, int(value) if re.fullmatch(r"-?\d[\d_]*", value) else value
