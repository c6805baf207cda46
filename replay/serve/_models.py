"""The list of models, which SDKs ask for before anything else: the project's targets."""

from __future__ import annotations

import json

from replay.cassette.interaction import RecordedRequest, RecordedResponse
from replay.config import Project
from replay.conversation import Object
from replay.providers._url import read


def models(request: RecordedRequest, project: Project) -> RecordedResponse | None:
    """Answer `GET .../models` in the form of its wire; None for any other request."""
    path = read(request.uri).path
    if request.method not in ("GET", "HEAD") or not path.endswith("/models"):
        return None
    names = sorted({target.model for target in project.targets.values()})
    if "anthropic-version" in request.headers:
        body = _anthropic(names)
    else:
        body = _gemini(names) if path.startswith("/v1beta") else _openai(names)
    return RecordedResponse(
        200, headers={"content-type": ["application/json"]}, body=json.dumps(body).encode()
    )


def _openai(names: list[str]) -> Object:
    data = [{"id": name, "object": "model", "created": 0, "owned_by": "replay"} for name in names]
    return {"object": "list", "data": data}


def _anthropic(names: list[str]) -> Object:
    known = {"type": "model", "created_at": "1970-01-01T00:00:00Z"}
    data = [known | {"id": name, "display_name": name} for name in names]
    ends = {"first_id": names[0], "last_id": names[-1]} if names else {"first_id": None, "last_id": None}
    return {"data": data, "has_more": False} | ends


def _gemini(names: list[str]) -> Object:
    return {"models": [{"name": f"models/{name}", "displayName": name} for name in names]}
