"""Runs over time: pass rate, tokens, cost and latency of each suite and target, with their changes named."""

from replay.history._page import draw
from replay.history._read import History, read
from replay.history._trend import MEASURES, Change, Point, Trend
from replay.history._words import words

__all__ = ["MEASURES", "Change", "History", "Point", "Trend", "draw", "read", "words"]
