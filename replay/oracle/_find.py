"""From what a user types to the question: a conversation of the project, and how its suites judge it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from replay import assertions, documents, fixtures, suites
from replay.assertions import Assertion
from replay.config import Project
from replay.errors import BadInput
from replay.fixtures.variants import as_asked, with_variants
from replay.oracle._probe import Probe
from replay.suites import Entry
from replay.turn import Target


def found(
    project: Project,
    name: str,
    *,
    suite: Path | None = None,
    target: str = "",
    judges: Sequence[str] = (),
    asks: bool = True,
) -> Probe:
    """Return a conversation of the project as the suite that names it plays and judges it.

    `name` is a conversation's, or its file's. `judges` are assertions as a suite writes them, in place of its
    own; `target` is another than its first, or a variant of one. Without `asks` no target is needed. Raises
    BadInput.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml", ".json") and path.is_file():
        name = fixtures.name_of(path, project)
        conversation = fixtures.load(path, project)
    else:
        conversation = fixtures.load(fixtures.find(name, project), project)
    entry = _entry(project, name, suite) or Entry(name, (), assertions=(assertions.build("contract"),))
    if judges:
        entry = replace(entry, assertions=judges_of(judges, project))
    asked = _target(project, target, entry) if asks else Target("", "", "")
    if entry.loop.user_turns is not None:  # what a case says in place of the conversation's own
        conversation = replace(conversation, user_turns=entry.loop.user_turns)
        entry = replace(entry, loop=replace(entry.loop, user_turns=None))
    return Probe(as_asked(conversation, asked, project), asked, entry)


def judges_of(texts: Iterable[str], project: Project) -> tuple[Assertion, ...]:
    """Read assertions as a suite writes them: `contains: Yes`. Raises BadInput."""
    return tuple(_judge(text, project) for text in texts)


def _judge(text: str, project: Project) -> Assertion:
    item = documents.parse(text, "--assert").data
    name, argument = next(iter(item.items())) if isinstance(item, dict) and len(item) == 1 else (item, None)
    if not isinstance(name, str):
        raise BadInput(
            f"--assert '{text}' is no assertion; write it as a suite does: --assert 'contains: Yes'"
        )
    try:
        return assertions.bind(assertions.build(name, argument), project)
    except ValueError as problem:
        raise BadInput(f"--assert '{text}': {problem}") from None


def _entry(project: Project, name: str, suite: Path | None) -> Entry | None:
    """Return what a suite says of a conversation; of several suites the first by its path."""
    files = [suite] if suite else sorted(_suites(project))
    entries = (entry for one in suites.load_all(files, project) for entry in one.members)
    named = next((entry for entry in entries if entry.conversation == name), None)
    if suite and named is None:
        raise BadInput(f"{project.shown(suite)} does not name {name}")
    return named


def _suites(project: Project) -> Iterable[Path]:
    return (path for path in project.suites.rglob("*.y*ml") if path.suffix in (".yaml", ".yml"))


def _target(project: Project, name: str, entry: Entry) -> Target:
    names = [name] if name else [*entry.targets, *(project.targets if len(project.targets) == 1 else ())][:1]
    if not names:
        known = ", ".join(project.targets) or "none are configured"
        raise BadInput(f"name the target to ask: --target NAME; targets: {known}")
    with_them, (found_name,) = with_variants(project, names)
    return with_them.target(found_name)
