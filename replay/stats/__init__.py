"""Statistics of a comparison. The unit of analysis is the conversation; its repeats are one number.

Data are counts: how many conversations came to the same `Pair` (or to `(passed, attempts)` on one side), so
that the work does not grow with the number of conversations. Every function is pure, and none draws.
"""

from replay.stats._amounts import Amounts, Sketch, Spread
from replay.stats._counts import Counts, Interval, Pair, Pairs
from replay.stats._paired import Difference, at_least, difference, not_worse
from replay.stats._plan import Needed, holm, needed
from replay.stats._rates import noise, pass_all_k, pass_at_k, rate
from replay.stats._sequential import Betting
from replay.stats._wald import Wald, at_least_chance, at_most_chance

__all__ = [
    "Amounts",
    "Betting",
    "Counts",
    "Difference",
    "Interval",
    "Needed",
    "Pair",
    "Pairs",
    "Sketch",
    "Spread",
    "Wald",
    "at_least",
    "at_least_chance",
    "at_most_chance",
    "difference",
    "holm",
    "needed",
    "noise",
    "not_worse",
    "pass_all_k",
    "pass_at_k",
    "rate",
]
