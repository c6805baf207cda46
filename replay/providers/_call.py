"""One chat completion through the official SDK, over the transport it is given."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from replay.conversation import Object
from replay.errors import BadInput, SeamError
from replay.providers import _chat, _errors
from replay.providers._settings import adapt, headers, seconds
from replay.providers._wire import answer, timing
from replay.turn import Request, Target, Turn

Options = Callable[[Target], Object]  # takes a target, returns what its client is made with


def call(request: Request, target: Target, transport: Any, client: str, options: Options) -> Turn:
    """Send one request, once, through `client`, the name of a class of the SDK's."""
    import httpx2
    import openai

    from replay.providers._line import line
    from replay.providers._tap import Tap

    limit = seconds(target)
    account = {name: target.settings.get(name) for name in ("organization", "project")}
    try:
        sdk = line(client, options(target), account, headers(target), limit)
    except httpx2.InvalidURL as problem:
        raise BadInput(f'target "{target.name}": {problem}') from None
    tap = Tap(transport, limit)
    # ASCII JSON: the SDK's own writer cannot send half of a surrogate pair, which models do write.
    body = json.dumps(adapt(_chat.encode(request), target.settings)).encode()
    raised: Exception | None = None
    try:
        sdk.post(body, tap)
    except (openai.OpenAIError, httpx2.HTTPError, OSError) as problem:
        _let_seam_through(problem)
        raised = problem
    return _turn(request, tap, raised)


def _let_seam_through(raised: BaseException) -> None:
    cause: BaseException | None = raised
    while cause is not None:
        if isinstance(cause, SeamError):
            raise cause from None
        cause = cause.__cause__


def _turn(request: Request, tap: Any, problem: Exception | None) -> Turn:
    cut = problem is not None and not tap.ended
    failure = _errors.failure(problem, begun=tap.status is not None) if problem and cut else None
    body = tap.body
    read = answer(_chat, tap.status, tap.headers, body, failure)
    sizes = tuple(map(len, tap.chunks))
    return Turn(
        request,
        read.reply,
        read.error,
        timing(body, tap.times, sizes, streamed=bool(read.stream)),
        raw=None if tap.status is None else body.decode("utf-8", "backslashreplace"),
        stream=read.stream,
    )
