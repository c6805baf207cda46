"""Journals folded into their cassette: under its lock, in one step, never over what another tool wrote."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from replay import atomic
from replay.cassette import file, journal, match
from replay.cassette.interaction import Interaction, RecordedRequest
from replay.cassette.journal import Journal
from replay.cassette.lock import Lock, locked
from replay.errors import StorageError

Key = Callable[[RecordedRequest], str]


def fingerprint(raw: bytes | None) -> str:
    """Tell one version of a cassette from another; the empty string stands for no file."""
    return "" if raw is None else hashlib.sha256(raw).hexdigest()


def bytes_of(cassette: Path) -> bytes | None:
    """Return the bytes of a cassette, None when there is none. Raises BadInput and StorageError."""
    try:
        return atomic.read(cassette)
    except StorageError:
        try:
            cassette.lstat()  # a link that leads nowhere is no missing cassette
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            pass
        raise


def now() -> str:
    """The time as recordings note it."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def start(cassette: Path, base: str, mode: str) -> Journal:
    """Start recording: raises StorageError, before anything is paid for, where it could not be kept.

    `base` is the version that was loaded. One that came since, before anything was recorded here, is as good
    a base: it is most likely of a process beside us, whose lock file went with it.
    """
    try:
        cassette.parent.mkdir(parents=True, exist_ok=True)
        if base:
            with cassette.open("r+b"):
                pass
        with locked(cassette):
            return journal.begin(cassette, fingerprint(bytes_of(cassette)), mode, now())
    except OSError as problem:
        message = f"cannot record into {cassette} ({problem.strerror}); nothing was sent"
        raise StorageError(message) from None


def finish(
    cassette: Path,
    held: Journal,
    new: Sequence[Interaction],
    *,
    loaded: Sequence[Interaction] | None = None,
    key: Key = match.key,
    force: bool = False,
) -> None:
    """Fold a journal that this process holds, whose interactions are `new`, and remove it.

    `loaded` is what the cassette held at `held.base`, when that is known already; `key` tells which requests
    are the same. Raises StorageError (the
    cassette changed under us, unless `force`; or it cannot be written) and BadInput (it is damaged); then the
    cassette is as it was and the journal stays.
    """
    try:
        with locked(cassette) as lock:
            if not new:  # what began to record was not sent: no cassette is made for that
                _discard(cassette, lock, held)
                return
            raw = bytes_of(cassette)
            version = fingerprint(raw)
            if not force and version not in {held.base, *lock.trusted()}:
                raise StorageError(
                    f"{cassette}: changed by another tool while it was recorded; nothing was replaced"
                )
            if loaded is None or version != held.base:
                loaded = file.whole(file.read(str(cassette), raw)) if raw is not None else ()
            _replace(cassette, lock, merged(loaded, new, held, key))
            with contextlib.suppress(OSError):  # all is kept; what stays behind is folded again, to no effect
                _discard(cassette, lock, held)
    except OSError as problem:
        message = f"cannot write {cassette} ({problem.strerror}); nothing was replaced"
        raise _kept(StorageError(message), cassette, held, len(new)) from None
    except StorageError as problem:
        raise _kept(problem, cassette, held, len(new)) from None


def merged(
    loaded: Sequence[Interaction], new: Sequence[Interaction], held: Journal, key: Key = match.key
) -> list[Interaction]:
    """Put recordings behind those there are, each once: a fold that was killed half-way is done again.

    In mode `all` they take the place of older recordings of the same request.
    """
    if held.mode == "all":
        asked = {key(one.request) for one in new}
        loaded = [one for one in loaded if recorded_at(one) >= held.began or key(one.request) not in asked]
    there = {recorded_at(one): one for one in loaded}
    return [*loaded, *(one for one in new if there.get(recorded_at(one)) != one)]


def recorded_at(interaction: Interaction) -> str:
    """When an interaction was recorded, as text that sorts; the empty string when it does not say."""
    return str(interaction.response.source.get("recorded_at") or "")


def fold_orphans(cassette: Path, key: Key = match.key, *, force: bool = False) -> int:
    """Fold what recordings left behind when they died; returns how many interactions. Raises as `finish`."""
    count = 0
    for held in journal.orphans(cassette):
        try:
            found = list(held.interactions())
            count += len(found)
            finish(cassette, held, found, key=key, force=force)
        finally:
            held.close()
    return count


def _discard(cassette: Path, lock: Lock, held: Journal) -> None:
    held.discard()
    if not journal.paths(cassette):
        lock.remove()


def _replace(cassette: Path, lock: Lock, interactions: Sequence[Interaction]) -> None:
    from replay.cassette import emit

    for stale in cassette.parent.glob(".*.tmp"):
        if stale.name.startswith(f".{cassette.name}."):
            stale.unlink(missing_ok=True)
    atomic.write(cassette, emit.pieces(interactions), lock.trust)


def _kept(problem: StorageError, cassette: Path, held: Journal, count: int) -> StorageError:
    calls = f"{count} recorded call{'s' if count != 1 else ''}"
    return StorageError(f"{problem}; {calls} kept in {held.path}: replay cassette recover {cassette}")
