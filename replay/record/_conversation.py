"""From the exchanges of one conversation to what is written of it: fixture, cassette, baseline, case."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain

from replay.cassette.interaction import Failure, Interaction, RecordedRequest, RecordedResponse
from replay.cassette.match import levelled
from replay.cassette.redact import Redactor
from replay.conversation import Conversation, Json, Object
from replay.diff import differences
from replay.errors import BadInput
from replay.importers import Logged
from replay.player import states_of
from replay.record._calls import UNNAMED, Refused
from replay.record._facts import Facts, facts
from replay.record._names import slug
from replay.record._playback import played
from replay.record._propose import proposals
from replay.record._targets import Targets
from replay.record._translate import in_its_own_words
from replay.turn import Request, Target, Transcript, Turn

_MASKED = re.compile(r"\*{3,}|[\[<(]?redacted\S*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One exchange that is written: where it stands, its place in the conversation, what was logged.

    `logged` holds no secret any more. `step` counts turns, `attempt` the tries of one turn.
    """

    number: int
    file: str
    format: str
    step: int
    attempt: int
    logged: Logged


@dataclass(frozen=True, slots=True)
class Written:
    """What is written of a conversation; `notes` are kept by the number of their exchange.

    `turns` are the assistant turns that are played; None where the one after the last message is. Without
    interactions the conversation is still to be recorded.
    """

    transcript: Transcript
    interactions: tuple[Interaction, ...]
    assertions: tuple[Json, ...]
    turns: tuple[int, ...] | None
    notes: dict[int, list[str]]


@dataclass(frozen=True, slots=True)
class _Played:
    """An exchange as it was played, and how that differs from what was logged."""

    exchange: Exchange
    turn: Turn
    interaction: Interaction
    source: Object
    notes: tuple[str, ...]


class Writing:
    """Makes what is written of conversations; `suite` is the folder of their names."""

    def __init__(self, suite: str, targets: Targets, redactor: Redactor, model: str | None) -> None:
        self._suite, self._targets, self._redactor, self._model = suite, targets, redactor, model

    def __call__(self, exchanges: Sequence[Exchange], ending: str) -> Written:
        """Play the exchanges of one conversation, in order, as they were logged. Raises Refused."""
        found = [facts(exchange.logged, self._model) for exchange in exchanges]
        last = found[-1]
        tags = tuple(dict.fromkeys(chain.from_iterable(exchange.logged.tags for exchange in exchanges)))
        asked = Conversation("", last.request.messages, last.request.tools, last.request.params, tags=tags)
        conversation = replace(asked, name=f"{self._suite}/{slug(asked)}-{ending}")
        target = self._targets.of(last.call)
        if last.answer is None:
            return _unanswered(conversation, target, exchanges[-1])
        plays = [self._play(*pair, conversation, target) for pair in zip(exchanges, found, strict=True)]
        return _written(conversation, target, plays)

    def _play(self, exchange: Exchange, found: Facts, conversation: Conversation, target: Target) -> _Played:
        logged, call = exchange.logged, found.call
        response = _response(in_its_own_words(logged, call))
        state = conversation.messages[: len(found.request.messages)]
        request = Request(target.model, state, conversation.tools, conversation.params)
        try:
            sent, turn = played(request, target, response)
        except BadInput as problem:
            raise Refused(f"it cannot be sent again: {problem.faults[0].message}") from None
        # what is no recording holds no body that could differ
        same = call.wire == call.provider and not logged.derived
        deviations = _deviations(logged, sent) if same else {}
        source = _source(exchange, turn)
        response = replace(response, attempt=exchange.attempt, source=source | deviations)
        notes = (*logged.notes, *_told(deviations, sent))
        return _Played(exchange, turn, Interaction(self._redactor.request(sent), response), source, notes)


def _unanswered(conversation: Conversation, target: Target, exchange: Exchange) -> Written:
    source = _source(exchange, None) | _doubts(conversation, exchange.logged, ())
    notes = [*exchange.logged.notes, *_masked(conversation), *_unnamed(target)]
    notes.append("no response is recorded: record it with pytest --record-mode=once")
    transcript = Transcript(replace(conversation, source=source), target)
    return Written(transcript, (), (), None, {exchange.number: notes})


def _written(conversation: Conversation, target: Target, plays: Sequence[_Played]) -> Written:
    last, notes = plays[-1], {one.exchange.number: list(one.notes) for one in plays}
    tries = {one.exchange.step: one for one in plays}  # the last try of each turn
    turns = tuple(replace(one.turn, attempts=one.exchange.attempt) for one in tries.values())
    source = _sources(plays) | _doubts(conversation, last.exchange.logged, turns)
    notes[last.exchange.number] += [*_masked(conversation), *_unnamed(target)]
    conversation = replace(conversation, source=source)
    chosen = None
    if len(turns) > 1:
        conversation, chosen = _with_last_reply(conversation, turns)
    how = "every_turn" if len(turns) > 1 else "next_turn"
    transcript = Transcript(conversation, target, turns, how)  # type: ignore[arg-type]
    wanted = tuple(chain.from_iterable(one.exchange.logged.assertions for one in plays))
    assertions, failing = proposals(transcript, wanted)
    notes[last.exchange.number] += (f"not asserted, as the recording fails it: {item}" for item in failing)
    return Written(transcript, tuple(one.interaction for one in plays), tuple(assertions), chosen, notes)


def _unnamed(target: Target) -> Iterator[str]:
    if target.model == UNNAMED:
        yield "the log names no model: give one with --model before it is played live"


def _with_last_reply(
    conversation: Conversation, turns: Sequence[Turn]
) -> tuple[Conversation, tuple[int, ...]]:
    """Return the conversation with its last reply, and which of its turns these are; all of them is ()."""
    reply = turns[-1].reply
    if reply is None or any(turn.error or turn.reply is None for turn in turns):
        raise Refused("a turn in it has no reply")
    conversation = replace(conversation, messages=(*conversation.messages, reply.message))
    lengths = [len(state) for state in states_of(conversation)]
    chosen = tuple(lengths.index(len(turn.request.messages)) + 1 for turn in turns)
    return conversation, () if len(chosen) == len(lengths) else chosen


def _response(logged: Logged) -> RecordedResponse:
    if logged.error is not None and logged.response is None:
        return RecordedResponse(None, failure=Failure(logged.error))
    failure = Failure(logged.error) if logged.error is not None else None
    headers = {name: [value] for name, value in logged.response_headers.items()}
    return RecordedResponse(logged.status, "", headers, logged.response or b"", failure=failure)


def _deviations(logged: Logged, sent: RecordedRequest) -> Object:
    """Name what is asked otherwise than it was: another path, or fields that our nouns do not keep apart."""
    was = RecordedRequest(logged.method, logged.url, logged.request_headers, logged.request)
    before, after = levelled(was), levelled(sent)
    found: Object = {}
    if logged.url and (before["path"], before["query"]) != (after["path"], after["query"]):
        found["uri"] = logged.url
    changes = [str(change) for change in differences(before["body"], after["body"])]
    return found | ({"body": changes} if changes else {})


def _told(deviations: Object, sent: RecordedRequest) -> Iterator[str]:
    if "uri" in deviations:
        yield f"was sent to {deviations['uri']}, is played at {sent.uri}"
    yield from (f"is sent otherwise: {change}" for change in deviations.get("body", ()))


def _source(exchange: Exchange, turn: Turn | None) -> Object:
    """Return where an exchange comes from: its log, and the id and the time that it holds."""
    logged = exchange.logged
    known: Object = {"format": exchange.format, "file": exchange.file, "place": logged.place}
    answered = turn.reply.extra.get("id") if turn and turn.reply else None
    if isinstance(answered, str):
        known["id"] = answered
    if logged.at is not None:
        known["recorded_at"] = _date(logged.at)
    return known | logged.source


def _date(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def _sources(plays: Sequence[_Played]) -> Object:
    """Return where a conversation comes from: that of its last exchange, and what differs in the others."""
    source = plays[-1].source
    if len(plays) == 1:
        return source
    return source | {"exchanges": [_less(one.source, source) for one in plays]}


def _less(one: Object, other: Object) -> Object:
    return {key: value for key, value in one.items() if key == "place" or other.get(key) != value}


def _doubts(conversation: Conversation, logged: Logged, turns: Sequence[Turn]) -> Object:
    """Say of a conversation what it is not: a recording, complete, fit to be asked of a live model."""
    return {
        **({"derived": logged.derived} if logged.derived else {}),
        **({"replayable": False} if any(_masked(conversation)) else {}),
        **({"incomplete": True} if any(map(_incomplete, turns)) else {}),
    }


def _masked(conversation: Conversation) -> Iterator[str]:
    if any(_MASKED.fullmatch(message.text.strip()) for message in conversation.messages):
        yield "a message is masked: what a model answers to it live says nothing"


def _incomplete(turn: Turn) -> bool:
    """Tell whether a stream ended before its end, whoever said so."""
    cut = turn.error is not None and turn.error.kind == "cut"
    silent = bool(turn.stream) and not turn.stream.get("done") and not turn.error
    return cut or (silent and turn.reply is not None and turn.reply.finish_reason is None)
