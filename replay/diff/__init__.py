"""Differences between JSON values and between texts, as a person reads them."""

from replay.diff._json import Difference, aligned, differences, path_text, without
from replay.diff._readable import readable
from replay.diff._text import short, visible, words

__all__ = [
    "Difference",
    "aligned",
    "differences",
    "path_text",
    "readable",
    "short",
    "visible",
    "without",
    "words",
]
