"""One call of one SDK, over the transport it is given: what is common to all wires."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from replay.conversation import Object
from replay.errors import ProviderFailure, SeamError
from replay.providers import _errors, _wire
from replay.turn import ApiError, Request, Target, Turn

if TYPE_CHECKING:
    from replay.providers._tap import Tap


class Codec(_wire.Codec, Protocol):
    """The pure half of a provider."""

    def encode(self, request: Request) -> Object:
        """See `replay.providers.Provider`."""


def through(
    request: Request,
    target: Target,
    transport: Any,
    codec: _wire.Codec,
    post: Callable[[Tap], object],
    raises: tuple[type[Exception], ...] = (),
) -> Turn:
    """Let `post` send a request over the tap it is given (a transport of httpx2), and read what came back.

    `raises` are the SDK's own errors; what it makes of the answer does not count. Raises SeamError, and
    ProviderFailure where the request was not sent.
    """
    import httpx2

    from replay.providers._settings import seconds
    from replay.providers._tap import Tap

    tap = Tap(transport, seconds(target))
    expected: tuple[type[Exception], ...] = (*raises, httpx2.HTTPError, OSError)
    raised: Exception | None = None
    try:
        post(tap)
    except expected as problem:
        _let_seam_through(problem)
        raised = problem
    return _turn(request, codec, tap, raised)


def _let_seam_through(raised: BaseException) -> None:
    cause: BaseException | None = raised
    while cause is not None:
        if isinstance(cause, SeamError | ProviderFailure):
            raise cause from None
        cause = cause.__cause__


def _turn(request: Request, codec: _wire.Codec, tap: Tap, problem: Exception | None) -> Turn:
    cut = problem is not None and not tap.ended
    failure = _errors.failure(problem, begun=tap.status is not None) if problem and cut else None
    body = tap.body
    read = _wire.answer(codec, tap.status, tap.headers, body, failure)
    error = _named(read.error, problem)
    sizes = tuple(map(len, tap.chunks))
    return Turn(
        request,
        read.reply,
        error,
        _wire.timing(codec, body, tap.times, sizes, streamed=bool(read.stream)),
        raw=None if tap.status is None else _wire.text(body),
        stream=read.stream,
        request_id=_wire.request_id(tap.headers),
    )


def _named(error: ApiError | None, problem: Exception | None) -> ApiError | None:
    """Return the error of a status with the name of the SDK's own class for it."""
    if error is None or error.status is None or error.status != getattr(problem, "status_code", None):
        return error
    return replace(error, exception=type(problem).__name__)
