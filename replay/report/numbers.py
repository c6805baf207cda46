"""Numbers as a person reads them. These are the filters of the page's templates."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = [
    "chance",
    "compact",
    "count",
    "dollars",
    "factor",
    "milliseconds",
    "percent",
    "percentile",
    "plural",
    "points",
    "seconds",
]

UNKNOWN = "–"  # what stands for a rate, a difference or a ratio that is not a number


def count(number: float) -> str:
    """12,345."""
    return f"{number:,.0f}"


def compact(number: float) -> str:
    """950, 12.3k, 4.1M."""
    for size, sign in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size:
            return f"{number / size:.1f}{sign}"
    return f"{number:.0f}"


def dollars(amount: float) -> str:
    """$3.21; small amounts keep three significant digits: $0.000412."""
    if amount == 0 or amount >= 1:
        return f"${amount:,.2f}"
    return f"${amount:.3g}" if amount >= 0.0001 else f"${amount:.7f}".rstrip("0")


def milliseconds(time: float) -> str:
    """340 ms, 2.1 s, 3.4 min."""
    return f"{time:.0f} ms" if time < 1000 else seconds(time / 1000)


def seconds(time: float) -> str:
    """0.4 s, 2.1 s, 3.4 min, 2.1 h."""
    for size, sign in ((3600, "h"), (60, "min")):
        if time >= 2 * size:
            return f"{time / size:.1f} {sign}"
    return f"{time:.1f} s"


def percentile(sorted_values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of sorted values lie: the nearest rank."""
    return sorted_values[min(int(len(sorted_values) * share), len(sorted_values) - 1)]


def percent(share: float) -> str:
    """94.3%."""
    return UNKNOWN if math.isnan(share) else f"{100 * share:.1f}%"


def points(share: float) -> str:
    """+1.2, −5.5, 0.0: a difference of rates, in points of a hundred."""
    if math.isnan(share):
        return UNKNOWN
    text = f"{abs(100 * share):.1f}"
    return text if float(text) == 0 else f"{'+' if share > 0 else '−'}{text}"


def factor(ratio: float) -> str:
    """×0.74, ×12."""
    if math.isnan(ratio):
        return UNKNOWN
    return f"×{ratio:.2f}" if ratio < 10 else f"×{ratio:,.0f}"


def chance(p: float) -> str:
    """0.24, 0.013, <0.001."""
    if math.isnan(p):
        return UNKNOWN
    if p < 0.001:
        return "<0.001"
    return f"{p:.2f}" if p >= 0.1 else f"{p:.3f}"


def plural(number: int, word: str) -> str:
    """1 case, 12,345 cases."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
