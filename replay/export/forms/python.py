"""`--as python`: a script through the official SDK of the provider; plain httpx where there is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from sys import stdlib_module_names

from replay.choice import Chosen
from replay.export import sdks
from replay.export._call import Call
from replay.export._words import about, needs
from replay.export.sdks._script import literal


def write(chosen: Chosen, calls: Sequence[Call]) -> str:
    """Return the script."""
    (call,) = calls
    script = sdks.script(call)
    shown = f"for part in {script.parts}:\n    print(part)" if call.streamed else f"print({script.answer})"
    return (
        f"# {about(chosen, calls)}\n# {needs(call)}\n{imports(script.imports)}\n"
        f"request = {literal(script.request)}\n\nclient = {script.client}\nanswer = {script.send}\n{shown}\n"
    )


def imports(names: Iterable[str]) -> str:
    """Write imports: Python's own, then others."""
    own = sorted(name for name in names if name in stdlib_module_names)
    others = sorted(name for name in names if name not in stdlib_module_names)
    return "\n\n".join("\n".join(map(_import, group)) for group in (own, others) if group) + "\n"


def _import(name: str) -> str:
    package, _, module = name.rpartition(".")
    return f"from {package} import {module}" if package else f"import {name}"
