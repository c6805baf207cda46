"""A server as a context: for tests in process, and under the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replay.cassette.cassette import MODES
from replay.config import Project
from replay.conversation import Object
from replay.errors import BadInput, nearest
from replay.serve._journal import Call, Journal
from replay.serve._keys import Keys
from replay.serve._upstream import origins

if TYPE_CHECKING:
    from replay.serve._playing import Playing

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_MODES = tuple(mode for mode in MODES if mode in ("once", "new_episodes", "all"))


class Served:
    """Serves `paths` (one, or several: cassettes, folders, fixtures, names of conversations) while it lasts.

    Without paths all of the project is served, `project` or that of the current folder. `port` 0 takes a free
    one. With `record_to` (a cassette; or a folder, where requests choose) what is not recorded goes to the
    provider, `upstream` says where (`https://host`, or `wire=https://host` for one), and is recorded as
    `record_mode` says: once, new_episodes or all. With `pace` chunks come at their recorded times. `ignore`
    holds JSON paths of bodies that do not count in matching. `journal` is a file, written to as calls end,
    and `told` is given each of them. Raises BadInput and StorageError.
    """

    def __init__(
        self,
        paths: str | Path | Iterable[str | Path] = (),
        *,
        project: Project | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        record_to: str | Path | None = None,
        record_mode: str = "once",
        upstream: Iterable[str] = (),
        pace: bool = False,
        ignore: Iterable[str] = (),
        journal: str | Path | None = None,
        told: Callable[[Call], None] | None = None,
    ) -> None:
        self._paths = (paths,) if isinstance(paths, str | Path) else tuple(paths)
        self._project, self._host, self._port = project, host, port
        self._told, self._journal = told, Path(journal) if journal else None
        if record_mode not in _MODES:
            raise BadInput(f'record mode "{record_mode}" records nothing; {nearest(record_mode, _MODES)}')
        self._options: dict[str, Any] = {
            "record_to": Path(record_to) if record_to else None,
            "record_mode": record_mode,
            "upstreams": origins(upstream),
            "pace": pace,
            "ignore": tuple(ignore),
        }
        self._open = ExitStack()
        self._playing: Playing | None = None
        self.url = ""

    def __enter__(self) -> Served:
        try:
            from replay.serve._app import app
            from replay.serve._http import Listening
        except ModuleNotFoundError as missing:
            raise _not_installed(missing) from None
        from replay.serve._playing import Playing

        project = self._project or Project.find(Path())
        with ExitStack() as opening:
            keys = Keys(project)
            journal = Journal(self._journal, keys.text, self._told)
            opening.callback(journal.close)
            playing = Playing(project, self._paths, journal, keys, **self._options)
            opening.callback(playing.close)
            listening = Listening(app(playing, local=self._host in LOOPBACK), self._host, self._port)
            opening.callback(listening.close)
            self._open = opening.pop_all()
        self._playing, self.port = playing, listening.port
        self.url = f"http://{f'[{self._host}]' if ':' in self._host else self._host}:{self.port}"
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def journal(self) -> Object:
        """What was asked, in order: `{asked: [...], counts: {...}, unplayed: [...]}`, see `Call`."""
        return self._played.journalled()

    @property
    def about(self) -> str:
        """What is served, in a few words."""
        found, recording = self._played.stock, self._played.recording
        parts = [
            f"{len(found.recordings)} interactions of {found.cassettes} cassettes",
            *([f"{len(found.fixtures)} fixtures without a cassette"] if found.fixtures else []),
            *([recording.about] if recording else []),
        ]
        return ", ".join(parts)

    def reset(self) -> None:
        """Play from the beginning, with the files as they are now. Raises BadInput and StorageError."""
        self._played.reset()

    def close(self) -> None:
        """End, and fold what was recorded into its cassette. Raises StorageError."""
        self._open.close()

    @property
    def _played(self) -> Playing:
        if self._playing is None:
            raise BadInput("the server has not been started: with Served(...) as server")
        return self._playing


def _not_installed(missing: ModuleNotFoundError) -> Exception:
    if missing.name not in ("starlette", "uvicorn"):
        return missing
    return BadInput("replay serve needs: pip install 'conversation-replay[serve]'")
