"""Our seam under code that knows nothing of it: every HTTP client of this process, while a context lasts.

httpx2 and httpx get our transport; requests, urllib3, aiohttp, botocore, urllib and whatever else vcrpy can
patch get vcrpy's patches, with our cassette instead of vcrpy's. vcrpy's own patches of httpx are left out, so
that nothing is recorded twice.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial, wraps
from types import SimpleNamespace
from typing import Any

from replay.cassette.cassette import Cassette
from replay.cassette.witness import Witness

LIBRARIES = ("httpx2", "httpx")


Around = Callable[[Any], Any]


@contextmanager
def intercept(cassette: Cassette, around: Callable[[Witness], Around] | None = None) -> Iterator[Witness]:
    """Answer (and record, as its mode says) through `cassette` whatever this process asks over HTTP.

    Yields the witness, whose `exchanges` are what passed. Holds for all threads, and for clients made before
    the context as well as within it. Closing the cassette is the caller's. `around` gives what puts other
    transports around the cassette's.
    """
    # First of all: vcrpy notes the originals of all libraries when it is imported, and imports the libraries.
    from vcr.patch import CassettePatcherBuilder  # type: ignore[import-untyped]

    from replay.cassette._vcr import AsVcr

    witness = Witness(cassette)
    wrapped = around(witness) if around else None
    over = _over(witness, wrapped) if wrapped else witness.transport
    with ExitStack() as patches:
        for patch in CassettePatcherBuilder(AsVcr(witness, LIBRARIES, wrapped)).build():
            patches.enter_context(patch)
        for library in filter(None, map(sys.modules.get, LIBRARIES)):
            patches.enter_context(_replaced(library.HTTPTransport, "handle_request", _sync, over))
            asynchronous = library.AsyncHTTPTransport
            patches.enter_context(_replaced(asynchronous, "handle_async_request", _async, over))
        yield witness


def _over(witness: Witness, around: Around) -> Around:
    return lambda inner: around(witness.transport(inner))


Wrap = Callable[[Around, Callable[..., Any]], Callable[..., Any]]


def _sync(over: Around, original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def handle_request(self: Any, request: Any) -> Any:
        inner = SimpleNamespace(handle_request=partial(original, self))
        return over(inner).handle_request(request)

    return handle_request


def _async(over: Around, original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    async def handle_async_request(self: Any, request: Any) -> Any:
        inner = SimpleNamespace(handle_async_request=partial(original, self))
        return await over(inner).handle_async_request(request)

    return handle_async_request


@contextmanager
def _replaced(owner: Any, name: str, wrap: Wrap, over: Around) -> Iterator[None]:
    original = getattr(owner, name)
    setattr(owner, name, wrap(over, original))
    try:
        yield
    finally:
        setattr(owner, name, original)
