"""Which spans are calls to a model, and what they say, whatever convention their attributes follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from replay.conversation import Json, Object
from replay.importers import _gen_ai, _logfire, _openinference, _vercel
from replay.importers._asked import asked
from replay.importers._attributes import get, text, tree
from replay.importers._bodies import whole
from replay.importers._failures import Failure, failure, thrown
from replay.importers._generation import Generation
from replay.importers._spans import Event, Span

CALL, WRAPPER = "", "wrapper"
_OPERATIONS = {"chat", "generate_content", "text_completion", "completion", "generate", "responses"}
_MARKS = ("gen_ai.request.model", "gen_ai.input.messages", "gen_ai.prompt.0.content", "llm.request.model")
_SAYS = ("gen_ai.output.messages", "gen_ai.completion.0.content", "gen_ai.completion.0.role")


def kind(attributes: Object) -> str:
    """Return CALL for a call to a model, WRAPPER for what wraps such calls, else a name of what it is."""
    operation = text(attributes, "ai.operationId")
    if operation:
        if operation.endswith((".doGenerate", ".doStream")):
            return CALL
        return WRAPPER if operation in _WRAPPERS else operation
    open_inference = text(attributes, _openinference.KIND)
    if open_inference:
        return CALL if open_inference.upper() == "LLM" else open_inference.upper()
    operation = text(attributes, "gen_ai.operation.name", "llm.request.type")
    if operation:
        return CALL if operation in _OPERATIONS else operation
    if get(attributes, *_MARKS, *_SAYS) is not None or isinstance(
        get(attributes, "request_data"), dict | str
    ):
        return CALL
    return text(attributes, "traceloop.span.kind") or "other"


_WRAPPERS = {f"ai.{what}" for what in ("generateText", "streamText", "generateObject", "streamObject")}


def told(span: Span, events: Sequence[Event] = ()) -> Generation:
    """Return what a span and its events say of a call. Raises ValueError where its content cannot be read."""
    attributes = span.attributes
    events = [*span.events, *events, *_kept(attributes)]
    call = facts(span, events)
    wire = asked(call.provider, call.address, call.model)[0]
    call = _logfire.offered(call, attributes, wire)
    bodies = _bodies(call, attributes)
    if bodies is not None:
        return bodies
    found = (
        _vercel.content(call, attributes, wire)
        or _gen_ai.content(call, attributes, events, wire)
        or _openinference.content(call, attributes, wire)
        or _logfire.content(call, attributes, wire)
        or call
    )
    return replace(found, tools=found.tools or call.tools)


def _kept(attributes: Object) -> list[Event]:
    try:
        return _logfire.events(attributes)
    except ValueError:
        return []


def facts(span: Span, events: Sequence[Event] = ()) -> Generation:
    """Return what a span says of a call beside its content."""
    attributes = span.attributes
    call = _openinference.facts(_vercel.facts(_gen_ai.facts(attributes), attributes), attributes)
    properties = {
        key: value for key, value in attributes.items() if key.startswith("traceloop.association.properties.")
    }
    session = text(properties, *(key for key in properties if key.endswith(("session_id", "thread_id"))))
    return replace(
        call,
        thread=call.thread or session or span.trace,
        at=span.at,
        failure=_failure(span, events),
        tags=_tags(attributes),
        source={"id": "/".join(filter(None, (span.trace, span.id)))} if span.trace or span.id else {},
    )


def _tags(attributes: Object) -> tuple[str, ...]:
    found = tree(attributes, "tag.tags", "langfuse.trace.tags", "logfire.tags")
    return tuple(tag for tag in found if isinstance(tag, str)) if isinstance(found, list) else ()


def _failure(span: Span, events: Sequence[Event]) -> Failure | None:
    raised: Object = next((event.attributes for event in events if event.name == "exception"), {})
    error = text(span.attributes, "error.type")
    if span.failed is None and not raised and not error:
        return None
    named, message = thrown(span.failed)
    name = text(raised, "exception.type") or error or named
    message = text(raised, "exception.message") or message
    status = get(span.attributes, "http.response.status_code", "http.status_code")
    return failure(name, message, status)


def _bodies(call: Generation, attributes: Object) -> Generation | None:
    """Return the call as the provider's own bodies where an instrumentation kept them."""
    try:
        request, answer = tree(attributes, "input.value"), tree(attributes, "output.value")
    except ValueError:
        return None
    if request is None or (answer is None and call.failure is None):
        return None
    return with_bodies(call, request, None if answer is None or not isinstance(answer, dict) else answer)


def with_bodies(call: Generation, request: Json, answer: Json) -> Generation | None:
    """Return a call that is said by a provider's own bodies, None where these are not whole."""
    if answer is None and call.failure is None:
        return None
    found = whole(request, answer)
    if found is None:
        return None
    wire, body, response = found
    return replace(call, wire=wire, asked=body, answered=response, params={}, tools=[], messages=[])
