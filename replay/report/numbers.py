"""Numbers as a person reads them. These are the filters of the page's templates."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["compact", "count", "dollars", "milliseconds", "percentile", "seconds"]


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
