"""Runs a capsule: unpacked into a folder of its own, played offline, compared with what was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from replay.capsule._code import inside
from replay.capsule._manifest import Capsule, Outcomes, opened
from replay.capsule._play import Key, key_of, outcomes, play, unpack
from replay.capsule._versions import differences
from replay.capsule._words import identities, messages
from replay.conversation import Object
from replay.errors import BadInput


@dataclass(frozen=True, slots=True)
class Rerun:
    """What came of a capsule here and where it was made; `results` are the lines of the run here."""

    results: Sequence[Object]
    here: Outcomes
    there: Outcomes
    versions: tuple[str, ...]
    page: Path | None

    @property
    def different(self) -> list[Key]:
        """The cases that came out in another way."""
        return [key for key, came in self.there.items() if self.here.get(key) != came]

    @property
    def reproduces(self) -> bool:
        """Whether every case came out as recorded: the same outcome, failed by the same identities."""
        return not self.different

    def to_json(self) -> Object:
        """Return a JSON object."""
        cases = [
            {
                "suite": suite,
                "case": case,
                "outcome": self.here.get((suite, case), ("missing",))[0],
                "recorded": outcome,
                "reproduces": (suite, case) not in self.different,
            }
            for (suite, case), (outcome, _) in self.there.items()
        ]
        told = {"versions": list(self.versions), "report": self.page and str(self.page)}
        return {"reproduces": self.reproduces, "cases": cases} | told

    def text(self) -> str:
        """What a person reads: each case with what failed it, and whether that is what was recorded."""
        lines = [line for result in self.results for line in self._case(result)]
        lines += [
            f"{case}: was not played" for suite, case in self.different if (suite, case) not in self.here
        ]
        return "\n".join((*lines, f"reproduces: {'yes' if self.reproduces else 'no'}"))

    def _case(self, result: Object) -> list[str]:
        key = key_of(result)
        lines = [f"{key[1]}: {result.get('outcome')}", *messages(result)]
        if key in self.different:
            outcome, failed = self.there[key]
            lines.append(f"  recorded was: {outcome}, {identities(failed)}")
        return lines


def run(path: Path, *, trust: bool = False, report: Path | None = None) -> Rerun:
    """Play a capsule again, and write the report to the folder `report` where one is named.

    Nothing is read or written beside that and a temporary folder, and no network reached. Code inside runs
    only with `trust`. Raises BadInput for a file that is damaged, unsafe, or holds code that is not trusted,
    and StorageError.
    """
    capsule = opened(path)
    _check_code(path, inside(capsule.members), trust)
    if report and report.exists() and (not report.is_dir() or any(report.iterdir())):
        raise BadInput(f"--report {report} is there already; name a new folder")
    with TemporaryDirectory(prefix="replay-capsule-") as name:
        folder = Path(name).resolve()
        unpack(capsule.members, folder)
        run_in = report.absolute() if report else folder / "run"
        results = play(folder, list(capsule.outcomes), run_in)
    return _compared(capsule, results, run_in / "index.html" if report else None)


def _check_code(path: Path, code: Sequence[str], trust: bool) -> None:
    if code and not trust:
        raise BadInput(
            f"{path} holds code, which running it would run:\n  "
            + "\n  ".join(map(ascii, code))
            + f"\nread it first, then type: replay run {path} --trust"
        )


def _compared(capsule: Capsule, results: Sequence[Object], page: Path | None) -> Rerun:
    versions = tuple(differences(capsule.manifest["versions"]))
    return Rerun(results, outcomes(results), capsule.outcomes, versions, page)
