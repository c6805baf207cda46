"""botocore as an oracle: what it sends for a body, and what it says of an answer; no network."""

import json
from base64 import b64decode
from functools import cache

import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError


class Body:
    def __init__(self, content):
        self._content = content

    def stream(self, *_, **__):
        yield self._content

    def close(self):
        """Nothing is open."""


@cache
def client():
    made = botocore.session.Session().create_client(
        "bedrock-runtime",
        "us-east-1",
        aws_access_key_id="AKIAEXAMPLE",
        aws_secret_access_key="example",
        config=Config(retries={"total_max_attempts": 1}),
    )
    made.meta.events.register("before-send.bedrock-runtime", _answer)
    return made


_now = {}


def _answer(request, **_):
    _now["request"] = request
    return AWSResponse(request.url, _now["status"], _now["headers"], Body(_now["body"]))


def _typed(shape, value):
    """Give botocore bytes where its own description says blob."""
    if shape.type_name == "blob":
        return b64decode(value)
    if shape.type_name == "list":
        return [_typed(shape.member, item) for item in value]
    if shape.type_name == "structure" and not getattr(shape, "is_document_type", False):
        return {key: _typed(shape.members[key], item) for key, item in value.items()}
    return value


def sent(model, body, stream=False):
    """Return the path and the body that botocore sends for this; it checks all names and types."""
    _call(model, body, stream, 200, {}, b"" if stream else b"{}")
    request = _now["request"]
    return request.url.split(".amazonaws.com")[1], json.loads(request.body)


def read(answer, status=200, headers=None, stream=False):
    """Return what botocore makes of an answer: its parsed response, or its events; raises its errors."""
    asked = {"messages": [{"role": "user", "content": [{"text": "x"}]}]}
    found = _call("m", asked, stream, status, headers or {}, answer)
    return list(found["stream"]) if stream else found


def _call(model, body, stream, status, headers, answer):
    _now.update(status=status, headers=headers, body=answer)
    operation = "ConverseStream" if stream else "Converse"
    shape = client().meta.service_model.operation_model(operation).input_shape
    arguments = _typed(shape, body)
    return getattr(client(), "converse_stream" if stream else "converse")(modelId=model, **arguments)


__all__ = ["ClientError", "EventStreamError", "read", "sent"]
