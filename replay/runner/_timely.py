"""The network, for calls whose answers have to begin in time however their bytes trickle."""

from __future__ import annotations

from contextvars import copy_context
from threading import Lock, Thread
from typing import Any

import httpx2

GRACE = 0.5  # seconds within which the network's own timeout, which says more, may come first


class Timely:
    """A transport around one whose timeout is for each read: status and headers take no longer in all.

    What comes later is closed, and the call is told by a ReadTimeout. A call without a timeout waits.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request. Raises what the transport within raises."""
        seconds = request.extensions.get("timeout", {}).get("read")
        if seconds is None:
            response: httpx2.Response = self._inner.handle_request(request)
            return response
        return _Sent(self._inner, request).within(seconds + GRACE)

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


class _Sent:
    """A call in a thread of its own: a read in a socket that is not known can only be left alone."""

    def __init__(self, inner: Any, request: httpx2.Request) -> None:
        self._inner, self._request = inner, request
        self._lock, self._left = Lock(), False
        self._response: httpx2.Response | None = None
        self._problem: BaseException | None = None

    def within(self, seconds: float) -> httpx2.Response:
        thread = Thread(target=copy_context().run, args=(self._send,), daemon=True)
        thread.start()
        thread.join(seconds)
        with self._lock:
            self._left = True
        if self._problem is not None:
            raise self._problem
        if self._response is None:
            raise httpx2.ReadTimeout("the answer did not begin within the timeout", request=self._request)
        return self._response

    def _send(self) -> None:
        try:
            response = self._inner.handle_request(self._request)
        except BaseException as problem:  # noqa: BLE001 - raised again where it is waited for
            self._problem = problem
            return
        with self._lock:
            if not self._left:
                self._response = response
                return
        response.close()
