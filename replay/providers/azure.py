"""Azure OpenAI's Chat Completions: the same wire, asked by deployment.

Settings of a target: `deployment` or `deployment_env` (one is needed; `model` says which model it serves),
`endpoint` or `endpoint_env` (one is needed), `api_version`, `api_key_env` (default `AZURE_OPENAI_API_KEY`),
`headers`, `timeout` (seconds for a whole call), `params` (`add`, `rename`, `drop`). What the content filter
found is kept in a reply's `extra`: `prompt_filter_results` for the prompt,
`choice.content_filter_results` for the answer.
"""

from __future__ import annotations

from typing import Any

from replay.conversation import Object
from replay.errors import BadInput
from replay.providers import _settings
from replay.providers._chat import decode, decode_request, decode_stream, encode
from replay.turn import Request, Target, Turn

__all__ = ["decode", "decode_request", "decode_stream", "encode", "secrets", "send"]

_KEY = "AZURE_OPENAI_API_KEY"
_VERSION = "2024-10-21"  # the last dated version that is generally available


def secrets(target: Target) -> dict[str, str | None]:
    """Return the API key by its environment variable."""
    return _settings.secrets(target, _KEY)


def send(request: Request, target: Target, transport: Any) -> Turn:
    """Send one request, once, through the official SDK. Raises SeamError, and BadInput for the settings."""
    from replay.providers._call import call

    return call(request, target, transport, "AzureOpenAI", _options)


def _options(target: Target) -> Object:
    deployment = _settings.setting(target, "deployment") or target.settings.get("deployment_env")
    if not deployment:
        raise BadInput(
            f'target "{target.name}" names no deployment; add deployment = "..." (it serves {target.model})'
        )
    return {
        "api_key": _settings.credential(target, _KEY),
        "azure_endpoint": _settings.address(target, "endpoint"),
        "azure_deployment": deployment,
        "api_version": _settings.setting(target, "api_version") or _VERSION,
    }
