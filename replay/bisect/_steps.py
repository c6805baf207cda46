"""What is searched: an ordered list of steps, each of them a question, or a reason why there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from replay import fixtures
from replay.bisect._git import Commit, Git
from replay.config import Project
from replay.errors import BadInput
from replay.fixtures.variants import as_asked, with_variants
from replay.oracle import Probe


@dataclass(frozen=True)
class Step:
    """A commit or a target. `make` returns what is asked there; it raises BadInput where nothing can be."""

    name: str
    make: Callable[[], Probe] = field(repr=False)
    commit: Commit | None = None

    @cached_property
    def _made(self) -> tuple[Probe | None, str]:
        try:
            return self.make(), ""
        except BadInput as problem:
            return None, str(problem).removeprefix("error: ")

    @property
    def probe(self) -> Probe | None:
        """What is asked at this step, None where nothing can be."""
        return self._made[0]

    @property
    def reason(self) -> str:
        """Why nothing can be asked."""
        return self._made[1]


def over_targets(project: Project, probe: Probe, names: Sequence[str]) -> list[Step]:
    """Return a step for each target, in their order. Raises BadInput for one that is not known."""
    if len(names) < 2:
        raise BadInput("--targets needs two at least, the good one first: --targets old,new")
    known, found = with_variants(project, names)

    def step(name: str) -> Step:
        target = known.target(name)
        conversation = as_asked(probe.conversation, target, known)
        return Step(name, lambda: Probe(conversation, target, probe.entry))

    return [step(name) for name in found]


def over_commits(project: Project, probe: Probe, good: str, bad: str) -> list[Step]:
    """Return a step for each commit from the good to the bad one: the conversation and the target of then.

    How it is judged is the same at every step. Raises BadInput.
    """
    git = Git(project.root)
    commits = git.commits(good, bad)
    if len(commits) < 2:
        raise BadInput(f"{good} and {bad} are one commit; there is nothing between them")
    names = git.names(commits, probe.conversation.name)
    return [_step(git, commit, probe, names[commit.hash]) for commit in commits]


def _step(git: Git, commit: Commit, probe: Probe, name: str) -> Step:
    def make() -> Probe:
        with TemporaryDirectory(prefix="replay-bisect-") as folder:
            return _then(git, commit, probe, name, Path(folder))

    return Step(commit.hash[:12], make, commit)


def _then(git: Git, commit: Commit, probe: Probe, name: str, folder: Path) -> Probe:
    setting = probe.target.settings.get("variant", "")
    git.export(commit, name, str(setting), folder)
    project = Project.find(folder).for_tenant()
    if project.root != folder:  # one of a folder above is not of this commit
        project = Project(folder)
    conversation = fixtures.load(fixtures.find(name, project), project)
    if not probe.target.name:  # a function is asked
        return probe.of(conversation)
    asked = probe.target.name.partition("+")[0] + (f"+{setting}" if setting else "")
    project, (named,) = with_variants(project, [asked])
    target = project.target(named)
    return Probe(as_asked(conversation, target, project), target, probe.entry)
