"""Statistics of a comparison. The unit of analysis is the conversation; its repeats are a cluster.

Data is plain: a *cluster* is what the attempts of one conversation came to (passed or not, or a number),
a sample is a list of clusters. Pairs are two samples of the same conversations in the same order. Every
function is pure; what draws at random takes a seed.
"""

from replay.stats._intervals import Interval, rate, ratio, wilson
from replay.stats._paired import Difference, difference, mcnemar, sign_flip
from replay.stats._passk import pass_all_k, pass_at_k
from replay.stats._plan import Needed, holm, needed
from replay.stats._sequential import Betting

__all__ = [
    "Betting",
    "Difference",
    "Interval",
    "Needed",
    "difference",
    "holm",
    "mcnemar",
    "needed",
    "pass_all_k",
    "pass_at_k",
    "rate",
    "ratio",
    "sign_flip",
    "wilson",
]
