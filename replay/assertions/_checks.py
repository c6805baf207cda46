"""The single checks of `contract`: each yields findings on one choice or one turn."""

from __future__ import annotations

from collections.abc import Iterator

from replay.assertions import _schema
from replay.assertions._calls import arguments_of, declared, malformed
from replay.assertions._found import Found, timed_out
from replay.assertions._served import served_as_asked
from replay.assertions.refusal import refusal_of
from replay.conversation import Json, ToolCall
from replay.diff import short
from replay.errors import nearest
from replay.regexes import TimeLimit
from replay.turn import Reply, Request, Target, Turn


def finish(reply: Reply, request: Request) -> Iterator[Found]:
    """The reason to stop is given, and says what the content shows."""
    reason, calls = reply.finish_reason, reply.message.tool_calls
    if reason is None:
        native = reply.native_finish_reason
        kind, what = (
            ("finish_unknown", f"is {short(native)}") if native else ("finish_missing", "is not given")
        )
        yield Found(kind, f"finish_reason {what}", None, native)
    elif reason == "length":
        yield Found("length", "the reply was cut by length", "stop", reason)
    elif reason == "content_filter":
        yield Found("content_filter", "the reply was stopped by the content filter", "stop", reason)
    elif reason == "tool_calls" and not calls:
        yield Found("calls_missing", "finish_reason is tool_calls, and no tool is called", reason)
    elif reason == "stop" and calls and not _forced(request):
        names = [call.name for call in calls]
        yield Found(
            "calls_unannounced", f"finish_reason is stop, and {', '.join(names)} is called", reason, names
        )
    if reason == "stop" and not calls and not _says_something(reply):
        yield Found("empty", "the reply has no content and calls no tool")


def _forced(request: Request) -> bool:
    """Tell whether the request names the function to call: then the wire's finish_reason is `stop`."""
    return isinstance(request.params.get("tool_choice") or request.params.get("function_call"), dict)


def _says_something(reply: Reply) -> bool:
    message = reply.message
    parts = isinstance(message.content, list) and any(part.get("type") != "text" for part in message.content)
    spoken = any(message.extra.get(key) for key in ("audio", "images"))
    return bool(message.text.strip()) or parts or spoken or refusal_of(reply) is not None


def calls(reply: Reply, request: Request) -> Iterator[Found]:
    """Every tool called is declared, is called with what it declares, and has an id of its own."""
    tools = declared(request.tools, request.params)
    seen: set[str] = set()
    for call in reply.message.tool_calls:
        if call.type != "function_call":
            yield from _identified(call, seen)
        if call.name in tools:
            yield from arguments(call, tools[call.name])
        else:
            known = nearest(call.name, tools) if tools else "no tool is declared"
            yield Found(
                "undeclared_tool",
                f"{short(call.name)} is called and not declared; {known}",
                list(tools),
                call.name,
            )


def _identified(call: ToolCall, seen: set[str]) -> Iterator[Found]:
    if not call.id:
        yield Found("id_missing", f"the call of {call.name} has no id")
    elif call.id in seen:
        yield Found("id_twice", f"two calls have the id {short(call.id)}", None, call.id)
    seen.add(call.id)


def arguments(call: ToolCall, schema: Json) -> Iterator[Found]:
    """The arguments of a call are JSON that fits what its tool declares."""
    try:
        value = arguments_of(call)
    except ValueError as problem:
        yield malformed(call, problem)
        return
    if schema is None or call.type == "custom":
        return
    try:
        wrong = _schema.check(schema, value)
    except TimeLimit as stop:
        yield timed_out(stop)
        return
    except _schema.BadSchema as problem:
        yield Found("tool_schema", f"what {call.name} declares is no JSON Schema: {problem}", None, schema)
        return
    for found in wrong:
        yield Found("arguments", f"{call.name}: {found.message}", found.expected, found.actual)


def refused(turn: Turn) -> Iterator[Found]:
    """Every call was one that may be made; the other reasons to refuse one are seen in the call itself."""
    for answer in turn.answers:
        if answer.kind in ("not_allowed", "unauthorised"):
            message = f"{answer.name} is called and was not executed: {answer.why}"
            yield Found(answer.kind, message, None, answer.name)


def usage(turn: Turn, reply: Reply) -> Iterator[Found]:
    """Usage is given where it was asked for, and adds up.

    Reasoning tokens are part of the completion's; some providers count them beside it, which adds up too.
    """
    counts = reply.usage
    if counts is None or counts.prompt_tokens is None or counts.completion_tokens is None:
        options = turn.request.params.get("stream_options")
        if not turn.stream or (isinstance(options, dict) and options.get("include_usage")):
            yield Found("usage_missing", "usage not given")
        return
    both, reasoning = counts.prompt_tokens + counts.completion_tokens, counts.reasoning_tokens or 0
    if counts.total_tokens is not None and counts.total_tokens not in (both, both + reasoning):
        message = (
            f"usage does not add up: {counts.prompt_tokens} + {counts.completion_tokens} is not the total"
        )
        yield Found("usage_sum", f"{message} {counts.total_tokens}", both, counts.total_tokens)
    beside = counts.total_tokens == both + reasoning
    if (counts.cached_tokens or 0) > counts.prompt_tokens:
        message = f"{counts.cached_tokens} cached tokens of {counts.prompt_tokens} prompt tokens"
        yield Found("usage_parts", message, counts.prompt_tokens, counts.cached_tokens)
    if reasoning > counts.completion_tokens and not beside:
        message = f"{reasoning} reasoning tokens of {counts.completion_tokens} completion tokens"
        yield Found("usage_parts", message, counts.completion_tokens, reasoning)


def served(turn: Turn, reply: Reply, target: Target) -> Iterator[Found]:
    """The model that answered is the one asked."""
    asked = turn.request.model or target.model
    if not served_as_asked(asked, reply.model, target):
        yield Found("served_model", f"expected model {asked}, {reply.model} answered", asked, reply.model)


def choices(turn: Turn, reply: Reply) -> Iterator[Found]:
    """There are as many choices as were asked for."""
    wanted, came = turn.request.params.get("n"), len(reply.choices())
    if isinstance(wanted, int) and not isinstance(wanted, bool) and wanted != came:
        yield Found("choices", f"expected {wanted} choices, came {came}", wanted, came)


def answered(turn: Turn, after: Turn) -> Iterator[Found]:
    """Every call of a turn is answered, once, in the request of the next."""
    if turn.reply is None:
        return
    known = len(turn.request.messages)
    answers = [message.tool_call_id for message in after.request.messages[known:] if message.role == "tool"]
    for call in turn.reply.message.tool_calls:
        if call.type != "function_call" and answers.count(call.id) != 1:
            times = answers.count(call.id)
            message = f"the call {call.id} of {call.name} is answered {times} times in the next request"
            yield Found("unanswered" if not times else "answered_twice", message, 1, times)
