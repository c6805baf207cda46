"""Compares targets on the same conversations: asks them, tests what changed, and decides with its reasons.

session = opened(Order(("old", "new"), ...), Path(), command)   what is asked, read and checked
session.ask(gate, watcher)                                      cases through an engine into a run
found = compare(session.folder)                                 the run analysed in one pass
keep(found, run_jsonl)                                          its page, summary and JSON
"""

from replay.compare._analysis import compare
from replay.compare._session import Order, Session, opened
from replay.compare._tell import draw, exit_code, keep, told

__all__ = ["Order", "Session", "compare", "draw", "exit_code", "keep", "opened", "told"]
