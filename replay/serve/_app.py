"""The HTTP side: what comes is read and journalled, and answered from what is played."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from replay.errors import ReplayError
from replay.serve._answer import Answer
from replay.serve._playing import Playing
from replay.serve._refusal import Refusal

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PAGES = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"  # an app in a browser, while it is written
_OURS = "of its own this server answers GET /_replay/journal and POST /_replay/reset"


def app(playing: Playing, *, local: bool) -> Starlette:
    """Return the application; a `local` one answers only to the names of this machine."""

    async def journal(_: Request) -> Response:
        return JSONResponse(await run_in_threadpool(playing.journalled))

    async def reset(_: Request) -> Response:
        try:
            await run_in_threadpool(playing.reset)
        except ReplayError as problem:
            return _error(str(problem), 400)
        return JSONResponse({"reset": True})

    return Starlette(
        routes=[
            Route("/_replay/journal", journal),
            Route("/_replay/reset", reset, methods=["POST"]),
            Mount("/_replay", _unknown),  # is never sent on to a provider
            Mount("/", _Door(playing)),
        ],
        middleware=[_pages(), *([Middleware(_Local)] if local else [])],
    )


def _pages() -> Middleware:
    """Let pages that this machine serves read the answers; those of any other place may not."""
    everything = ["*"]
    return Middleware(
        CORSMiddleware,
        allow_origin_regex=_PAGES,
        allow_methods=everything,
        allow_headers=everything,
        expose_headers=everything,
    )


async def _unknown(scope: Any, receive: Any, send: Any) -> None:
    await _error(_OURS, 404)(scope, receive, send)


def _error(message: str, status: int) -> Response:
    return JSONResponse({"error": {"message": message}}, status)


class _Local:
    """Refuses what a web page asks of this server under a name of its own (DNS rebinding)."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        name = _host(scope)
        if name is None or name in _LOOPBACK:
            await self._app(scope, receive, send)
            return
        told = f"this server answers to {', '.join(_LOOPBACK)}, not to {name}; --host opens it to others"
        told += "\nit is no proxy: set the app's base address to it"
        await _error(told, 403)(scope, receive, send)


def _host(scope: Any) -> str | None:
    """Return the name that a request asks for this server by."""
    try:
        return urlsplit(f"//{Headers(scope=scope).get('host', '')}").hostname
    except ValueError:
        return ""


class _Door:
    """Every path but our own."""

    def __init__(self, playing: Playing) -> None:
        self._playing = playing

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        query = scope["query_string"]
        target = (scope["raw_path"] + (b"?" + query if query else b"")).decode("latin-1")
        journal = self._playing.journal
        call = journal.begin(request.method, target)
        try:
            body = await request.body()
            asked = self._playing.asked(request.method, target, request.headers.items(), body, call)
            make = partial(self._playing.answer, asked)
            await Answer(call, journal, make, whole=asked.upstream)(scope, receive, send)
        except ClientDisconnect:
            pass
        except ReplayError as problem:
            await Refusal.of(problem, call).send(journal, send)
        finally:
            journal.end(call, "left")
