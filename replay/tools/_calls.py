"""Which calls are not executed, and why."""

from __future__ import annotations

from fnmatch import fnmatchcase

from replay.assertions import _checks
from replay.assertions._calls import declared
from replay.conversation import Conversation, ToolCall
from replay.errors import nearest
from replay.loop import Loop

Refusal = tuple[str, str, str]  # the kind, as those of `contract`; the status of the result; why


def refusal(call: ToolCall, conversation: Conversation, loop: Loop) -> Refusal | None:
    """Return why a call is not executed, None where it may be.

    A conversation that declares no tools at all came from a log that did not keep them: every name will do.
    """
    tools = declared(conversation.tools, conversation.params)
    if tools and call.name not in tools:
        return "undeclared_tool", "error", f"there is no tool {call.name}; {nearest(call.name, tools)}"
    return _not_allowed(call, loop) or _unauthorised(call, conversation, loop) or _unfit(call, tools)


def _not_allowed(call: ToolCall, loop: Loop) -> Refusal | None:
    allowed = loop.allowed_tools
    if allowed is None or any(fnmatchcase(call.name, name) for name in allowed):
        return None
    return "not_allowed", "permission_denied", f"{call.name} is not allowed here"


def _unauthorised(call: ToolCall, conversation: Conversation, loop: Loop) -> Refusal | None:
    required = next((tool.requires for tool in conversation.tools if tool.name == call.name), ())
    missing = [name for name in required if name not in loop.grants]
    if not missing:
        return None
    return "unauthorised", "permission_denied", f"{call.name} requires {', '.join(missing)}"


def _unfit(call: ToolCall, tools: dict[str, object]) -> Refusal | None:
    found = next(_checks.arguments(call, tools.get(call.name)), None)
    return (found.kind, "error", found.message) if found else None
