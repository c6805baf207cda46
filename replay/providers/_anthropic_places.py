"""Where Claude is asked: its own API, Vertex AI, Bedrock's InvokeModel.

https://docs.claude.com/en/api/claude-on-vertex-ai, https://docs.claude.com/en/api/claude-on-amazon-bedrock
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from replay.conversation import Object
from replay.providers import Place, _url
from replay.providers._url import Url

API = "https://api.anthropic.com"
_VERTEX = re.compile(
    r"(?P<base>.*)/projects/(?P<project>[^/]+)/locations/(?P<region>[^/]+)/publishers/anthropic/models/"
    r"(?P<model>[^/]+):(?P<verb>rawPredict|streamRawPredict)/?"
)
_BEDROCK = re.compile(r"(?P<base>.*)/model/(?P<model>[^/]+)/(?P<verb>invoke|invoke-with-response-stream)/?")
_AWS_HOST = re.compile(r"https://bedrock-runtime\.(?P<region>[a-z0-9-]+)\.amazonaws\.com")
_SHARED = {"global": "aiplatform", "us": "aiplatform.us.rep", "eu": "aiplatform.eu.rep"}


def vertex(region: str) -> str:
    """Return the base address of a region of Vertex AI."""
    return f"https://{_SHARED.get(region, f'{region}-aiplatform')}.googleapis.com/v1"


def bedrock(region: str) -> str:
    """Return the base address of a region of Bedrock."""
    return f"https://bedrock-runtime.{region}.amazonaws.com"


def place(method: str, url: str) -> Place | None:
    """Read the URL of a call to a Claude model, wherever it is served. Raises ValueError."""
    if method != "POST":
        return None
    parts = _url.read(url)
    return _of_api(parts) or _of_vertex(parts) or _of_bedrock(parts)


def address(url: str) -> str | None:
    """Return the base address that a call went to, None where the URL is of no such call or has no host."""
    parts = _url.read(url)
    base = _url.before(parts, "/v1/messages")
    found = _VERTEX.fullmatch(parts.path) or _BEDROCK.fullmatch(parts.path)
    if base is None and found:
        base = parts.origin + found["base"]
    return base if base and parts.origin else None


def _of_api(parts: Url) -> Place | None:
    base = _url.before(parts, "/v1/messages")
    if base is None:
        return None
    settings: Object = {} if base in ("", API) else {"base_url": base}
    return Place(settings=settings | ({"beta": True} if parts.query.get("beta") == "true" else {}))


def _of_vertex(parts: Url) -> Place | None:
    found = _VERTEX.fullmatch(parts.path)
    if found is None or found["model"] == "count-tokens":
        return None
    settings = {
        "platform": "vertex",
        "project": unquote(found["project"]),
        "region": unquote(found["region"]),
    }
    base = parts.origin + found["base"]
    if parts.origin and base != vertex(settings["region"]):
        settings["base_url"] = base
    return Place(unquote(found["model"]), _streamed(found["verb"]), settings)


def _of_bedrock(parts: Url) -> Place | None:
    found = _BEDROCK.fullmatch(parts.path)
    model = unquote(found["model"]) if found else ""
    if found is None or "anthropic" not in model:
        return None
    host = _AWS_HOST.fullmatch(parts.origin + found["base"])
    where = {"region": host["region"]} if host else {"base_url": parts.origin + found["base"]}
    return Place(model, _streamed(found["verb"]), {"platform": "bedrock"} | (where if parts.origin else {}))


def _streamed(verb: str) -> Object:
    return {"stream": True} if "tream" in verb else {}
