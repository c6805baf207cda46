"""`python: checks:polite` or `python: {function: suites/checks.py:polite, arguments: {least: 3}}`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from replay.assertions._crash import crash
from replay.assertions._found import Found, verdicts
from replay.conversation import Object
from replay.diff import short
from replay.errors import nearest
from replay.turn import Transcript
from replay.verdict import Verdict


@dataclass(frozen=True)
class Python:
    """A function of the user's judges: `module:function`, or `path.py:function` inside the project.

    It is called with the transcript and the `arguments`. None and True pass, False fails, text fails with
    this text, an AssertionError fails with its own; a Verdict (or several) is taken as it is. Any other
    exception is a verdict with status `error`.
    """

    function: str
    arguments: Object = field(default_factory=dict)
    root: Path | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what names no function."""
        where, _, name = self.function.rpartition(":") if isinstance(self.function, str) else ("", "", "")
        if not where or not name.isidentifier():
            raise ValueError(f'write "module:function" or "path.py:function", not {short(self.function)}')
        if not isinstance(self.arguments, dict):
            raise ValueError(f"arguments must be a mapping, not {short(self.arguments)}")

    def bind(self, project: Any) -> Python:
        """Look the function up. Raises ValueError where it is not there or its module cannot be imported."""
        bound = replace(self)
        object.__setattr__(bound, "root", project.root)
        bound._load()
        return bound

    @property
    def files(self) -> tuple[Path, ...]:
        """The file of the function's module, wherever it is."""
        module = self._imported(self.function.rpartition(":")[0])
        path = getattr(module, "__file__", None)
        return (Path(path),) if path else ()

    def __call__(self, transcript: Transcript) -> Iterable[Verdict]:
        """Call the function and read its answer."""
        try:
            answer = self._load()(transcript, **self.arguments)
            return list(self._read(answer))
        except AssertionError as problem:
            return verdicts(self, [Found("failed", crash(problem).removeprefix("AssertionError: "))])
        except Exception as problem:  # noqa: BLE001 - what a user's function raises is a verdict
            return [Verdict("python", "error", "crashed", f"{self.function}: {crash(problem)}")]

    def _read(self, answer: Any) -> Iterator[Verdict]:
        if isinstance(answer, Verdict):
            yield replace(answer, assertion="python")
        elif answer is None or answer is True:
            yield Verdict("python", "passed")
        elif answer is False or isinstance(answer, str):
            yield from verdicts(self, [Found("failed", answer or f"{self.function} says no")])
        elif isinstance(answer, Iterable):
            for part in answer:
                yield from self._read(part)
        else:
            message = (
                f"{self.function} returned {type(answer).__name__}; return None, a bool, text or a Verdict"
            )
            yield Verdict("python", "error", "no_verdict", message)

    def _load(self) -> Callable[..., Any]:
        where, _, name = self.function.rpartition(":")
        module = self._imported(where)
        function = getattr(module, name, None)
        if not callable(function):
            known = [
                key for key, value in vars(module).items() if callable(value) and not key.startswith("_")
            ]
            raise ValueError(f"{where} has no function {name}; {nearest(name, known)}")
        found: Callable[..., Any] = function
        return found

    def _imported(self, where: str) -> ModuleType:
        return load_file(where, self.root) if where.endswith(".py") else _module(where, self.root)


def load_file(where: str, root: Path | None) -> ModuleType:
    """Import a file under the root once, and keep it by its whole path. Raises ValueError."""
    folder = (root or Path.cwd()).resolve()
    path = (folder / where).resolve()
    if not path.is_relative_to(folder):
        raise ValueError(f"{where} is outside the project {folder}")
    if not path.is_file():
        raise ValueError(f"{where} is not there; it is looked for in {folder}")
    name = f"replay_checks:{path}"
    if name not in sys.modules:
        loader = SourceFileLoader(name, str(path))
        spec = ModuleSpec(name, loader, origin=str(path))
        spec.has_location = True  # so that the module has a `__file__`
        module = module_from_spec(spec)
        _imported(where, partial(loader.exec_module, module))
        sys.modules[name] = module
    return sys.modules[name]


def _module(where: str, root: Path | None) -> ModuleType:
    """Import a module; the root is a place to look for it while that lasts."""
    folder = str(root or Path.cwd())
    sys.path.insert(0, folder)
    try:
        module: ModuleType = _imported(where, partial(import_module, where))
    finally:
        sys.path.remove(folder)
    return module


def _imported(where: str, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except Exception as problem:  # noqa: BLE001 - whatever a user's module does
        raise ValueError(f"{where} cannot be imported: {crash(problem)}") from None
