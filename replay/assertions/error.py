"""`error: rate_limit` or `error: {kind: [server, overloaded], status: 503, message: try again}`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from replay.assertions._arguments import check_choice, texts
from replay.assertions._found import Found, TurnAssertion
from replay.assertions._text import said_as
from replay.conversation import Json
from replay.diff import short
from replay.turn import ERROR_KINDS, Turn


@dataclass(frozen=True)
class Error(TurnAssertion):
    """The turn ends in this error: the words of ApiError, `message` being a part of the error's own.

    A recorded error is green by this assertion; `contract` beside it lets the same kinds pass.
    """

    kind: str | list[str] | None = None
    status: int | list[int] | None = None
    code: str | list[str] | None = None
    message: str | None = None

    def __post_init__(self) -> None:
        """Refuse kinds that there are not."""
        super().__post_init__()
        for kind in texts("kind", self.kind) if self.kind is not None else ():
            check_choice("kind", kind, ERROR_KINDS)
        for status in _items(self.status):
            if isinstance(status, bool) or not isinstance(status, int) or not 100 <= status <= 599:
                raise ValueError(f"status must be an HTTP status, not {short(status)}")
        if self.message is not None:
            texts("message", self.message)

    @property
    def excuses(self) -> set[str]:
        """The kinds of `contract` that are this error."""
        kinds = texts("kind", self.kind) if self.kind is not None else ERROR_KINDS
        return {f"error_{kind}" for kind in kinds}

    def of_turn(self, turn: Turn) -> Iterator[Found]:
        """Compare each field that is given."""
        error = turn.error
        if error is None:
            said = said_as(turn.reply.message.text) if turn.reply else "nothing came"
            yield Found("no_error", f"expected an error, {said}", self._wanted())
            return
        for field in ("kind", "status", "code"):
            wanted, came = _items(getattr(self, field)), getattr(error, field)
            if wanted and came not in wanted:
                message = f"expected error {field} {_either(wanted)}, came {short(came)}: {error.message}"
                yield Found(field, message, self._wanted(), error.to_json())
        if self.message is not None and self.message not in error.message:
            message = f"expected an error that says {short(self.message)}, came {short(error.message, 200)}"
            yield Found("message", message, self._wanted(), error.to_json())

    def _wanted(self) -> Json:
        wanted = {name: getattr(self, name) for name in ("kind", "status", "code", "message")}
        return {name: value for name, value in wanted.items() if value is not None}


def _items(value: Json) -> list[Json]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _either(values: list[Json]) -> str:
    return " or ".join(str(value) for value in values)
