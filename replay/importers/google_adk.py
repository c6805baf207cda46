"""Google's Agent Development Kit: sessions, and evaluation sets old and new.

A session with `event_logs` holds each request and response of generateContent with the names of the Python
SDK; without them its `events` are the messages. An evaluation set holds questions with the tools that should
be called and the answer that is wanted; its tools' results are not kept.
https://google.github.io/adk-docs/evaluate/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from replay.conversation import Json, Object
from replay.importers import Logged, _derived, _lines
from replay.importers._records import ODD, as_bytes, some
from replay.jsontext import parse

LOGGED = "ADK keeps the SDK's objects, not bodies"
EVENTS = "ADK's events hold what was said: no system prompt, tools or params"
WANTED = "an evaluation set holds what is wanted: no tools, params or tool results"
_MARKS = (
    (b'"event_logs"',),
    (b'"eval_set_id"', b'"eval_cases"'),
    (b'"events"', b'"invocation_id"'),
    (b'"query"', b'"expected_tool_use"'),
)


def sniff(head: bytes) -> bool:
    """Tell by the words of a session or an evaluation set."""
    return head.lstrip()[:1] in (b"{", b"[") and any(all(word in head for word in mark) for mark in _MARKS)


def read(path: Path) -> Iterator[Logged]:
    """Yield every call of a session (`event 2`), or every question of a set (`case 1, turn 2`)."""
    try:
        with _lines.opened(path) as stream:
            yield from _document(str(path), parse(stream.read()))
    except (*ODD, *_lines.DAMAGE) as problem:
        yield Logged(str(path), "", refused=f"the file cannot be read: {problem}")


def _document(path: str, document: Any) -> Iterator[Logged]:
    if isinstance(document, list):
        yield from _questions(path, "case 1", [_old_question(item) for item in document], {})
    elif "eval_cases" in document:
        for number, case in enumerate(document["eval_cases"], 1):
            questions = [_question(item) for item in case["conversation"]]
            yield from _questions(path, f"case {number}", questions, {"id": case.get("eval_id")})
    elif document.get("event_logs"):
        yield from (
            _logged(path, number, log, document) for number, log in enumerate(document["event_logs"], 1)
        )
    else:
        messages = [
            message for event in document["events"] for message in _messages(event.get("content") or {})
        ]
        known = {"thread": str(document.get("id") or path), "provider": "gemini"}
        yield from _derived.turns(path, "session", messages, {}, EVENTS, **known)


def _logged(path: str, number: int, log: Object, session: Object) -> Logged:
    """One call as the SDK's objects show it: its wire with other names."""
    asked, config = log["model_request"], log["model_request"].get("config") or {}
    system = config.get("system_instruction")
    body = {"contents": _camel(asked["contents"])}
    if system:
        body["systemInstruction"] = (
            {"parts": [{"text": system}]} if isinstance(system, str) else _camel(system)
        )
    if config.get("tools"):
        body["tools"] = _camel(config["tools"])
    own = ("system_instruction", "tools")
    options = {name: value for name, value in config.items() if name not in own and value is not None}
    if options:
        body["generationConfig"] = _camel(options)
    at = {str(event.get("id")): event.get("timestamp") for event in session.get("events") or ()}
    return Logged(
        path,
        f"event {number}",
        request=as_bytes(body),
        status=200,
        response=as_bytes(_camel(log["model_response"])),
        wire="gemini",
        model=str(asked.get("model") or ""),
        derived=LOGGED,
        thread=str(session.get("id") or path),
        **_derived.origin(log.get("event_id"), at.get(str(log.get("event_id")))),
    )


def _questions(
    path: str, place: str, questions: list[tuple[str, list[Object], str]], source: Object
) -> Iterator[Logged]:
    said: list[Object] = []
    for turn, (question, calls, answer) in enumerate(questions, 1):
        said.append({"role": "user", "content": question})
        reply: Object = {"content": None, "tool_calls": calls} if calls else {"content": answer}
        yield _derived.chat(
            path,
            f"{place}, turn {turn}",
            {"messages": list(said)},
            _derived.said({"role": "assistant"} | reply),
            WANTED,
            provider="gemini",
            source=some(**source),
        )
        said.append({"role": "assistant", "content": answer})


def _old_question(item: Object) -> tuple[str, list[Object], str]:
    calls = [
        _derived.tool_call(call["tool_name"], call.get("tool_input") or {}, f"call_{number}")
        for number, call in enumerate(item.get("expected_tool_use") or (), 1)
    ]
    return item["query"], calls, item.get("reference") or ""


def _question(item: Object) -> tuple[str, list[Object], str]:
    uses = (item.get("intermediate_data") or {}).get("tool_uses") or ()
    calls = [
        _derived.tool_call(use["name"], use.get("args") or {}, use.get("id") or f"call_{number}")
        for number, use in enumerate(uses, 1)
    ]
    return _text(item["user_content"]), calls, _text(item.get("final_response") or {})


def _text(content: Object) -> str:
    return "".join(part.get("text") or "" for part in content.get("parts") or ())


def _messages(content: Object) -> Iterator[Object]:
    """One event's content as messages: what the model said, what a tool answered, what the user wrote."""
    parts = content.get("parts") or []
    calls = [part["function_call"] for part in parts if part.get("function_call")]
    results = [part["function_response"] for part in parts if part.get("function_response")]
    for number, result in enumerate(results, 1):
        key = result.get("id") or f"call_{result.get('name')}_{number}"
        yield {"role": "tool", "tool_call_id": key, "content": json.dumps(result.get("response") or {})}
    if results:
        return
    message: Object = {"role": "assistant" if content.get("role") == "model" else "user"}
    message["content"] = _text(content) or None
    if calls:
        message["tool_calls"] = [
            _derived.tool_call(
                call["name"], call.get("args") or {}, call.get("id") or f"call_{call['name']}_{number}"
            )
            for number, call in enumerate(calls, 1)
        ]
    yield message


# What stands under these is the app's own: its names stay.
_FREE = ("args", "response", "properties", "labels")


def _camel(value: Json, *, free: bool = False) -> Any:
    """Return the SDK's names in the wire's spelling, without what is null."""
    if isinstance(value, list):
        return [_camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name if free else _camelled(name): item
        if name in ("args", "response")
        else _camel(item, free=name in _FREE)
        for name, item in value.items()
        if item is not None
    }


def _camelled(name: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)
