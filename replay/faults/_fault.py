"""What the faults of this room are made of: `Instead` of an answer, or what `Spoils` one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, ClassVar

from replay import providers
from replay.cassette.interaction import RecordedRequest
from replay.conversation import Object
from replay.errors import FaultNotPlayed
from replay.faults._answer import Answer
from replay.faults._scope import Scope
from replay.faults._transport import Around, FaultTransport
from replay.providers import Place, _refusals


@dataclass(frozen=True)
class Call:
    """One attempt at a call of a model: `wire` is the provider that speaks it."""

    fault: str
    request: RecordedRequest
    wire: str
    place: Place

    @cached_property
    def provider(self) -> Any:
        """The provider."""
        return providers.registry.get(self.wire)

    @cached_property
    def refusals(self) -> _refusals.Refusals:
        """What its servers say when they refuse."""
        return _refusals.of(self.provider, self.request.uri)

    def nothing(self, what: str) -> FaultNotPlayed:
        """Return the error for an answer that has no place for the fault."""
        where = self.request.uri.partition("?")[0]
        return FaultNotPlayed(f"fault {self.fault} cannot be played on the answer of {where}: {what}")


@dataclass(frozen=True, kw_only=True)
class Wire(Scope):
    """A fault on the calls of models; what else is asked over HTTP passes."""

    asks: ClassVar[bool] = True  # whether what it stands around is asked first
    noticeable: ClassVar[bool] = True  # whether a client can tell from what it gets

    @property
    def name(self) -> str:
        """As in YAML."""
        return type(self).__module__.rpartition(".")[2]

    def __call__(self, transport: Any) -> Any:
        """Return a transport that plays the fault; it counts from 1."""
        return self.begin(Around())(transport)

    def begin(self, around: Around) -> Any:
        """Return what makes transports that count together and tell `around` what they do."""
        return partial(FaultTransport, self, around.memory(self.name))

    def spoil(self, call: Call, answer: Answer) -> Answer:
        """Return what comes instead of an answer. Raises FaultNotPlayed where that cannot be done."""
        raise NotImplementedError

    def told(self, request: RecordedRequest) -> Call | None:
        """Return the call that a request is, None for one that no provider knows."""
        try:
            found = providers.placed(request.method.upper(), request.uri)
        except ValueError:
            return None
        return Call(self.name, request, *found) if found else None


@dataclass(frozen=True, kw_only=True)
class Instead(Wire):
    """A fault that answers by itself; what it stands around is not asked."""

    asks: ClassVar[bool] = False

    def spoil(self, call: Call, _: Answer) -> Answer:
        """Return what comes instead."""
        return self.answer(call)

    def answer(self, call: Call) -> Answer:
        """Return what comes instead."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Spoils(Wire):
    """A fault that spoils the answer that would have come."""


def middle(call: Call, answer: Answer, after: int | None) -> int:
    """Return after how many chunks something happens: the number given, else half of them."""
    if after is not None and after > len(answer.chunks):
        raise call.nothing(f"it has {len(answer.chunks)} chunks, not {after}")
    return len(answer.chunks) // 2 if after is None else after


def documents(answer: Answer) -> list[Object | None]:
    """Return the JSON object of each chunk, None where there is none."""
    found = (chunk.document for chunk in answer.chunks)
    return [item if isinstance(item, dict) else None for item in found]
