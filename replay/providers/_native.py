"""What only one wire can say, kept under the word `native` by the provider's name."""

from __future__ import annotations

from replay.conversation import Json, Message, Object
from replay.jsontext import same

NATIVE = "native"


def own(data: Object, wire: str) -> Object:
    """Return what `data` keeps for a wire, empty where there is nothing."""
    kept = data.get(NATIVE)
    said = kept.get(wire) if isinstance(kept, dict) else None
    return said if isinstance(said, dict) else {}


def keep(wire: str, said: Object) -> Object:
    """Return `{"native": {wire: said}}`, to be merged into an `extra` or `params`; nothing for nothing."""
    return {NATIVE: {wire: said}} if said else {}


def part(wire: str, said: Object) -> Object:
    """Return a content part that only `wire` can send."""
    return {"type": NATIVE, wire: said}


def said(part: Json, wire: str) -> Object | None:
    """Return what a content part or a tool says in the words of `wire`, None where it does not."""
    if not isinstance(part, dict) or part.get("type") != NATIVE:
        return None
    found = part.get(wire)
    return found if isinstance(found, dict) else None


def plain(data: Object) -> Object:
    """Return `data` without what is kept for any wire."""
    return {key: value for key, value in data.items() if key != NATIVE} if NATIVE in data else data


def beyond(said: Object, made: Object) -> Object:
    """Return what `said` has that `made` has not, or has otherwise: merged with `made` it is `said` again.

    That holds where `made` has no key that `said` lacks.
    """
    rest: Object = {}
    for key, value in said.items():
        if isinstance(value, dict) and isinstance(made.get(key), dict):
            if inner := beyond(value, made[key]):
                rest[key] = inner
        elif key not in made or not same(value, made[key]):
            rest[key] = value
    return rest


def merged(made: Object, rest: Object) -> Object:
    """Return `made` with all that `rest` says, objects merged."""
    both = {
        key: merged(made[key], value)
        if isinstance(value, dict) and isinstance(made.get(key), dict)
        else value
        for key, value in rest.items()
    }
    return made | both


def speaks(message: Message, wire: str) -> bool:
    """Tell whether a message says anything to a wire: one whose parts are all of other wires does not.

    What answers a tool is always said.
    """
    parts = message.content if isinstance(message.content, list) else ()
    others = bool(parts) and all(part.get("type") == NATIVE and wire not in part for part in parts)
    beside = message.tool_calls or message.tool_call_id or plain(message.extra)
    return not others or bool(beside)
