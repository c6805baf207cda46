"""What fixtures that have no cassette say: the words of a conversation, and no recording of any wire.

A fixture holds neither model nor times nor usage, so what is compared is what the messages say and which
tools they may call, in whatever wire they are asked; model and params do not count. It answers as often as it
is asked.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from replay import baselines, player
from replay.cassette.interaction import Interaction, RecordedRequest, RecordedResponse
from replay.cassette.match import key
from replay.cassette.nearest import Nearest
from replay.config import Project
from replay.conversation import Conversation, Json, Message, Object, Tool, ToolCall
from replay.errors import BadInput
from replay.jsontext import parse
from replay.providers import Place, Unreadable, registry
from replay.providers._said import all_said
from replay.turn import Reply, Request

NOTE = "x-replay-fixture"


@dataclass(frozen=True, slots=True)
class Line:
    """What is said at one place of a fixture, to what; `model` where it is known whose words they are."""

    where: str
    asked: RecordedRequest
    reply: Reply
    model: str | None = None


class Fixtures:
    """The assistant's turns of conversations, and what was accepted of their last one."""

    def __init__(self, project: Project, conversations: Iterable[Conversation]) -> None:
        self._lines = [line for one in conversations for line in _lines(one, project)]
        self._by_key: dict[str, list[Line]] = defaultdict(list)
        for line in self._lines:
            self._by_key[key(line.asked)].append(line)
        self._nearest = Nearest([Interaction(line.asked, RecordedResponse(None)) for line in self._lines])

    def answer(self, wire: str, place: Place, body: bytes) -> RecordedResponse | None:
        """Answer in the words of a wire, streamed if that is asked for; None where nothing is said to this.

        Raises BadInput where the wire's streams cannot be written.
        """
        request = _request(wire, body) if self._lines else None
        lines = self._by_key.get(key(_asked(request.messages, request.tools)), []) if request else []
        if request is None or not lines:
            return None
        model = request.model or place.model
        line = next((one for one in lines if one.model == model), lines[0])
        reply = Reply(
            line.reply.message,
            line.reply.finish_reason,
            model=model,
            extra={"id": f"replay-{key(line.asked)[:12]}", "created": 0},
        )
        stream = (request.params | place.params).get("stream")
        pieces = _streamed(wire, reply, place) if stream else [_whole(wire, reply)]
        note = f"{line.where}; its words, put into this wire: no model, params, usage or times are recorded"
        return RecordedResponse(
            200,
            headers={"content-type": [_type(pieces[0], bool(stream))], NOTE: [note]},
            body=b"".join(pieces),
            chunks=tuple((0.0, len(piece)) for piece in pieces),
        )

    def why(self, wire: str, body: bytes) -> list[str]:
        """Name the nearest place of a fixture, on a line; nothing where there is none."""
        request = _request(wire, body) if self._lines else None
        if request is None:
            return []
        asked = _asked(request.messages, request.tools)
        return [f"of fixtures the {self._nearest.describe(asked, lambda index: self._lines[index].where)}"]


def _request(wire: str, body: bytes) -> Request | None:
    try:
        return registry.get(wire).decode_request(parse(body)) if wire else None
    except (ValueError, Unreadable):
        return None


def _asked(messages: Iterable[Message], tools: Iterable[Tool]) -> RecordedRequest:
    """What is said in a request, whatever its wire, as a request that can be compared."""
    body: Object = {"messages": [{said.role: said.what} for said in all_said(messages)]}
    body["tools"] = [
        {"name": tool.name, "description": tool.description, "parameters": tool.parameters} for tool in tools
    ]
    return RecordedRequest("POST", "/", body=json.dumps(body).encode())


def _lines(conversation: Conversation, project: Project) -> Iterator[Line]:
    for state in player.states_of(conversation):
        said, where = conversation.messages[len(state)], f"{conversation.name} messages[{len(state)}]"
        yield Line(where, _asked(state, conversation.tools), _reply(said))
    if conversation.messages[-1].role != "assistant":
        yield from _accepted(conversation, project)


def _accepted(conversation: Conversation, project: Project) -> Iterator[Line]:
    """What was accepted of any target as the answer to all of an open conversation (`next_turn`)."""
    asked = _asked(conversation.messages, conversation.tools)
    for path in sorted((project.baselines / conversation.name).glob("*.yaml")):
        found = baselines.read(project, conversation.name, path.stem)
        turns = found.variants[0] if found else []
        ours = len(turns) == 1 or not player.states_of(conversation)  # else of the turns before, one by one
        if ours and turns and "error" not in turns[0]:
            target = project.targets.get(path.stem)
            reply = _reply(_message(turns[0]), turns[0].get("finish_reason"))
            where = f"{conversation.name} as accepted of {path.stem}"
            yield Line(where, asked, reply, target.model if target else None)


def _reply(message: Message, finish_reason: str | None = None) -> Reply:
    return Reply(message, finish_reason or ("tool_calls" if message.tool_calls else "stop"))


def _message(turn: Object) -> Message:
    """The message that a turn of a baseline accepts."""
    calls = [
        ToolCall(f"call_{number}", call["name"], _arguments(call))
        for number, call in enumerate(turn.get("tool_calls") or (), 1)
    ]
    refusal = {"refusal": turn["refusal"]} if turn.get("refusal") else {}
    return Message("assistant", turn.get("content"), tuple(calls), extra=refusal)


def _arguments(call: Object) -> str:
    text: Json = call.get("arguments_text")
    return text if isinstance(text, str) else json.dumps(call.get("arguments", {}))


def _whole(wire: str, reply: Reply) -> bytes:
    codec = registry.get(wire)
    return json.dumps(getattr(codec, "encode_whole", codec.encode_reply)(reply)).encode()


def _streamed(wire: str, reply: Reply, place: Place) -> list[bytes]:
    encode = getattr(registry.get(wire), "encode_stream", None)
    if encode is None:
        raise BadInput(
            f"what a fixture says cannot be streamed on the wire of {wire}\n"
            "ask without streaming, or record a cassette: replay serve --record-to CASSETTE"
        )
    return list(encode(reply, place))


def _type(first: bytes, stream: bool) -> str:
    if stream and first.startswith((b"data:", b"event:")):
        return "text/event-stream"
    return "application/x-ndjson" if stream and first.endswith(b"\n") else "application/json"
