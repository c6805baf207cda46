"""The suite of an import: written case by case, added to what a person may have edited, never over it.

Cases are collected in `suites/.<name>.part`, which is put into the suite when the import ends. Where it did
not come to its end (the machine went down) the next import finds the part and goes on with it.
"""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import IO

from replay import documents, fixtures, schemas
from replay.config import Project
from replay.conversation import Json, Object
from replay.documents import Document
from replay.errors import BadInput, StorageError

_CASE = "  - conversation: "


class SuiteWriter:
    """Adds cases to `suites/<name>.yaml`; to `<name>-2.yaml` where that is written in another form than ours.

    Raises BadInput for a damaged suite, before anything is written, and StorageError.
    """

    def __init__(self, project: Project, name: str) -> None:
        self._project = project
        self.path, self._document = _place(project, name)
        self._part = project.suites / f".{name}.part"
        self._file: IO[str] | None = None
        self._before = 0

    def resume(self) -> None:
        """Take up the cases of an import that did not come to its end, if their conversations are there."""
        if not self._part.is_file():
            return
        known = {case.get("conversation") for case in _cases(self._document) if isinstance(case, dict)}
        with self._storing():
            text = self._part.read_text("utf-8")
        blocks = [_CASE + block for block in text.split(f"\n{_CASE}")]
        blocks[0] = blocks[0].removeprefix(_CASE)
        whole = blocks if text.endswith("\n") else blocks[:-1]
        for block in (f"{block.rstrip()}\n" for block in whole):
            (case,) = documents.parse(block.encode(), "").data
            if case["conversation"] not in known and fixtures.names(self._project, case["conversation"]):
                self._write(block)

    def add(
        self,
        conversation: str,
        target: str,
        assertions: Sequence[Json],
        turns: Iterable[int] | None = None,
        play: str = "next_turn",
        terms: Object | None = None,
    ) -> None:
        """Add a case. With `turns` it is played turn by turn: these turns, or all where none is named.

        `terms` are more keys of the case, which say how it is played.
        """
        case: Object = {"conversation": conversation}
        if turns is not None:
            case |= {"play": "every_turn"} | ({"turns": list(turns)} if turns else {})
        elif _play(self._document) != play:
            case["play"] = play
        case |= terms or {}
        case |= {"targets": [target]} | ({"assert": list(assertions)} if assertions else {})
        self._write(textwrap.indent(documents.dump([case], open_lists=("assert",)), "  "))

    def undo(self) -> None:
        """Take back the case that was added last."""
        if self._file is not None:
            with self._storing():
                self._file.seek(self._before)
                self._file.truncate()

    def close(self, origin: Iterable[str]) -> None:
        """Put the cases into the suite, if there are any. `origin` says on its top where they come from."""
        if self._file is None:
            return
        with self._storing():
            self._file.close()
            if self._part.stat().st_size:
                self._publish(origin)
            self._part.unlink()
        self._file = None

    def _write(self, text: str) -> None:
        with self._storing():
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._part.open("w", encoding="utf-8", newline="\n")
            self._before = self._file.tell()
            self._file.write(text)
            self._file.flush()

    def _publish(self, origin: Iterable[str]) -> None:
        if self._document is not None:
            documents.write(self.path, _appended(self._document, self._part.read_text("utf-8")))
            return
        name = PurePath("suites", self.path.name)
        begun = self.path.with_name(f".{self.path.name}.new")
        with begun.open("w", encoding="utf-8", newline="\n") as file:
            comment = "".join(f"# {line}\n" for line in origin)
            file.write(f"{schemas.line('suite', name)}{comment}play: next_turn\ncases:\n")
            with self._part.open(encoding="utf-8", newline="\n") as part:
                shutil.copyfileobj(part, file)
            file.flush()
            os.fsync(file.fileno())
        begun.replace(self.path)

    @contextmanager
    def _storing(self) -> Iterator[None]:
        try:
            yield
        except OSError as problem:
            raise StorageError(f"cannot write {self.path} ({problem.strerror})") from None


def _place(project: Project, name: str) -> tuple[Path, Document | None]:
    """Return the first file of this name that is not there yet, or that cases can be added to."""
    number, path = 1, project.suites / f"{name}.yaml"
    while path.exists():
        document = documents.read(path, project.shown(path))
        if _can_grow(document):
            return path, document
        number += 1
        path = project.suites / f"{name}-{number}.yaml"
    return path, None


def _can_grow(document: Document) -> bool:
    """Tell whether a case at the end of the file is a case of the suite: it is tried with one."""
    if not _cases(document):
        return False
    added = f"{_CASE}a\n    targets: [b]\n"
    try:
        grown = documents.parse(_appended(document, added).encode(), "").data
    except BadInput:
        return False
    cases = [*_cases(document), {"conversation": "a", "targets": ["b"]}]
    return bool(grown == document.data | {"cases": cases})


def _appended(document: Document, cases: str) -> str:
    """Return the text of a suite with more cases at its end, indented as its own are."""
    margin = " " * (document.mark(("cases", 0)).column - 3)
    text = document.text if document.text.endswith("\n") else f"{document.text}\n"
    return text + textwrap.indent(textwrap.dedent(cases), margin)


def _cases(document: Document | None) -> list[Json]:
    data = document.data if document is not None else None
    cases = data.get("cases") if isinstance(data, dict) else None
    return cases if isinstance(cases, list) else []


def _play(document: Document | None) -> str:
    return str(document.data.get("play") or "next_turn") if document is not None else "next_turn"
