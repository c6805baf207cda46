"""Bedrock through boto3."""

from __future__ import annotations

import base64
from urllib.parse import urlsplit

from replay.conversation import Json
from replay.export._call import Call
from replay.export._words import SERVER
from replay.export.sdks._script import Script, called, literal, server

_HOLDERS = ("source", "redactedContent")  # whose `bytes` are sent as base64 and given as bytes


def converse(call: Call) -> Script:
    """Ask by Converse, or ConverseStream."""
    streamed = call.streamed
    method = "converse_stream" if streamed else "converse"
    send = f"client.{method}(modelId={_model(call)}, **request)"
    return Script(("os", "boto3"), _client(call), unpacked(call.body), send, parts='answer["stream"]')


def invoke(call: Call) -> Script:
    """Ask by InvokeModel, or InvokeModelWithResponseStream."""
    method = "invoke_model_with_response_stream" if call.streamed else "invoke_model"
    arguments = f'modelId={_model(call)}, contentType="application/json"'
    send = f"client.{method}({arguments}, body=json.dumps(request))"
    names = ("json", "os", "boto3")
    return Script(names, _client(call), call.body, send, 'answer["body"].read().decode()', 'answer["body"]')


def _model(call: Call) -> str:
    """Write the model: a profile's ARN in a URL does not say whose it is, the target does."""
    return literal(call.place.model or call.target.model)


def _client(call: Call) -> str:
    region = call.target.settings.get("region") or call.place.settings.get("region") or "us-east-1"
    own = call.place.settings.get("endpoint")
    endpoint = server(call, urlsplit(own).path) if own else f'os.environ.get("{SERVER}")'
    arguments = [
        ("region_name", f'os.environ.get("AWS_REGION", {literal(region)})'),
        ("endpoint_url", endpoint),
    ]
    return called("boto3.client", [("service_name", '"bedrock-runtime"'), *arguments])


def unpacked(value: Json, holder: str = "") -> Json:
    """Return a body of Converse as boto3 takes it: what is base64 on the wire is bytes here."""
    if isinstance(value, dict):
        return {
            name: base64.b64decode(inner) if _is_blob(name, inner, holder) else unpacked(inner, name)
            for name, inner in value.items()
        }
    return [unpacked(inner, holder) for inner in value] if isinstance(value, list) else value


def _is_blob(name: str, value: Json, holder: str) -> bool:
    return isinstance(value, str) and (name == "redactedContent" or (name == "bytes" and holder in _HOLDERS))
