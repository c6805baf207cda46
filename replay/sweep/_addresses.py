"""Where an app in any language finds the server: its address in the variables that the SDKs read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from replay.cassette.interaction import Interaction

# The variable that an SDK reads, and what of the path is not part of it.
_BASES = {
    "OPENAI_BASE_URL": re.compile(r"/(?:chat/completions|responses|completions|embeddings)/?$"),
    "ANTHROPIC_BASE_URL": re.compile(r"/v1/messages/?$"),
    "GOOGLE_GEMINI_BASE_URL": re.compile(r"/v1\w*/(?:models|publishers|projects|tunedModels)/.*$"),
    "CO_API_URL": re.compile(r"/v[12]/chat/?$"),
    "OLLAMA_HOST": re.compile(r"/api/(?:chat|generate)/?$"),
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": re.compile(r"/model/[^/]+/(?:converse|invoke)[\w-]*/?$"),
}
_KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "CO_API_KEY")


def environment(url: str, interactions: Iterable[Interaction], named: str | None = None) -> dict[str, str]:
    """Return the variables for a server at `url` that answers what is recorded.

    `named` is one more variable that holds the base address; `REPLAY_BASE_URL` always does. Keys are
    something that opens nothing.
    """
    paths = [urlsplit(one.request.uri).path for one in interactions]
    found = {
        name: url + pattern.sub("", path)
        for name, pattern in _BASES.items()
        for path in paths
        if pattern.search(path)
    }
    base = next(iter(found.values()), url)
    told = {"REPLAY_BASE_URL": base} | ({named: base} if named else {})
    return dict.fromkeys(_KEYS, "replay") | found | told


def origins(interactions: Iterable[Interaction]) -> dict[str, str]:
    """Return where each path was recorded: `https://api.openai.com` for `/v1/chat/completions`."""
    found: dict[str, str] = {}
    for one in interactions:
        parts = urlsplit(one.request.uri)
        found.setdefault(parts.path, f"{parts.scheme}://{parts.netloc}")
    return found
