"""What tests of trace formats share: an import that is played, and recordings to compare an import with."""

from __future__ import annotations

import json

from recorded_corpus import CORPUS, recording

from replay import importers, providers
from replay.importers import _lines
from replay.providers import _wire
from replay.record import record

LOGS = CORPUS / "logs"


def read(path, name=None):
    """The calls of a file and what was refused in it, read by the importer that is surest of it."""
    (found,) = importers.sniffed(_lines.head(path))
    assert found == (name or found)
    logged = list(importers.registry.get(found).read(path))
    return [one for one in logged if not one.refused], [one for one in logged if one.refused]


def request(logged):
    """The request as the nouns say it."""
    return providers.registry.get(logged.wire).decode_request(json.loads(logged.request))


def reply(logged):
    """The answer as the nouns say it: a reply, or the kind of the error."""
    codec = providers.registry.get(logged.wire)
    read = _wire.answer(codec, logged.status, logged.response_headers, logged.response or b"")
    return read.reply or read.error


def played(sandbox, *paths, suite="logged"):
    """Import files into the sandbox and play them offline; return what was imported."""
    recorded = record(paths, sandbox.root, suite)
    sandbox.pytest().assert_outcomes(passed=recorded.tally.conversations)
    return recorded


def recordings(folder):
    """The recordings that a folder of logs was made from: pairs of a request and a reply, or an error."""
    codec = providers.registry.get("openai")
    for line in (LOGS / folder / "origin.jsonl").read_text().splitlines():
        origin = json.loads(line)
        one = recording(origin["file"], origin["index"])
        read = _wire.answer(codec, one.status, one.headers, one.body)
        yield codec.decode_request(json.loads(one.request)), read.reply or read.error


def lost(one, other):
    """Name what `other`, a pair of a request and a reply, does not say as `one` does."""
    return {*_lost_of_request(one[0], other[0]), *_lost_of_reply(one[1], other[1])}


def _lost_of_request(one, other):
    if one.model != other.model:
        yield "model"
    if [_said(message) for message in one.messages] != [_said(message) for message in other.messages]:
        yield "messages"
    if [_written(message) for message in one.messages] != [_written(message) for message in other.messages]:
        yield "arguments as written"
    tools = [_offered(tool) for tool in one.tools]
    if tools and not other.tools:
        yield "tools"
    elif tools != [_offered(tool) for tool in other.tools]:
        yield "tools differ"
    if [tool.extra for tool in one.tools] != [tool.extra for tool in other.tools] and other.tools:
        yield "tools' strict"
    was, now = _params(one.params), _params(other.params)
    yield from (f"params.{name}" for name in was if name not in now)
    yield from (f"params.{name} differs" for name in was if name in now and was[name] != now[name])
    yield from (f"params.{name} is new" for name in now if name not in was)


def _lost_of_reply(one, other):
    if not hasattr(one, "message") or not hasattr(one, "finish_reason"):
        if (one.kind, one.status, one.message) != (other.kind, other.status, other.message):
            yield "error"
        if one.code != other.code:
            yield "error's code"
        return
    if [_said(choice.message) for choice in one.choices()] != [
        _said(choice.message) for choice in other.choices()
    ]:
        yield "reply"
    if [_written(choice.message) for choice in one.choices()] != [
        _written(c.message) for c in other.choices()
    ]:
        yield "arguments as written"
    if [choice.finish_reason for choice in one.choices()] != [
        choice.finish_reason for choice in other.choices()
    ]:
        yield "finish_reason"
    if one.model != other.model:
        yield "the model that answered"
    was, now = (answer.usage.to_json() if answer.usage else {} for answer in (one, other))
    yield from (f"usage.{name}" for name, count in was.items() if now.get(name) != count)
    yield from (f"usage.{name} is new" for name, count in now.items() if name not in was and count)
    if one.logprobs and not other.logprobs:
        yield "logprobs"


def _said(message):
    calls = [(call.id, call.name, _parsed(call)) for call in message.tool_calls]
    return message.role, message.text, calls, message.tool_call_id


def _written(message):
    return [call.arguments for call in message.tool_calls]


def _parsed(call):
    try:
        return call.parsed()
    except ValueError:
        return call.arguments


def _offered(tool):
    return tool.name, tool.description or "", tool.parameters


def _params(params):
    """Two names for one limit count as one; what says that there is no stream says nothing."""
    renamed = {
        "max_completion_tokens" if key == "max_tokens" else key: value for key, value in params.items()
    }
    return {key: value for key, value in renamed.items() if (key, value) != ("stream", False)}
