"""One path of a server that has a usual address and is asked by plain HTTP, as Cohere's and Ollama's are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from replay.providers import Place, _settings, _url
from replay.turn import Request, Target, Turn


@dataclass(frozen=True)
class Endpoint:
    """Where a wire is spoken: by a `codec`, at `home` or a server like it.

    `key` is the environment variable of the API key, None where a server wants none unless a target says so.
    """

    codec: Any
    home: str
    path: str
    key: str | None = None

    def place(self, method: str, url: str) -> Place | None:
        """Read the URL of a call to `home`, or to any server that is asked at this path."""
        base = _url.before(_url.read(url), self.path) if method == "POST" else None
        if base is None:
            return None
        return Place(settings={} if base in ("", self.home) else {"base_url": base})

    def secrets(self, target: Target) -> dict[str, str | None]:
        """Return the API key by its environment variable; nothing where none is wanted."""
        return _settings.secrets(target, self.key)

    def send(self, request: Request, target: Target, transport: Any) -> Turn:
        """Send one request, once. Raises SeamError, and BadInput for the settings."""
        from replay.providers._plain import call

        base = _settings.address_or(target, "base_url", self.home)
        wanted = self.key or "api_key_env" in target.settings
        key = _settings.credential(target, self.key) if wanted else None
        return call(request, target, transport, self.codec, f"{base.rstrip('/')}{self.path}", key)
