"""`replay serve`."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("paths", nargs=-1)
@click.option("--host", default="127.0.0.1", show_default=True, help="Listen here; others need a reason.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Listen here; 0 takes a free one.")
@click.option("--port-file", type=click.Path(path_type=Path), help="Write the port here once it is open.")
@click.option("--record-to", type=click.Path(path_type=Path), help="Record into this cassette, or folder.")
@click.option("--record-mode", default="once", show_default=True, help="once, new_episodes or all.")
@click.option("--upstream", multiple=True, help="Where to ask: https://HOST, or WIRE=https://HOST.")
@click.option("--pace", is_flag=True, help="Send chunks at their recorded times.")
@click.option("--ignore", multiple=True, help="A JSON path of bodies that does not count in matching.")
@click.option("--journal", type=click.Path(path_type=Path), help="Write what was asked here, a line each.")
@click.option("--strict", is_flag=True, help="Exit with 1 after a miss, or a recording nobody asked for.")
def serve(paths: tuple[str, ...], port_file: Path | None, strict: bool, **options: Any) -> int:
    """Answer apps in any language from cassettes and fixtures, over HTTP, as their provider would.

    PATHS are cassettes, folders of them, fixtures, or names of conversations; all there is without any. Set
    the app's base address to the one printed (with `/v1` for OpenAI's SDKs). Ends on SIGTERM or Ctrl-C.
    """
    from replay.config import Project
    from replay.errors import BadInput
    from replay.pytest_plugin.options import in_ci
    from replay.serve import Served

    if options["record_to"] and in_ci():
        raise BadInput("--record-to writes recordings, and CI is set")
    _warn(options["host"])
    project = Project.find(Path(paths[0]).parent if paths else Path())
    with _until_told_to_end() as end, Served(paths, project=project, told=_tell, **options) as server:
        with _noted(port_file, server.port):
            click.echo(f"{server.url} is ready: {server.about}")
            end.wait()
        found = server.journal
    return int(strict and bool(found["counts"].get("miss") or found["unplayed"]))


def _warn(host: str) -> None:
    from replay.serve import LOOPBACK

    if host not in LOOPBACK:
        told = "whoever reaches it can read what is recorded"
        click.echo(f"warning: --host {host} listens beyond this machine: {told}", err=True)


def _tell(call: Any) -> None:
    click.echo(str(call), err=True)


@contextlib.contextmanager
def _until_told_to_end() -> Iterator[threading.Event]:
    """Let signals end this as the last line would: what was recorded is folded into its cassette."""
    end = threading.Event()
    before = {each: signal.signal(each, lambda *_: end.set()) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield end
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextlib.contextmanager
def _noted(path: Path | None, port: int) -> Iterator[None]:
    """Keep the port in a file while it is open; the file is there only when it is whole."""
    from replay import atomic

    if path:
        atomic.write(path, [f"{port}\n"])
    try:
        yield
    finally:
        if path:
            path.unlink(missing_ok=True)
