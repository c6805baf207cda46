"""The file of a capsule: a zip of the same bytes for the same members, and one that is safe to open.

What comes from elsewhere may be hostile: names that leave the folder, links, a few bytes that unpack to a
disk full. All of it is refused before anything is written.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from replay import atomic, filenames
from replay.errors import BadInput, Fault

MAX_BYTES = 256 * 1024 * 1024  # of the file, and of all members together
MAX_MEMBERS = 10_000
MAX_RATIO, SMALL = 200, 16 * 1024 * 1024  # what unpacks to more than `SMALL` may not grow more than this
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can tell
_MODE = 0o100644
_READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, NotImplementedError)


def packed(members: Mapping[str, bytes]) -> bytes:
    """Return the zip of members by name: sorted, without times, users or modes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system, info.external_attr = 3, _MODE << 16
            archive.writestr(info, members[name], zipfile.ZIP_DEFLATED, 9)
    return out.getvalue()


def unpacked(path: Path) -> dict[str, bytes]:
    """Return the members of a zip by name. Raises BadInput for what is none or not safe, and StorageError."""
    data = atomic.read(path)
    if len(data) > MAX_BYTES:
        raise BadInput([Fault(str(path), 0, 0, f"this is larger than {MAX_BYTES >> 20} MB")])
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            faults = [Fault(str(path), 0, 0, message) for message in _faults(infos, len(data))]
            if faults:
                raise BadInput(faults)
            return {info.filename: archive.read(info) for info in infos}
    except _DAMAGE as problem:
        raise BadInput([Fault(str(path), 0, 0, f"this is no whole capsule: {problem}")]) from None


def _faults(infos: list[zipfile.ZipInfo], size: int) -> Iterator[str]:
    if len(infos) > MAX_MEMBERS:
        yield f"this holds {len(infos):,} files, more than {MAX_MEMBERS:,}"
        return
    whole = sum(info.file_size for info in infos)  # no more than this is unpacked, whatever the data says
    if whole > MAX_BYTES or (whole > SMALL and whole > MAX_RATIO * size):
        yield f"this would unpack from {size:,} to {whole:,} bytes"
    names = [info.orig_filename for info in infos]
    for info in infos:
        if problem := _fault(info):
            yield f"{info.orig_filename!a} {problem}; nothing was unpacked"
    for first, second in filenames.clashing(names):
        yield f"{first!a} and {second!a} are one file name on many disks"
    for name in {name for name in names if names.count(name) > 1}:
        yield f"{name!a} is in it twice"


def _fault(info: zipfile.ZipInfo) -> str | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "is a link or a device, not a file"
    if info.flag_bits & 1:
        return "is encrypted"
    if info.compress_type not in _READABLE:
        return "is compressed in a way that is not read here"
    problem = filenames.path_fault(info.orig_filename)
    return problem and f"is no name for a file: it {problem}"
