"""Gemini, at its own API.

Vertex AI is asked by plain httpx with a token; so is what the SDK would not send as it is.
"""

from __future__ import annotations

from replay.export._call import Call
from replay.export.sdks import _plain
from replay.export.sdks._script import SECONDS, Script, called, headers_of, key, literal, server


def script(call: Call) -> Script:
    """Ask through Google's SDK, which takes a body as it is as `extra_body`."""
    if call.target.settings.get("platform") or not _as_the_sdk_asks(call):
        return _plain.script(call)
    base, _, rest = call.path.partition(f"/{version(call)}/")
    options = [
        ("base_url", server(call, base)),
        ("api_version", literal(version(call))),
        ("timeout", str(1000 * SECONDS)),
        ("headers", headers_of(call)),
    ]
    client = called("genai.Client", [("api_key", key(call)), ("http_options", _nested(options))])
    method = "generate_content_stream" if call.place.params.get("stream") else "generate_content"
    body = 'config={"http_options": {"extra_body": request}}'
    model = rest.partition(":")[0].removeprefix("models/")
    send = f'client.models.{method}(model={literal(model)}, contents="see extra_body", {body})'
    return Script(("os", "google.genai"), client, call.body, send)


def _as_the_sdk_asks(call: Call) -> bool:
    """Whether it is what the SDK sends, which adds a `generationConfig`, and streams server-sent events."""
    return "generationConfig" in call.body and (not call.streamed or call.path.endswith("?alt=sse"))


def version(call: Call) -> str:
    """The version of the API that is asked."""
    return str(call.target.settings.get("api_version") or "v1beta")


def _nested(options: list[tuple[str, str | None]]) -> str:
    pairs = (f'"{name}": {value}' for name, value in options if value is not None)
    return "{" + ", ".join(pairs) + "}"
