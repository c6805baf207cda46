"""The socket guard: nothing reaches the network, every try is remembered, everything is restored."""

import _socket
import asyncio
import contextlib
import socket
import threading
import urllib.request

import aiohttp
import httpx
import httpx2
import pytest
import requests
from scripted import Scripted, reply

from replay.cassette.network import blocked
from replay.errors import NetworkBlocked

DOORS = (
    *((socket.socket, name) for name in ("connect", "connect_ex", "sendto", "sendmsg")),
    (_socket, "getaddrinfo"),
    *((socket, name) for name in ("gethostbyname", "gethostbyname_ex", "gethostbyaddr")),
)


def doors():
    return [vars(owner).get(name) for owner, name in DOORS]


@pytest.fixture(autouse=True)
def everything_is_restored():
    before = doors()
    yield
    assert doors() == before


@pytest.fixture
def server():
    with Scripted([reply({"ok": True})]) as scripted:
        yield scripted


def with_aiohttp(url):
    async def ask():
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return await response.read()

    return asyncio.run(ask())


def with_async_httpx(url, library=httpx):
    async def ask():
        async with library.AsyncClient() as client:
            return (await client.get(url)).content

    return asyncio.run(ask())


def with_asyncio_streams(url):
    async def ask():
        await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))

    asyncio.run(ask())


def with_sock_connect(url):
    async def ask():
        with socket.socket() as sock:
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", int(url.rpartition(":")[2])))

    asyncio.run(ask())


def with_socket(url, door="connect"):
    with socket.socket() as sock:
        return getattr(sock, door)(("127.0.0.1", int(url.rpartition(":")[2])))


WAYS = {
    "requests": lambda url: requests.get(url, timeout=5),
    "httpx": httpx.get,
    "httpx2": httpx2.get,
    "async httpx": with_async_httpx,
    "async httpx2": lambda url: with_async_httpx(url, httpx2),
    "urllib": lambda url: urllib.request.urlopen(url, timeout=5),
    "aiohttp": with_aiohttp,
    "asyncio streams": with_asyncio_streams,
    "sock_connect": with_sock_connect,
    "connect": with_socket,
    "connect_ex": lambda url: with_socket(url, "connect_ex"),
    "create_connection": lambda url: socket.create_connection(
        ("127.0.0.1", int(url.rpartition(":")[2]))
    ).close(),
}


@pytest.mark.parametrize("way", WAYS)
def test_no_library_gets_through_and_all_work_again_afterwards(way, server):
    with blocked() as guard, pytest.raises((NetworkBlocked, ExceptionGroup)) as caught:
        WAYS[way](server.url)
    error = caught.value  # anyio, under the async clients, wraps what its tasks raise
    error = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
    assert f"127.0.0.1:{server.port}" in str(error)
    assert guard.tried == [f"127.0.0.1:{server.port}"]
    WAYS[way](server.url)


@pytest.mark.parametrize(
    "resolve",
    [
        lambda: socket.getaddrinfo("api.example.com", 443),
        lambda: socket.gethostbyname("api.example.com"),
        lambda: socket.gethostbyname_ex("api.example.com"),
        lambda: socket.gethostbyaddr("93.184.216.34"),
        lambda: asyncio.run(asyncio.to_thread(socket.getaddrinfo, b"api.example.com", 443)),
    ],
)
def test_no_name_is_looked_up(resolve):
    with blocked() as guard, pytest.raises(NetworkBlocked, match="blocked"):
        resolve()
    assert len(guard.tried) == 1


def test_a_datagram_is_refused_too():
    with blocked() as guard, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        with pytest.raises(NetworkBlocked, match=r"127\.0\.0\.1:9"):
            sock.sendto(b"x", ("127.0.0.1", 9))
        with pytest.raises(NetworkBlocked):
            sock.sendmsg([b"x"], [], 0, ("127.0.0.1", 9))
    assert guard.tried == ["127.0.0.1:9"] * 2


def test_the_message_names_the_place_and_what_to_do(server):
    with blocked(), pytest.raises(NetworkBlocked) as caught:
        httpx.get("https://api.example.com/v1/models")
    lines = str(caught.value).splitlines()
    assert "api.example.com:443" in lines[0]
    assert "--record-mode=once" in lines[2]
    assert "allow_hosts=['api.example.com']" in lines[2]


def test_a_swallowed_try_is_still_known(server):
    with blocked() as guard, contextlib.suppress(Exception):  # as careless code does
        requests.get(server.url, timeout=5)
    assert guard.tried == [f"127.0.0.1:{server.port}"]


def test_local_sockets_and_listening_stay_open(tmp_path):
    with blocked() as guard:
        one, other = socket.socketpair()
        one.sendall(b"hello")
        assert other.recv(5) == b"hello"
        with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
            listener.bind(str(tmp_path / "s"))
            listener.listen()
            client.connect(str(tmp_path / "s"))
        one.close()
        other.close()
        socket.create_server(("127.0.0.1", 0)).close()
        assert socket.getaddrinfo(None, 80)
        assert socket.getfqdn("127.0.0.1")
        asyncio.run(asyncio.sleep(0))
    assert guard.tried == []


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_allowed_hosts_are_let_through_with_the_addresses_of_their_names(server, name):
    with blocked(allow_hosts=[name]) as guard:
        assert requests.get(f"http://{name}:{server.port}", timeout=5).json() == {"ok": True}
        with pytest.raises(NetworkBlocked):
            socket.gethostbyname("api.example.com")
    assert guard.tried == ["api.example.com"]


def test_one_port_can_be_allowed(server):
    with blocked(allow_hosts=[f"localhost:{server.port}"]) as guard:
        assert requests.get(f"http://localhost:{server.port}", timeout=5).ok
        with pytest.raises(NetworkBlocked):
            requests.get("http://localhost:9", timeout=5)
    assert guard.tried == ["localhost:9"]


def test_guards_nest_and_the_strictest_decides(server):
    with blocked(allow_hosts=["127.0.0.1"]) as outer:
        with blocked() as inner, pytest.raises(NetworkBlocked):
            httpx.get(server.url)
        assert httpx.get(server.url).json() == {"ok": True}
        with blocked(allow_hosts=["127.0.0.1", "api.example.com"]) as third:
            assert httpx.get(server.url).json() == {"ok": True}
            with pytest.raises(NetworkBlocked):
                socket.gethostbyname("api.example.com")
    assert (outer.tried, inner.tried, third.tried) == (
        ["api.example.com"],
        [f"127.0.0.1:{server.port}"],
        [],
    )


def test_guards_of_threads_may_overlap_in_any_order(server):
    entered, leave = threading.Event(), threading.Event()
    seen = []

    def hold():
        with blocked() as guard:
            entered.set()
            leave.wait(5)
        seen.extend(guard.tried)

    thread = threading.Thread(target=hold)
    with blocked(allow_hosts=["127.0.0.1"]):
        thread.start()
        assert entered.wait(5)
    with pytest.raises(NetworkBlocked):  # the thread's guard outlives ours
        requests.get(server.url, timeout=5)
    leave.set()
    thread.join()
    assert seen == [f"127.0.0.1:{server.port}"]
    assert requests.get(server.url, timeout=5).ok


def test_everything_is_restored_after_an_error():
    before = doors()
    with pytest.raises(ZeroDivisionError), blocked():
        1 / 0  # noqa: B018
    assert doors() == before
