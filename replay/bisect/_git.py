"""Commits and their files, read from git's objects: the work tree is neither looked at nor touched."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from replay.config import FILES
from replay.errors import BadInput

_CONVERSATIONS = "fixtures/conversations/"
_MINE = ("fixtures/cassettes/", "fixtures/baselines/", "reports/")  # in no way part of what is asked


@dataclass(frozen=True)
class Commit:
    """One commit: its hash, and what its author says of it."""

    hash: str
    date: str
    author: str
    subject: str

    def __str__(self) -> str:
        return f"{self.hash[:12]} {self.date} {self.subject}"


@dataclass(frozen=True)
class Git:
    """The repository in which the project at `root` is. Raises BadInput where it is in none."""

    root: Path

    @cached_property
    def prefix(self) -> str:
        """The project's folder in the repository, with a slash at its end; empty for the whole of it."""
        return self._said("rev-parse", "--show-prefix").strip()

    def commits(self, good: str, bad: str) -> list[Commit]:
        """List the commits from the good one to the bad one, both of them; merges count as one change.

        Raises BadInput where a ref is unknown, or the one does not come before the other.
        """
        first, last = (
            self._said("rev-parse", "--verify", f"{ref}^{{commit}}").strip() for ref in (good, bad)
        )
        if self._run("merge-base", "--is-ancestor", first, last).returncode:
            raise BadInput(f"{good} does not come before {bad}; name an older commit that is good")
        told = self._said(
            "log", "--first-parent", "--reverse", "--format=%H%x00%as%x00%an%x00%s", f"{first}..{last}"
        )
        between = [Commit(*line.split("\0")) for line in told.splitlines()]
        start = self._said("log", "-1", "--format=%H%x00%as%x00%an%x00%s", first).strip()
        return [Commit(*start.split("\0")), *between]

    def names(self, commits: Sequence[Commit], name: str) -> dict[str, str]:
        """Return what a conversation was called at each of some commits, by hash: its file may have moved."""
        moved = self._moved(commits[0], commits[-1])
        called = {}
        for commit in reversed(commits):
            called[commit.hash] = name
            name = moved.get((commit.hash, name), name)
        return called

    def _moved(self, first: Commit, last: Commit) -> dict[tuple[str, str], str]:
        """Return by commit and name what a conversation was called before it."""
        told = self._said(
            *("log", "--first-parent", "-m", "-M", "--diff-filter=R", "--name-status", "-z"),
            *("--format=%x01%H", f"{first.hash}..{last.hash}"),
        )
        moved, commit, words = {}, "", iter(told.split("\0"))
        for word in words:
            if "\x01" in word:
                commit = word.partition("\x01")[2].strip()
            elif word.strip().startswith("R"):
                old, new = (self._name(next(words)) for _ in range(2))
                moved[commit, new] = old
        return moved

    def _name(self, path: str) -> str:
        inside = path.removeprefix(self.prefix).removeprefix(_CONVERSATIONS)
        return str(PurePosixPath(inside).with_suffix(""))

    def export(self, commit: Commit, name: str, more: str, folder: Path) -> None:
        """Write the files that a conversation takes, as they were, into a folder.

        These are the configuration, the conversation, and whatever project files are named in one of those,
        or in `more`.
        """
        listed = self._said(
            "ls-tree", "-r", "-z", "--name-only", commit.hash, "--", self.prefix or ".", at_top=True
        )
        paths = {path.removeprefix(self.prefix) for path in listed.split("\0") if path}
        others = {path for path in paths if not path.startswith(_MINE)}
        wanted = [path for path in others if path in FILES or _holds(path, name)]
        texts = [more]
        while wanted or texts:
            texts += [self._write(commit, path, folder) for path in wanted]
            others -= set(wanted)
            wanted = _named(others, texts)
            texts = []

    def _write(self, commit: Commit, path: str, folder: Path) -> str:
        data = self._run("cat-file", "blob", f"{commit.hash}:{self.prefix}{path}").stdout
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return data.decode("utf-8", "replace")

    def _said(self, *arguments: str, at_top: bool = False) -> str:
        done = self._run(*arguments, at_top=at_top)
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ")
            raise BadInput(f"git {arguments[0]}: {said or 'failed'}")
        return done.stdout.decode("utf-8", "surrogateescape")

    def _run(self, *arguments: str, at_top: bool = False) -> subprocess.CompletedProcess[bytes]:
        full = ("--full-tree",) if at_top else ()
        command = ["git", "-C", str(self.root), arguments[0], *full, *arguments[1:]]
        try:
            return subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - no shell, our words
        except FileNotFoundError:
            raise BadInput("git is not installed; bisect over --targets needs none") from None


def _holds(path: str, name: str) -> bool:
    """Tell whether a conversation is in a file: in its own, or on a line of a JSON Lines file."""
    stem = f"{_CONVERSATIONS}{name}"
    lines = f"{stem.rpartition('/')[0]}.jsonl"
    return str(PurePosixPath(path).with_suffix("")) == stem or path in (lines, f"{lines}.gz")


def _named(paths: Iterable[str], texts: Iterable[str]) -> list[str]:
    """The paths that stand in texts, Python modules also by their dotted names."""
    texts = list(texts)
    return [path for path in paths if any(_stands(path, text) for text in texts)]


def _stands(path: str, text: str) -> bool:
    if path in text:
        return True
    return path.endswith(".py") and path.removesuffix(".py").replace("/", ".") in text
