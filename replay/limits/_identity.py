"""Who pays, which calls share a rate, and which case comes first."""

from __future__ import annotations

import json

from replay.run import Case
from replay.turn import Target

_ACCOUNT = ("base_url", "endpoint", "api_key", "organization", "project", "region", "profile", "platform")
_NOT_THE_MODEL = ("price", "params", "retries", "timeout")
_LEVELS = {"priority:low": -1, "priority:high": 1}
_ATTEMPTS = 10_000  # more than a case is repeated


def account(target: Target) -> str:
    """Return what is the same for all targets that one account pays for: provider, address, key."""
    given = target.settings.items()
    return _text(target.provider, {key: said for key, said in given if key.removesuffix("_env") in _ACCOUNT})


def lane(target: Target) -> str:
    """Return what is the same for all targets that are one model at one account, with the same limits."""
    given = target.settings.items()
    rest = {key: said for key, said in given if key not in _NOT_THE_MODEL}
    return _text(target.provider, rest | {"model": target.model})


def priority_of(case: Case) -> int:
    """Return how soon a case is to be sent: by its tag `priority:high` or `priority:low`, then its attempt.

    A later repeat comes after all first ones of its level.
    """
    level = sum(_LEVELS.get(tag, 0) for tag in case.tags)
    return level * _ATTEMPTS - (case.attempt - 1)


def _text(provider: str, said: object) -> str:
    return json.dumps([provider, said], sort_keys=True, default=str)
