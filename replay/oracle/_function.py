"""A function of the user's as the oracle: nothing is sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from replay.assertions._crash import crash
from replay.assertions.python import Python
from replay.config import Project
from replay.conversation import Conversation
from replay.errors import BadInput
from replay.jsontext import canonical
from replay.oracle._answer import Answer
from replay.oracle._probe import Probe

PREFIX = "python:"


class Function:
    """`python:path.py::function`, in a file of the project: it gets a conversation, and says how it fails.

    True fails, text fails as this kind, and what it raises fails as the kind of that exception's name;
    nothing else does. With `once` it is taken to say the same each time. Raises BadInput where there is none.
    """

    def __init__(self, text: str, project: Project, *, once: bool = True) -> None:
        where, _, name = text.removeprefix(PREFIX).partition("::")
        self._name, self.once = f"{where}::{name}", once
        try:
            loaded: Any = Python(f"{where}:{name}").bind(project)
        except ValueError as problem:
            raise BadInput(f"{PREFIX}{self._name}: {problem}") from None
        self._function: Callable[[Conversation], object] = loaded._load()
        file = project.root / where
        self._code = sha256(file.read_bytes() if file.is_file() else b"").hexdigest()

    def key(self, probe: Probe) -> str:
        """Return the hash of the function, its file and the conversation."""
        said = [self._name, self._code, probe.conversation.to_json()]
        return sha256(canonical(said).encode()).hexdigest()[:32]

    def ask(self, probe: Probe, attempts: Sequence[int]) -> list[Answer]:
        """Call the function once for each attempt."""
        return [self._answer(probe.conversation) for _ in attempts]

    def _answer(self, conversation: Conversation) -> Answer:
        try:
            said = self._function(conversation)
        except Exception as problem:  # noqa: BLE001 - what it raises is how it fails
            return Answer((("python", type(problem).__name__, crash(problem)),))
        if said is True:
            return Answer((("python", "failed", f"{self._name} says so"),))
        return Answer((("python", said, said),)) if isinstance(said, str) and said else Answer()


def is_function(text: str) -> bool:
    """Tell whether a failure is given as a function."""
    return text.startswith(PREFIX) and "::" in text and Path(text.partition("::")[0]).suffix in (".py", "")
