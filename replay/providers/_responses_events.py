"""The events of a streamed response, merged into the response.

https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from replay.conversation import Json, Object
from replay.jsontext import parse
from replay.providers import _events, _shape

_ENDS = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")


class _Place(NamedTuple):
    """Where text grows: in a field of an item of this type, or of one of its parts."""

    item: str
    field: str
    parts: str = ""  # the item's field that holds the parts; the event's `content_index` counts in `content`
    part: str = ""  # the type of the part


# By the event's name without `.delta` and `.done`.
_PLACES = {
    "response.output_text": _Place("message", "text", "content", "output_text"),
    "response.refusal": _Place("message", "refusal", "content", "refusal"),
    "response.reasoning_text": _Place("reasoning", "text", "content", "reasoning_text"),
    "response.reasoning_summary_text": _Place("reasoning", "text", "summary", "summary_text"),
    "response.function_call_arguments": _Place("function_call", "arguments"),
    "response.custom_tool_call_input": _Place("custom_tool_call", "input"),
    "response.mcp_call_arguments": _Place("mcp_call", "arguments"),
    "response.code_interpreter_call_code": _Place("code_interpreter_call", "code"),
    "response.content_part": _Place("message", "", "content"),
    "response.reasoning_summary_part": _Place("reasoning", "", "summary"),
}


def is_end(event: Mapping[str, str]) -> bool:
    """Tell whether a stream ends with this event."""
    name = event.get("event")
    if name:
        return name in _ENDS
    data = event["data"]
    return any(end in data for end in _ENDS) and _type(data) in _ENDS


def _type(data: str) -> Json:
    try:
        document = parse(data)
    except ValueError:
        return None
    return document.get("type") if isinstance(document, dict) else None


def documents(events: Iterable[Mapping[str, str]]) -> Iterator[Object]:
    """Yield the events of a response up to its end, as JSON. Raises Unreadable for errors and broken ones."""
    for event, number, last in _events.numbered(events):
        if event["data"]:
            yield _events.chunk(event, _events.parsed(event["data"], number, last=last), number)
        if is_end(event):
            return


class _Text(list[str]):
    """Text that is still growing."""


class Events:
    """What has been told of one response. Linear in the number of events: text is joined once."""

    def __init__(self) -> None:
        self.ended = False
        self._response: Object = {}
        self._items: dict[int, Object] = {}
        self._grown: list[tuple[Object, str]] = []

    def add(self, event: Object) -> None:
        """Take one event. Raises ValueError for one that has not the shape of its type."""
        kind = event.get("type")
        name, _, what = kind.rpartition(".") if isinstance(kind, str) else ("", "", "")
        if "response" in event:
            self._response, self.ended = _shape.mapping(event["response"], "response"), kind in _ENDS
        elif name == "response.output_item":
            self._items[_index(event, "output_index")] = _shape.mapping(event.get("item"), f"{kind}.item")
        elif name in _PLACES and what in ("added", "delta", "done"):
            self._say(event, _PLACES[name], self._holder(event, _PLACES[name]))

    def body(self) -> Object:
        """Return the response: as its end tells it, else what has come of it, without a status."""
        for holder, field in self._grown:
            if isinstance(holder.get(field), _Text):
                holder[field] = "".join(holder[field])
        output = [self._items[number] for number in sorted(self._items)]
        if self.ended:
            return self._response if self._response.get("output") else self._response | {"output": output}
        return {key: value for key, value in self._response.items() if key != "status"} | {"output": output}

    def _holder(self, event: Object, place: _Place) -> Object:
        """The item or the part that an event is about; some recordings leave out that it was begun."""
        new = {"type": place.item, "id": event.get("item_id")}
        new |= {"role": "assistant"} if place.item == "message" else {}
        item = self._items.setdefault(_index(event, "output_index"), new)
        if not place.parts:
            return item
        parts, index = item.get(place.parts) or [], _index(event, f"{place.parts}_index")
        if not isinstance(parts, list) or index > len(parts):
            raise ValueError(f"{event['type']}: there is no {place.parts}[{index}]")
        item[place.parts] = parts
        if index == len(parts):
            parts.append({"type": place.part})
        return _shape.mapping(parts[index], place.parts)

    def _say(self, event: Object, place: _Place, holder: Object) -> None:
        if not place.field:
            holder.update(_shape.mapping(event.get("part"), f"{event['type']}.part"))
            return
        whole = str(event["type"]).endswith(".done")
        text = event.get(place.field if whole else "delta")
        if not isinstance(text, str):
            raise ValueError(f"{event['type']} has no text")
        if whole:
            holder[place.field] = text
            return
        if not isinstance(holder.get(place.field), _Text):
            holder[place.field] = _Text(filter(None, [holder.get(place.field)]))
            self._grown.append((holder, place.field))
        holder[place.field].append(text)
        if isinstance(event.get("logprobs"), list) and isinstance(holder.setdefault("logprobs", []), list):
            holder["logprobs"] += event["logprobs"]


def _index(event: Object, name: str) -> int:
    index = event.get(name)
    if not isinstance(index, int) or index < 0:
        raise ValueError(f"{event['type']}.{name} is no index")
    return index
