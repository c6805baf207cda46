"""The socket guard: while it is active nothing in this process reaches the network, whatever library tries.

It stands where every Python library passes: the methods of `socket.socket` and the resolver functions.
asyncio connects through them too. Local sockets (AF_UNIX, socketpair), binding and listening stay open. Out
of its sight are libraries that open sockets in C by themselves (uvloop, pycurl, grpc).
"""

from __future__ import annotations

import _socket
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from replay.errors import NetworkBlocked

_LOCAL_NAMES = ("", "localhost", "127.0.0.1", "::1", "0.0.0.0", "::")  # noqa: S104 - compared, not bound
_INET = (socket.AF_INET, socket.AF_INET6)
Place = tuple[str, object]  # host, port


class Guard:
    """What a guard lets through and what it has seen. `tried` keeps every refused `host:port`.

    Code under test may swallow the exception: whoever set the guard looks at `tried` afterwards.
    """

    def __init__(self, allow_hosts: Iterable[str] = ()) -> None:
        self.tried: list[str] = []
        self.active = True
        self._allowed = {host.lower().strip("[]") for host in allow_hosts}

    def check(self, host: str, port: object) -> None:
        """Let an allowed host through. Raises NetworkBlocked for any other."""
        name = host.lower()
        if not self.active or name in self._allowed or f"{name}:{port}" in self._allowed:
            return
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}" if port is not None else host
        self.tried.append(place)
        raise NetworkBlocked(
            f"the network is blocked, and something tried to reach {place}\n"
            "in record mode `none` every request is answered from a cassette; this one went around it\n"
            f"record it: --record-mode=once, or let it through: blocked(allow_hosts=[{host!r}])"
        )

    def learn(self, host: str, addresses: Iterable[Any]) -> None:
        """Let the addresses of an allowed name through as well, `addresses` as getaddrinfo returns them."""
        found = {str(address[4][0]).lower() for address in addresses}
        if host.lower() in self._allowed:
            self._allowed |= found
        with_port = (allowed.rpartition(":") for allowed in tuple(self._allowed))
        ports = [port for name, _, port in with_port if name == host.lower()]
        self._allowed |= {f"{address}:{port}" for address in found for port in ports}


@contextmanager
def blocked(allow_hosts: Iterable[str] = ()) -> Iterator[Guard]:
    """Block the network but for `allow_hosts`, while the context lasts: names or addresses, perhaps `:port`.

    Guards nest: a place has to be allowed by all that are active. Guards of different threads may overlap
    in any order. Whatever was in place before is in place again after the last one.
    """
    guard = Guard(allow_hosts)
    try:
        for owner, name, watch in _DOORS:
            _replace(owner, name, watch, guard)
        yield guard
    finally:
        guard.active = False
        for owner, name, _ in _DOORS:
            _clear(owner, name)


Watch = Callable[[Guard, Callable[..., Any]], Callable[..., Any]]


def _method(guard: Guard, original: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: socket.socket, *args: Any, **kwargs: Any) -> Any:
        if self.family in _INET and args and isinstance(args[-1], tuple):
            guard.check(str(args[-1][0]), args[-1][1])
        return original(self, *args, **kwargs)

    return method


def _getaddrinfo(guard: Guard, original: Callable[..., Any]) -> Callable[..., Any]:
    def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        flags = args[3] if len(args) > 3 else kwargs.get("flags", 0)
        if host is None or flags & socket.AI_PASSIVE:  # to listen, not to connect
            return original(host, port, *args, **kwargs)
        name = _text(host)
        guard.check(name, port)
        found = original(host, port, *args, **kwargs)
        guard.learn(name, found)
        return found

    return getaddrinfo


def _gethost(guard: Guard, original: Callable[..., Any]) -> Callable[..., Any]:
    def gethost(host: Any, *args: Any) -> Any:
        name = _text(host)
        if name not in (*_LOCAL_NAMES, socket.gethostname()):  # a server asks for its own name
            guard.check(name, None)
        return original(host, *args)

    return gethost


# socket.getaddrinfo calls _socket's, so that a reference imported earlier is caught as well.
_DOORS: tuple[tuple[Any, str, Watch], ...] = (
    *((socket.socket, name, _method) for name in ("connect", "connect_ex", "sendto", "sendmsg")),
    (_socket, "getaddrinfo", _getaddrinfo),
    *((socket, name, _gethost) for name in ("gethostbyname", "gethostbyname_ex", "gethostbyaddr")),
)


def _replace(owner: Any, name: str, watch: Watch, guard: Guard) -> None:
    own = vars(owner).get(name)  # None where the class inherits it
    door = watch(guard, getattr(owner, name))
    door.__dict__["_guard"], door.__dict__["_own"] = guard, own
    setattr(owner, name, door)


def _clear(owner: Any, name: str) -> None:
    """Take away the doors on top whose guards are done; one below another guard's goes when that one goes."""
    while (found := getattr(vars(owner).get(name), "__dict__", {}).get("_guard")) and not found.active:
        below = vars(owner)[name].__dict__["_own"]
        if below is None:
            delattr(owner, name)
        else:
            setattr(owner, name, below)


def _text(host: Any) -> str:
    return host.decode("idna") if isinstance(host, bytes) else str(host)
