"""The JSON in a reply's text, or the plain words for what keeps it from being JSON."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from replay.assertions._found import Found
from replay.assertions._text import said_as
from replay.conversation import Json
from replay.diff import short
from replay.jsontext import NotStrict, parse
from replay.turn import Reply

_FENCE = re.compile(r"```[\w-]*[ \t]*\n?(.*?)\n?[ \t]*```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Answer:
    """A value, or what is `wrong` with the text."""

    value: Json = None
    wrong: Found | None = None

    @classmethod
    def of(cls, reply: Reply, *, fenced: bool = False, repeated: bool = False) -> Answer:
        """Read the reply's text as JSON.

        `fenced` takes it out of a Markdown fence, `repeated` lets the last of two equal keys win.
        """
        text = reply.message.text
        fence = _FENCE.fullmatch(text.strip()) if fenced else None
        try:
            return cls(parse(fence[1] if fence else text, strict=True))
        except NotStrict as problem:
            if repeated and problem.kind == "duplicate_keys":
                return cls(parse(fence[1] if fence else text))
            return cls(wrong=Found(problem.kind, f"expected JSON, but {problem}", None, text))
        except ValueError as problem:
            return cls(wrong=_wrong(text, reply.finish_reason, problem))


def _wrong(text: str, finish_reason: str | None, problem: ValueError) -> Found:
    if not text.strip():
        return Found("empty", "expected JSON, the reply is empty", None, text)
    if finish_reason == "length":
        message = f"the JSON was cut by length (finish_reason length) after {len(text)} characters"
        return Found("truncated", message, None, text)
    if _FENCE.search(text):
        return Found("fenced", "the JSON is in a Markdown fence (fenced: true takes it out)", None, text)
    start = re.search(r"[{\[]", text)
    end = _end(text, start.start()) if start else None
    if start and end is not None:
        head, tail = text[: start.start()].strip(), text[end:].strip()
        kind, words, offset = ("prose_before", head, 0) if head else ("prose_after", tail, end)
        where = "before" if head else "after"
        message = f"expected JSON alone, text stands {where} it at character {offset}: {short(words)}"
        return Found(kind, message, None, text)
    return Found("not_json", f"expected JSON, {said_as(text)}: {problem}", None, text)


def _end(text: str, start: int) -> int | None:
    """Say where the JSON that begins at `start` ends, None when it is none."""
    try:
        return json.JSONDecoder().raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return None
