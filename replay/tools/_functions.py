"""A Python function that answers a call."""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Callable
from contextvars import copy_context
from threading import Thread
from typing import Any

from replay.assertions._calls import arguments_of
from replay.conversation import Json, ToolCall, ToolResult


def called(function: Callable[..., Any], call: ToolCall, deadline: float | None = None) -> ToolResult:
    """Call a function as a tool. What it raises is a result: nothing a tool does ends the play.

    One that still runs at the `deadline` (of `time.monotonic`) is left alone, as nothing can stop it.
    """
    if deadline is None:
        return _called(function, call)
    found: list[ToolResult] = []
    context = copy_context()
    thread = Thread(target=lambda: found.append(context.run(_called, function, call)), daemon=True)
    thread.start()
    thread.join(max(deadline - time.monotonic(), 0))
    return found[0] if found else _failed(call, "error", TimeoutError("it still ran when the time was up"))


def _called(function: Callable[..., Any], call: ToolCall) -> ToolResult:
    try:
        arguments = arguments_of(call)
        answer = function(**arguments) if isinstance(arguments, dict) else function(arguments)
        return _read(call, answer)
    except PermissionError as problem:
        return _failed(call, "permission_denied", problem)
    except (Exception, SystemExit) as problem:  # noqa: BLE001 - whatever a user's function does
        return _failed(call, "error", problem)


def _read(call: ToolCall, answer: Any) -> ToolResult:
    if isinstance(answer, ToolResult):
        return ToolResult(call.name, None, _json(answer.content), answer.status)
    if inspect.iscoroutine(answer):
        answer.close()
        raise TypeError(f"{call.name} is async; register a function that is not")
    return ToolResult(call.name, None, "" if answer is None else _json(answer))


def _json(answer: Any) -> Json:
    """Return an answer as the JSON that is sent. Raises TypeError or ValueError for what cannot be."""
    return answer if isinstance(answer, str) else json.loads(json.dumps(answer))


def _failed(call: ToolCall, status: str, problem: BaseException) -> ToolResult:
    return ToolResult(call.name, None, {"error": f"{type(problem).__name__}: {problem}"}, status)
