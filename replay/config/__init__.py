"""The project: where its files are and which targets it has."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from replay.conversation import Object
from replay.turn import Target


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with `fixtures/`, `suites/` and `reports/`, and what `[tool.replay]` says about it.

    `settings` holds the tables beside `targets`.
    """

    root: Path
    targets: dict[str, Target] = field(default_factory=dict)
    settings: Object = field(default_factory=dict)

    @property
    def conversations(self) -> Path:
        """Where conversation fixtures are."""
        return self.root / "fixtures" / "conversations"

    @property
    def cassettes(self) -> Path:
        """Where cassettes are."""
        return self.root / "fixtures" / "cassettes"

    @property
    def baselines(self) -> Path:
        """Where accepted replies are."""
        return self.root / "fixtures" / "baselines"

    @property
    def suites(self) -> Path:
        """Where suites are."""
        return self.root / "suites"

    @property
    def reports(self) -> Path:
        """Where runs are written."""
        return self.root / "reports"
