"""What a recorded body says, read as simply as possible and without any of our own code."""

import json
import re
from dataclasses import dataclass, field


@dataclass
class Said:
    """One choice, and what was said beside it."""

    finish_reason: str | None = None
    content: str = ""
    calls: list = field(default_factory=list)


@dataclass
class Expected:
    choices: list[Said] = field(default_factory=list)
    usage: tuple = (None, None, None)
    error: bool = False  # an error in a body of status 200
    cut: bool = False  # the last event is not whole


def expected(body):
    text = body.decode("utf-8", "replace")
    if re.search(r"^(data:|event:|: )", text, re.MULTILINE) and not text.lstrip().startswith("{"):
        return _streamed(text)
    try:
        data = json.loads(text)
    except ValueError:
        return Expected(error=True)
    if not isinstance(data, dict) or not data.get("choices"):
        return Expected(error=True)
    return Expected(
        [_choice(choice.get("message") or {}, choice) for choice in data["choices"]], _usage(data)
    )


def _choice(message, choice):
    calls = [_call(call) for call in message.get("tool_calls") or ()]
    if message.get("function_call"):
        calls.append(_call({"function": message["function_call"]}))
    return Said(choice.get("finish_reason") or None, _text(message.get("content")), _real(calls))


def _real(calls):
    """Without the empty one that Snowflake sends where nothing is called."""
    return [tuple(call) for call in calls if call[0] or call[1]]


def _call(call):
    arguments = call["function"].get("arguments")
    return call["function"]["name"], arguments if isinstance(arguments, str) else json.dumps(arguments)


def _text(content):
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content if part.get("type") == "text")
    return content or ""


def _usage(data):
    usage = data.get("usage") or {}
    return tuple(usage.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens"))


def _streamed(text):
    found, choices, calls = Expected(), {}, {}
    for line in re.split(r"\r\n|\n|\r", text):
        data = line[5:].strip() if line.startswith("data:") else ""
        if data.startswith("[DONE]"):
            break
        try:
            chunk = json.loads(data) if data else {}
        except ValueError:
            found.cut = True
            continue
        found.error = found.error or bool(chunk.get("error"))
        for holder in (chunk, chunk.get("x_groq") or {}):
            if holder.get("usage"):
                found.usage = _usage(holder)
        for choice in chunk.get("choices") or ():
            said = choices.setdefault(choice.get("index", 0), Said())
            delta = choice.get("delta") or choice.get("message") or {}
            said.finish_reason = choice.get("finish_reason") or said.finish_reason
            said.content += _text(delta.get("content"))
            for call in delta.get("tool_calls") or ():
                _grow(calls.setdefault(choice.get("index", 0), {}), call)
    for index, grown in calls.items():
        choices[index].calls = _real(grown.values())
    found.choices = [choices[index] for index in sorted(choices)]
    found.error = found.error or not found.choices
    return found


def _grow(grown, piece):
    """Pieces of a call share its index; a server that gives none sends whole calls with ids."""
    key = piece.get("index")
    if key is None:
        key = piece.get("id") or len(grown)
    elif key in grown and piece.get("id") and piece.get("function", {}).get("name") and grown[key][1]:
        key = piece["id"]  # every call under index 0 (Gemini)
    call = grown.setdefault(key, ["", ""])
    function = piece.get("function") or {}
    call[0] = call[0] or function.get("name") or ""
    call[1] += function.get("arguments") or ""
