"""Anthropic's Messages."""

from __future__ import annotations

from replay.export._call import Call
from replay.export.sdks import _boto3, _plain
from replay.export.sdks._script import SECONDS, Script, called, headers_of, key, server, typed


def script(call: Call) -> Script:
    """Ask through Anthropic's SDK; on a platform as that has it."""
    platform = call.target.settings.get("platform")
    if platform == "bedrock":
        return _boto3.invoke(call)
    if platform:
        return _plain.script(call)
    try:
        from anthropic.resources.messages import Messages
    except ModuleNotFoundError:  # what its SDK takes cannot be known here
        return _plain.script(call)
    at, _, query = call.path.partition("?")
    arguments = [
        ("api_key", key(call)),
        ("base_url", server(call, at.removesuffix("/v1/messages"))),
        ("max_retries", "0"),
        ("timeout", str(SECONDS)),
        ("default_headers", headers_of(call)),
    ]
    beta = ', extra_query={"beta": "true"}' if query else ""
    return Script(
        ("os", "anthropic"),
        called("anthropic.Anthropic", arguments),
        typed(Messages.create, call.body),
        f"client.messages.create(**request{beta})",
    )
