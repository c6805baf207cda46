"""What a target's settings say about a call. All of these raise BadInput for a value that cannot be used."""

from __future__ import annotations

import math
import os
import re
from typing import Any

from replay.conversation import Object
from replay.errors import BadInput
from replay.providers import registry
from replay.turn import Target

SECONDS = 600.0  # the SDK's own default
RECORDED = "recorded_uri"  # a setting that a replay adds: where the recording went
_PATHS = "/(chat/completions|completions|embeddings|responses)/?"  # of OpenAI's wires
_CALL = {
    "base_url": re.compile(rf"(?P<found>.*?){_PATHS}"),
    "endpoint": re.compile(rf"(?P<found>.*?)/openai(/deployments/[^/]+)?{_PATHS}"),
    "deployment": re.compile(rf".*/openai/deployments/(?P<found>[^/]+){_PATHS}"),
}


def setting(target: Target, name: str) -> Any:
    """Return `name`, or the environment variable that `<name>_env` names; None where there is neither.

    On a replay it is the recording's own, where a recording says it.
    """
    variable = target.settings.get(f"{name}_env")
    return (
        target.settings.get(name)
        or _recorded(target, name)
        or (os.environ.get(variable) if variable else None)
    )


def address(target: Target, name: str) -> str:
    """Return the URL at `name` or `<name>_env`.

    With neither it is one that cannot be reached and says why.
    """
    url, variable = setting(target, name), target.settings.get(f"{name}_env")
    if url is None and variable:
        return f"http://{str(variable).lower().replace('_', '-')}-is-not-set.invalid/v1"
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise BadInput(f'target "{target.name}": {name} is {url!r}; give it as https://..., or {name}_env')
    return url


def address_or(target: Target, name: str, default: str) -> str:
    """Return the URL at `name` or `<name>_env`, the default where the target names neither."""
    return address(target, name) if {name, f"{name}_env"} & target.settings.keys() else default


def _recorded(target: Target, name: str) -> str | None:
    url = target.settings.get(RECORDED)
    if not url:
        return None
    call = _CALL[name].fullmatch(url.partition("?")[0]) if name in _CALL else None
    if call:
        return call["found"]
    place = registry.get(target.provider).place("POST", url)
    return place.settings.get(name) if place else None


def secrets(target: Target, default: str | None) -> dict[str, str | None]:
    """Return the API key by its environment variable: `api_key_env`, else the wire's usual one."""
    variable = target.settings.get("api_key_env") or default
    return {variable: os.environ.get(variable) or None} if variable else {}


def credential(target: Target, default: str | None) -> str:
    """Return the API key, or a stand-in: a replay needs none."""
    if RECORDED in target.settings:
        return "not-needed"
    for variable, key in secrets(target, default).items():
        if key and not (key.isascii() and key.isprintable() and " " not in key):
            raise BadInput(
                f"{variable} holds a space, a line break or a character that is not ASCII; not shown"
            )
        return key or "not-set"
    return "not-needed"


def seconds(target: Target) -> float:
    """Return how long a call may take in all (`timeout`)."""
    given = target.settings.get("timeout", SECONDS)
    if isinstance(given, bool) or not isinstance(given, int | float) or not (0 < given < math.inf):
        raise BadInput(f'target "{target.name}": timeout is {given!r}; give seconds, more than 0')
    return float(given)


def headers(target: Target) -> dict[str, str]:
    """Return the headers to add to each call (`headers`)."""
    given = target.settings.get("headers") or {}
    for name, value in given.items():
        text = f"{name}{value}"
        if not (text.isascii() and text.isprintable()):
            raise BadInput(f'target "{target.name}": header {name!r} holds more than printable ASCII')
    return {name: str(value) for name, value in given.items()}


def adapt(body: Object, settings: Object) -> Object:
    """Return the body by the `params` table: `drop`, then `rename`, then `add` what is missing."""
    params = settings.get("params") or {}
    drop, rename = params.get("drop") or (), params.get("rename") or {}
    kept = {rename.get(key, key): value for key, value in body.items() if key not in drop}
    return (params.get("add") or {}) | kept
