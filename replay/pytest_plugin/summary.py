"""What the terminal shows after the last case."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

SHOWN = 10


class Summary:
    """Adds up what results carried home; keeps only numbers and the failures."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.tokens: Counter[str] = Counter()
        self.cost: float | None = None
        self.failures: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self.page: Path | None = None

    def add(self, carried: dict[str, Any], nodeid: str) -> None:
        """Count one result."""
        self.outcomes[carried["outcome"]] += 1
        self.tokens["prompt"] += carried["prompt_tokens"]
        self.tokens["completion"] += carried["completion_tokens"]
        if carried["cost"] is not None:
            self.cost = (self.cost or 0.0) + carried["cost"]
        for assertion, kind, message in carried["bad"]:
            self.failures.setdefault((assertion, kind), []).append((nodeid, message))

    def show(self, terminal: pytest.TerminalReporter, mode: str) -> None:
        """Write the summary: failures grouped by identity, then totals, then where the report is."""
        if not self.outcomes:
            return
        terminal.section("replay", sep="=")
        for (assertion, kind), places in sorted(self.failures.items(), key=lambda item: -len(item[1])):
            self._group(terminal, f"{assertion}: {kind}" if kind else assertion, places, mode)
        terminal.write_line(self._totals())
        if self.page:
            terminal.write_line(f"report: {_near(self.page)}")

    def _group(
        self, terminal: pytest.TerminalReporter, title: str, places: list[tuple[str, str]], mode: str
    ) -> None:
        cases = {nodeid for nodeid, _ in places}
        terminal.write_line(
            f"{title}  ({len(cases)} case{'s' if len(cases) > 1 else ''})", red=True, bold=True
        )
        for nodeid, message in places[:SHOWN]:
            terminal.write_line(f"  {message}")
            terminal.write_line(f'    pytest "{nodeid}"{"" if mode == "none" else f" --record-mode={mode}"}')
        if len(places) > SHOWN:
            terminal.write_line(f"  and {len(places) - SHOWN} more")

    def _totals(self) -> str:
        counts = [f"{count} {outcome}" for outcome, count in sorted(self.outcomes.items())]
        parts = [f"{sum(self.outcomes.values())} cases: {', '.join(counts)}"]
        parts.append(f"tokens: {self.tokens['prompt']:,} prompt, {self.tokens['completion']:,} completion")
        if self.cost is not None:
            parts.append(f"cost: ${self.cost:.4f}")
        return " · ".join(parts)


def _near(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)
