"""What the terminal shows after the last case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
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
        self.warnings: Counter[str] = Counter()
        self.storage: list[str] = []  # what could not be kept
        self.unanswered = 0

    def add(self, carried: dict[str, Any], nodeid: str) -> None:
        """Count one result."""
        self.outcomes[carried["outcome"]] += 1
        self.tokens["prompt"] += carried["prompt_tokens"]
        self.tokens["completion"] += carried["completion_tokens"]
        if carried["cost"] is not None:
            self.cost = (self.cost or 0.0) + carried["cost"]
        for assertion, kind, message in carried["bad"]:
            self.failures.setdefault((assertion, kind), []).append((nodeid, message))

        self.unanswered += carried["unanswered"]
        self.warn(carried["warnings"])
        self.storage += [message for *identity, message in carried["bad"] if identity == ["seam", "storage"]]

    def warn(self, messages: Iterable[str]) -> None:
        """Take warnings, each shown once with how often it came."""
        self.warnings.update(messages)

    def show(self, terminal: pytest.TerminalReporter, mode: str) -> None:
        """Write the summary: failures grouped by identity, then totals, then where the report is."""
        if not self.outcomes and not self.warnings:
            return
        terminal.section("replay", sep="=")
        for line in self._warned():
            terminal.write_line(line, yellow=True)
        for (assertion, kind), places in sorted(self.failures.items(), key=lambda item: -len(item[1])):
            self._group(terminal, f"{assertion}: {kind}" if kind else assertion, places, mode)
        terminal.write_line(self._totals())
        for message in self.storage:
            terminal.write_line(message, red=True)
        if self.page:
            terminal.write_line(f"report: {_near(self.page)}")

    def _warned(self) -> Iterator[str]:
        for message, count in islice(self.warnings.items(), SHOWN):
            prefix = "" if ": warning: " in message else "warning: "
            yield f"{prefix}{message}" + (f"  ({count} cases)" if count > 1 else "")
        if len(self.warnings) > SHOWN:
            yield f"and {len(self.warnings) - SHOWN} more warnings"

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


def name_in_full(reports: Iterable[Any]) -> None:
    """Give reports back the names of their cases, for pytest's own summary.

    pytest 9.2 reads the `[...]` of a node id as its end, and would print `refund[gpt-4o]#1]`. It is put right
    only now, as `--lf` compares ids as pytest read them.
    """
    for report in reports:
        read, name = getattr(report, "id", None), str(getattr(report, "nodeid", "")).partition("::")[2]
        if name and read is not None and read.rest != name:
            report._id = replace(read, names=(name,), params=None)
