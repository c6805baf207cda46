"""The debugging checklist: what is wrong, wasteful or risky in what is asked of a model, told without asking.

It runs over fixtures, logs (through the importers) and a request that is pasted; see `replay.lint.rules` for
what it looks for.
"""

from replay.lint._run import Linter, lint
from replay.lint.finding import SEVERITIES, Finding

__all__ = ["SEVERITIES", "Finding", "Linter", "lint"]
