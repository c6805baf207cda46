"""Through OpenAI's SDK, there, at Azure, and at any server that speaks its wires."""

from __future__ import annotations

from operator import attrgetter
from urllib.parse import parse_qsl

from replay.export._call import Call
from replay.export.sdks._script import SECONDS, Script, called, headers_of, key, literal, server, typed


def through(call: Call, resource: str, path: str) -> Script:
    """Ask a resource of the SDK (`chat.completions`) whose calls go to `path`."""
    from openai import OpenAI

    create = attrgetter(resource)(OpenAI(api_key="-", base_url="http://localhost")).create
    return Script(
        ("os", "openai"),
        _client(call, path),
        typed(create, call.body),
        f"client.{resource}.create(**request)",
    )


def _client(call: Call, path: str) -> str:
    settings = call.place.settings
    common = [
        ("max_retries", "0"),
        ("timeout", str(SECONDS)),
        ("default_headers", headers_of(call)),
    ]
    at, _, query = call.path.partition("?")
    if "endpoint" in settings:
        deployment = settings.get("deployment")
        own = [
            ("api_key", key(call)),
            ("azure_endpoint", server(call, at.partition("/openai")[0])),
            ("azure_deployment", deployment and literal(deployment)),
            ("api_version", literal(settings.get("api_version", ""))),
        ]
        return called("openai.AzureOpenAI", own + common)
    own = [
        ("api_key", key(call)),
        ("base_url", server(call, at.removesuffix("/").removesuffix(path))),
        ("default_query", literal(dict(parse_qsl(query))) if query else None),
    ]
    return called("openai.OpenAI", own + common)
