"""What the words of a command mean: cases of suites, or those of a run."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from replay import runs
from replay.config import Project
from replay.conversation import Object
from replay.errors import BadInput, NothingToRun, nearest
from replay.fixtures import variants
from replay.run import Case
from replay.runner import Planned, cassette_path

_PLAIN = ("-p", "no:cacheprovider", "-p", "no:faulthandler", "-p", "no:unraisableexception")
Failures = frozenset[tuple[str, str]]  # the identities of what fails a case


@dataclass(frozen=True, slots=True)
class Chosen:
    """A case, the project it is of, and its cassette; `failed` is how it failed in the run it is from."""

    planned: Planned
    project: Project
    cassette: Path
    failed: Failures | None = None


def choose(words: Sequence[str], *, every: bool = False) -> list[Chosen]:
    """Return the cases that words name, each once, in the order of suites and cases.

    A word is a case's id, a conversation's name, a suite (its name or file), pytest's name of a case
    (`suites/support.yaml::support/refund[gpt-4o]#1`), or a run: its failed cases, with `every` all of them,
    or one that is named (`reports/night::support/refund[gpt-4o]#1`).

    Suites are read as pytest reads them, with their `conftest.py`. Raises BadInput and NothingToRun.
    """
    named = [word for word in words if not _is_run(word)]
    project = Project.find(Path())
    found = [one for word in words if _is_run(word) for one in _of_run(word, project, every)]
    if named:
        if project.file is None:
            raise BadInput("there is no project here: no folder above has a replay.toml or [tool.replay]")
        _refuse_code(named, project)
        files = [_file(word, project) for word in named]
        whole = None in files or not all(files)
        planned = collected([project.suites] if whole else sorted({one for one in files if one}))
        found += [_at_home(one, project) for word in named for one in _named(word, planned, project)]
    once = {(one.planned.suite, one.planned.case.id): one for one in reversed(found)}
    return [once[key] for key in sorted(once)]


def left_out(words: Iterable[str], *, every: bool = False) -> Iterator[str]:
    """Say which tests of an app's own code a run holds, that `choose` would take if they were cases."""
    for word in filter(_is_run, words):
        name, _, case = word.partition("::")
        for data in runs.read(Path(name)).results:
            if _is_code(data) and _fits(data, case, every):
                yield _own_code(data["case"]["id"], (data.get("files") or {}).get("cassette", "CASSETTE"))


def _refuse_code(words: Iterable[str], project: Project) -> None:
    for word in words:
        path = Path(word.partition("::")[0])
        candidates = (path.absolute(), project.root / path, *_module(word, project))
        file = next((one for one in candidates if one.is_file()), path)
        if file.suffix == ".py":
            base = project.suites if file.is_relative_to(project.suites) else project.root
            shown = file.relative_to(base) if file.is_relative_to(base) else Path(file.name)
            raise BadInput(_own_code(word, project.shown(project.cassettes / shown.with_suffix(""))))


def _module(word: str, project: Project) -> Iterator[Path]:
    """The module of tests that a word names as it would a suite."""
    if Path(word).name.startswith("test_") and _file(word, project) is None:
        yield project.suites / f"{word}.py"


def _own_code(name: str, recorded: str) -> str:
    return (
        f"{name} is a test of an app's own code, which cannot be taken along; make cases of what it asked:"
        f" replay record {recorded} --suite from_app"
    )


def collected(paths: Iterable[Path]) -> list[Planned]:
    """Return the cases of suites as pytest collects them. Raises BadInput with what it says, NothingToRun."""
    import pytest

    class Keeper:
        planned: list[Planned]

        def pytest_collection_finish(self, session: pytest.Session) -> None:
            self.planned = [item.planned for item in session.items if hasattr(item, "planned")]

    keeper, told = Keeper(), io.StringIO()
    options = ["--collect-only", "-q", "-o", "addopts=", *_PLAIN]
    with redirect_stdout(told), redirect_stderr(told):
        code = pytest.main([*options, *map(str, paths)], plugins=[keeper])
    if code not in (0, 5):
        raise BadInput("\n".join(_faults(told.getvalue())))
    if not getattr(keeper, "planned", None):
        raise NothingToRun("the suites hold no case")
    return keeper.planned


def _faults(told: str) -> Iterator[str]:
    """What pytest says is wrong, without what it says of itself."""
    for line in told.splitlines():
        if line.strip() and not line.startswith(("no tests collected", "=")):
            yield line.removeprefix("ERROR: ").strip()


# -- words ------------------------------------------------------------------------------------------------


def _is_run(word: str) -> bool:
    path = Path(word.partition("::")[0])
    return (path.is_dir() and (path / "run.jsonl").is_file()) or (path.suffix == ".jsonl" and path.is_file())


def _file(word: str, project: Project) -> Path | None:
    """The suite's file that a word names, itself or before `::`."""
    path = Path(word.partition("::")[0])
    candidates = (path.absolute(), project.root / path, *_by_name(word, project))
    return next((one for one in candidates if one.is_file() and project.suites in one.parents), None)


def _by_name(word: str, project: Project) -> Iterator[Path]:
    return (project.suites / f"{word}{suffix}" for suffix in (".yaml", ".yml"))


def _named(word: str, planned: Sequence[Planned], project: Project) -> list[Planned]:
    """Return the cases that a word names. Raises BadInput with the nearest."""
    file, case = _file(word, project), word.partition("::")[2]
    suite = project.shown(file) if file else ""
    ways: tuple[Callable[[Planned], bool], ...] = (
        lambda one: bool(file) and one.suite == suite and case in ("", one.case.id),
        lambda one: one.case.id == word,
        lambda one: one.case.conversation == word,
    )
    for fits in ways:
        if found := list(filter(fits, planned)):
            return found
    known = {name for one in planned for name in (one.case.id, one.case.conversation, one.case.suite)}
    raise BadInput(f'no case, conversation, suite or run is called "{word}"; {nearest(word, sorted(known))}')


def _at_home(planned: Planned, project: Project) -> Chosen:
    return Chosen(planned, project, cassette_path(project.cassettes, planned.case))


# -- runs -------------------------------------------------------------------------------------------------


def _of_run(word: str, project: Project, every: bool) -> list[Chosen]:
    name, _, case = word.partition("::")
    path = Path(name)
    reading = runs.read(path)
    results = [data for data in reading.results if _wanted(data, case, every)]
    if not results:
        raise NothingToRun("\n".join(left_out([word], every=every)) or _nothing(path, case))
    if project.file is None:
        project = Project.find(path.parent)
    project, _ = variants.with_variants(project, dict.fromkeys((*project.targets, *_asked(reading.header))))
    suites = sorted({project.root / data["files"]["suite"] for data in results})
    planned = {(one.suite, one.case.conversation): one for one in collected(suites)}
    return [_from_run(data, planned, project) for data in results]


def _nothing(path: Path, case: str) -> str:
    if not case:
        return f"{path} has no failed case; --all takes all of its cases"
    known = sorted({data["case"]["id"] for data in runs.read(path).results})
    return f'{path} has no case "{case}"; {nearest(case, known)}'


def _wanted(data: Object, case: str, every: bool) -> bool:
    return not _is_code(data) and _fits(data, case, every)


def _fits(data: Object, case: str, every: bool) -> bool:
    if not case:
        return every or data.get("outcome") in ("failed", "error")
    conversation = data["transcript"]["conversation"]["name"]
    if _is_code(data):
        return case in (data["case"]["id"], conversation) or _test(case) == conversation
    return case in (data["case"]["id"], conversation, f"{data['files']['suite']}::{data['case']['id']}")


def _test(nodeid: str) -> str:
    """What a run calls the test that pytest calls so: `suites/test_app.py::TestShop::test_it`."""
    module, _, name = nodeid.removeprefix("suites/").partition(".py::")
    return f"{module}/{name.rpartition('::')[2]}"


def _is_code(data: Object) -> bool:
    """Tell a test of an app's own code, which is in no suite."""
    return not (data.get("files") or {}).get("suite")


def _asked(header: Object) -> list[str]:
    """The targets of a comparison, variants among them."""
    named = header.get("targets")
    return [str(name) for name in named] if isinstance(named, list) else []


def _from_run(data: Object, planned: dict[tuple[str, str], Planned], project: Project) -> Chosen:
    result, files = data["case"], data["files"]
    conversation = data["transcript"]["conversation"]["name"]
    one = planned.get((files["suite"], conversation))
    if one is None:
        raise BadInput(f"{files['suite']} has no {conversation} any more, which the run has")
    target = data["transcript"]["target"]["name"]
    project.target(target)
    case = Case(conversation, target, result["attempt"], one.case.suite, one.case.tags)
    own = project.root / str(files.get("cassette"))
    cassette = own if own.is_file() else cassette_path(project.cassettes, case)
    return Chosen(replace(one, case=case), project, cassette, failures(data))


def failures(data: Object) -> Failures:
    """Return what fails a case, by a line of `run.jsonl`."""
    verdicts: Iterable[Any] = data.get("verdicts") or ()
    bad = (one for one in verdicts if one.get("status") in ("failed", "error"))
    return frozenset((str(one.get("assertion", "")), str(one.get("kind", ""))) for one in bad)
