"""What a framework calls the input of a call to a model: messages alone, or with what they were sent with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from replay.conversation import Json, Object
from replay.importers._messages import chat
from replay.importers._params import params, tools

_LISTS = ("messages", "contents", "input", "prompt", "prompts")
_SYSTEM = ("system", "instructions", "system_instruction", "systemInstruction")


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked, in the words of Chat Completions."""

    messages: list[Object] = field(default_factory=list)
    tools: list[Object] = field(default_factory=list)
    params: Object = field(default_factory=dict)


def requested(value: Json, wire: str = "openai") -> Asked:
    """Read an input: text, messages, or an object that holds them with tools and parameters.

    Raises ValueError where there is no message in it.
    """
    if not isinstance(value, dict) or value.keys() & {"role", "content", "lc", "parts"}:
        messages, offered = _without_tools(value)
        return Asked(chat(messages, "user", wire), tools(offered, wire))
    said = next((value[key] for key in _LISTS if value.get(key)), None)
    system = next((value[key] for key in _SYSTEM if value.get(key)), None)
    config: Any = next(
        (value[key] for key in ("config", "generationConfig") if isinstance(value.get(key), dict)), {}
    )
    system = system or next((config[key] for key in _SYSTEM if config.get(key)), None)
    if said is None and system is None:
        raise ValueError("its input holds no messages")
    asked = requested(said, wire)
    offered = [*tools(value.get("tools"), wire), *tools(config.get("tools"), wire), *asked.tools]
    return Asked(_system(system, wire) + asked.messages, offered, params(config) | params(value))


def _system(value: Json, wire: str) -> list[Object]:
    if isinstance(value, list) and not any(isinstance(item, dict) and "role" in item for item in value):
        value = {"role": "system", "content": value}
    elif isinstance(value, dict) and "role" not in value:
        value = {"role": "system"} | value
    return [message | {"role": "system"} for message in chat(value, "system", wire)]


def _without_tools(value: Json) -> tuple[Json, list[Any]]:
    """Take out the tools that Langfuse's LangChain handler writes among the messages."""
    if not isinstance(value, list):
        return value, []
    offered = [item["content"] for item in value if _is_tool(item)]
    return [item for item in value if not _is_tool(item)], offered


def _is_tool(item: Json) -> bool:
    if not isinstance(item, dict) or item.get("role") != "tool" or "tool_call_id" in item:
        return False
    content = item.get("content")
    return isinstance(content, dict) and (
        isinstance(content.get("function"), dict) or "input_schema" in content
    )
