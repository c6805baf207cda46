"""The servers that speak OpenAI's wires: where they are, and which client of the SDK asks them.

Settings of a target: `base_url` or `base_url_env` (OpenAI's own address without it); or, for a dated version
of Azure OpenAI, `endpoint` or `endpoint_env`, `api_version`, and `deployment` or `deployment_env` where the
path names one. `api_key_env` is by default `OPENAI_API_KEY` at OpenAI, `AZURE_OPENAI_API_KEY` at an endpoint,
and no key elsewhere. `organization`, `project`, `headers`, `timeout` (seconds for a whole call) and `params`
(`add`, `rename`, `drop`) as for `openai`.
"""

from __future__ import annotations

from urllib.parse import quote

from replay.conversation import Object
from replay.providers import Place, _settings, _url
from replay.turn import Target

OPENAI = "https://api.openai.com/v1"
AZURE_VERSION = "2024-10-21"  # the last dated version that is generally available


def place(method: str, url: str, path: str) -> Place | None:
    """Read the URL of a call to `path` of any server."""
    parts = _url.read(url)
    base = _url.before(parts, path) if method == "POST" else None
    if base is None or base in ("", OPENAI):
        return None if base is None else Place()
    version = {"api_version": parts.query["api-version"]} if "api-version" in parts.query else {}
    endpoint, found, rest = base.partition("/openai")
    deployment = rest.removeprefix("/deployments/")
    if version and found and (not rest or deployment != rest):
        named = {"deployment": deployment} if deployment else {}
        return Place(deployment or None, settings={"endpoint": endpoint.rstrip("/")} | named | version)
    return Place(settings={"base_url": base.rstrip("/")} | version)


def secrets(target: Target) -> dict[str, str | None]:
    """Return the API key by its environment variable."""
    return _settings.secrets(target, _key(target))


def client(target: Target) -> tuple[str, Object]:
    """Return the SDK's class for a target and what it is made with. Raises BadInput for the settings."""
    key = _settings.credential(target, _key(target))
    if not _at(target, "endpoint"):
        url = _settings.address(target, "base_url") if _at(target, "base_url") else OPENAI
        return "OpenAI", {"api_key": key, "base_url": url}
    deployment = _settings.setting(target, "deployment") or target.settings.get("deployment_env")
    return "AzureOpenAI", {
        "api_key": key,
        "azure_endpoint": _settings.address(target, "endpoint"),
        "api_version": _settings.setting(target, "api_version") or AZURE_VERSION,
    } | ({"azure_deployment": deployment} if deployment else {})


def path(target: Target, path: str) -> str:
    """Return a path with the version that a base address is asked for, if it is."""
    version = None if _at(target, "endpoint") else target.settings.get("api_version")
    return f"{path}?api-version={quote(version)}" if version else path


def _at(target: Target, name: str) -> bool:
    return bool({name, f"{name}_env"} & target.settings.keys())


def _key(target: Target) -> str | None:
    if _at(target, "endpoint"):
        return "AZURE_OPENAI_API_KEY"
    return None if _at(target, "base_url") else "OPENAI_API_KEY"
