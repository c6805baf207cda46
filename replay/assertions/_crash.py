"""What an exception says, in one line."""

from __future__ import annotations

import traceback
from pathlib import Path


def crash(problem: BaseException) -> str:
    """Say in one line what an exception says and where it was raised: `KeyError: 'id' (checks.py:12)`."""
    if isinstance(problem, SyntaxError) and problem.filename:
        return f"{type(problem).__name__}: {problem.msg} ({Path(problem.filename).name}:{problem.lineno})"
    frames = traceback.extract_tb(problem.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    said = str(problem).strip().partition("\n")[0]
    return f"{type(problem).__name__}: {said}{place}" if said else f"{type(problem).__name__}{place}"
