"""Interactions as YAML text: deterministic, readable in a diff, safe from what git and editors do to files.

A body of several lines is a literal block when nothing in it can be lost that way: no carriage return (git's
autocrlf would eat it), no space before a line's end (editors strip it), no character YAML cannot hold. Else
it is one quoted line with escapes. Bodies that are not UTF-8 are base64.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from replay.cassette.interaction import Interaction
from replay.cassette.shape import to_shape

# YAML 1.1 printable characters without those that some reader takes for a line break or a byte order mark
_FINE = "\\t\\x20-\\x7e\\xa0-\\u2027\\u202a-\\ud7ff\\ue000-\\ufefe\\uff00-\\ufffd\\U00010000-\\U0010ffff"
_ONE_LINE = re.compile(f"[{_FINE}]*")
_BLOCK = re.compile(f"(?!\\n*\\Z)(?:[{_FINE}]*(?<![ \\t])\\n)*(?:[{_FINE}]*(?<![ \\t]))")
_ESCAPED = re.compile(f'[^{_FINE}]|[\\t"\\\\]')
_BARE = re.compile(r"[A-Za-z/](?:[A-Za-z0-9_./+&%~:;-]*[A-Za-z0-9_/+-])?")
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\", "\0": "\\0"}


def pieces(interactions: Iterable[Interaction]) -> Iterator[str]:
    """Yield the text of a cassette, one interaction at a time."""
    any_yet = False
    for interaction in interactions:
        yield ("" if any_yet else "interactions:\n") + _interaction(interaction)
        any_yet = True
    yield ("" if any_yet else "interactions: []\n") + "version: 1\n"


def _interaction(interaction: Interaction) -> str:
    shape = to_shape(interaction)
    request, response = shape["request"], shape["response"]
    lines = ["- request:"]
    lines.append(f"    body: {scalar(request['body'], 6)}")
    lines += _headers(request["headers"])
    lines.append(f"    method: {scalar(request['method'], 6)}")
    lines.append(f"    uri: {scalar(request['uri'], 6)}")
    lines += ["  response:", "    body:", f"      string: {scalar(response['body']['string'], 8)}"]
    lines += _headers(response["headers"])
    lines += _extras(response.get("replay"))
    lines += ["    status:", f"      code: {response['status']['code']}"]
    lines.append(f"      message: {scalar(response['status']['message'], 8)}")
    return "\n".join(lines) + "\n"


def _headers(headers: dict[str, list[str]]) -> list[str]:
    if not headers:
        return ["    headers: {}"]
    lines = ["    headers:"]
    for name, values in headers.items():
        lines.append(f"      {scalar(name, 8)}:{'' if values else ' []'}")
        lines += [f"      - {scalar(value, 8)}" for value in values]
    return lines


def _extras(extras: dict[str, Any] | None) -> list[str]:
    if not extras:
        return []
    return ["    replay:", *(f"      {key}: {flow(value)}" for key, value in extras.items())]


def flow(value: Any) -> str:
    """Write a JSON value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(str(key))}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str):
        return _line(value)
    text = json.dumps(value)
    return text.replace("e", ".0e") if isinstance(value, float) and "." not in text else text


def scalar(value: str | bytes, indent: int) -> str:
    """Write text (bytes: base64) as the value of a key; lines of a block are indented by `indent`."""
    margin = " " * indent
    if isinstance(value, bytes):
        encoded = base64.encodebytes(value).decode("ascii").splitlines()
        return "!!binary |\n" + "\n".join(margin + line for line in encoded)
    if "\n" not in value or not _BLOCK.fullmatch(value):
        return _line(value)
    body = value.rstrip("\n")
    ends = len(value) - len(body)
    chomp = "-" if ends == 0 else "" if ends == 1 else "+"
    lines = "\n".join(margin + line if line else "" for line in body.split("\n"))
    return f"|2{chomp}\n{lines}" + "\n" * max(0, ends - 1)


def _line(text: str) -> str:
    if _BARE.fullmatch(text) and text.lower() not in _WORDS:
        return text
    if _ONE_LINE.fullmatch(text):
        return "".join(("'", text.replace("'", "''"), "'"))
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    if 0xD800 <= code < 0xE000:  # half a character, which YAML cannot hold
        code = 0xFFFD
    if character in _NAMED:
        return _NAMED[character]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
