"""Tools of the Responses wire, and the tools of Chat Completions that they are.

Functions and custom tools are both wires'; all others are `native`. `form: {absent: [...]}` beside a function
names the fields that were left out of it: without `strict` this wire is strict, and Chat Completions is not.
"""

from __future__ import annotations

from replay.conversation import Json, Object, Tool
from replay.providers import _native
from replay.providers._responses_parts import WIRE

_ALWAYS = ("strict", "parameters")


def read(said: Object) -> Tool:
    """Read a tool."""
    match said:
        case {"type": "function", "name": str(name)} if _readable(said):
            return _function(name, said)
        case {"type": "custom", "name": str(name), **rest}:
            inner = {key: rest.pop(key) for key in ("description", "format") if key in rest}
            custom = {"name": name} | inner | _formats(inner.get("format"), _nested)
            return Tool(name, type="custom", outer={"custom": custom} | _native.keep(WIRE, rest))
    called = said.get("server_label") or said.get("name") or said.get("type")
    return Tool(str(called or _native.NATIVE), type=_native.NATIVE, outer={WIRE: said})


def written(tool: Tool) -> Object | None:
    """Return what says a tool, the inverse of `read`; None for one of another wire."""
    own = _native.own(tool.outer, WIRE)
    match tool.type:
        case "function":
            return _flat(tool, own)
        case "custom" if isinstance(tool.outer.get("custom"), dict):
            custom: Object = tool.outer["custom"]
            return {"type": "custom"} | custom | _formats(custom.get("format"), _unnested) | own
        case _native.NATIVE:
            return _native.said(tool.to_wire(), WIRE)
    return None


def _readable(said: Object) -> bool:
    kinds = {"description": str, "parameters": dict, "strict": bool}
    return all(isinstance(said.get(name), kind | None) for name, kind in kinds.items())


def _function(name: str, said: Object) -> Tool:
    known = {key: said[key] for key in ("description", "parameters", "strict") if said.get(key) is not None}
    rest = {key: value for key, value in said.items() if key not in (*known, "type", "name")}
    absent = [key for key in _ALWAYS if key not in said]
    form = {"form": {"absent": absent}} if absent else {}
    extra = {"strict": known["strict"]} if "strict" in known else {}
    outer = _native.keep(WIRE, rest | form)
    return Tool(name, known.get("description"), known.get("parameters"), extra=extra, outer=outer)


def _flat(tool: Tool, own: Object) -> Object:
    said: Object = {"type": "function", "name": tool.name, "parameters": tool.parameters}
    said["strict"] = tool.extra.get("strict") or False
    said |= {"description": tool.description} if tool.description is not None else {}
    form = own.get("form")
    absent = form.get("absent") or () if isinstance(form, dict) else ()
    said |= {key: value for key, value in own.items() if key != "form"}
    return {key: value for key, value in said.items() if key not in absent}


def _formats(said: Json, change: Json) -> Object:
    return {"format": change(said)} if said is not None else {}


def _nested(said: Json) -> Json:
    match said:
        case {"type": "grammar", **grammar} if "grammar" not in grammar:
            return {"type": "grammar", "grammar": grammar}
    return said


def _unnested(said: Json) -> Json:
    match said:
        case {"type": "grammar", "grammar": dict(grammar)}:
            return {"type": "grammar"} | grammar
    return said
