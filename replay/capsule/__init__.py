"""Capsules: a few cases, with all that they need, in one file that plays offline anywhere.

A capsule is a zip: a small project (fixtures as they were asked, cassettes, baselines, suites with just these
cases, the files that these name, the tables of their targets), the report of playing it, and `capsule.json`.
Everything in it has passed the project's redaction, and was looked through once more before it was written.
"""

from replay.capsule._make import Made, make
from replay.capsule._rerun import Rerun, run

__all__ = ["Made", "Rerun", "make", "run"]
