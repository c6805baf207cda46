"""The command line: one small function for each verb. Exit codes are pytest's, and 6 storage, 7 provider."""

from __future__ import annotations

import collections
import io
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from replay.errors import ReplayError

PATHS = click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
FILES = click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
FILES_OR_ALL = click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
T = TypeVar("T")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="conversation-replay")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an internal error.")
def replay() -> None:
    """Replay recorded conversations against chat-completion models.

    Suites are run by pytest: `pytest suites/`.
    """


@replay.command()
@FILES
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path(), help="The project folder; default: here."
)
@click.option("--suite", required=True, metavar="NAME", help="The name of the suite to write.")
@click.option("--format", "log_format", default="auto", show_default=True, help="The logs' format.")
@click.option("--model", metavar="NAME", help="The model of requests that name none.")
@click.option(
    "--where",
    multiple=True,
    metavar="CONDITION",
    help="Only conversations with an exchange that meets it: model=gpt-4*, status>=400, text~refund.",
)
@click.option(
    "--sample", type=int, metavar="N", help="Only N conversations, which cover most of what occurs."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed is another sample.")
@click.option("--strict", is_flag=True, help="Refuse all when any exchange is refused or odd.")
@JSON
def record(
    paths: tuple[Path, ...],
    out: Path,
    suite: str,
    log_format: str,
    strict: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Turn logged traffic into conversation fixtures, cassettes and a suite."""
    from replay.record import Bar, Recording, Tally, rehearse

    if strict:
        rehearse(paths, suite, log_format, **options)
    bar = Bar() if sys.stderr.isatty() else None
    recording, tally = Recording(paths, out, suite, log_format, progress=bar, **options), Tally()
    outcomes = (_counted(tally, outcome) for outcome in recording)
    if as_json:
        _stream_list("outcomes", (outcome.to_json() for outcome in outcomes))
    else:
        collections.deque(outcomes, maxlen=0)
    targets = [target.name for target in recording.targets.new]
    told = recording.suite, len(recording.files), targets, recording.coverage
    click.echo(json.dumps(tally.to_json(*told), indent=2)[1:].lstrip() if as_json else tally.text(*told))
    return 5 if tally.nothing else 0


def _counted(tally: Any, outcome: Any) -> Any:
    tally.add(outcome)
    return outcome


def _stream_list(name: str, items: Iterable[Any]) -> None:
    """Begin a JSON object with a list, which is printed item by item; what follows closes the object."""
    click.echo(f'{{\n  "{name}": [', nl=False)
    for number, item in enumerate(items):
        click.echo(("," if number else "") + "\n    " + json.dumps(item), nl=False)
    click.echo("\n  ],\n  ", nl=False)


@replay.command()
@PATHS
@JSON
def report(paths: tuple[Path, ...], as_json: bool) -> int:
    """Draw the report of runs again: RUN is a folder under reports/ or its run.jsonl."""
    pages, code = _each(paths, _drawn)
    _say({"reports": pages}, "\n".join(pages), as_json)
    return code


@replay.command()
@PATHS
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The folder of the joined run.")
@JSON
def merge(paths: tuple[Path, ...], out: Path, as_json: bool) -> None:
    """Join the runs of shards into one run and one report."""
    from replay import runs

    run = runs.merge(paths, out)
    page, faults = _drawn(run), runs.read(run).header.get("faults", [])
    _say({"run": str(run), "report": page, "faults": faults}, "\n".join([*faults, page]), as_json)


@replay.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--suite", "suites", multiple=True, metavar="NAME", help="Only this suite.")
@click.option("--target", "targets", multiple=True, metavar="NAME", help="Only this target.")
@click.option("--since", metavar="WHEN", help="Only runs from a date on (2026-03-01), or of days (30d).")
@JSON
def history(paths: tuple[Path, ...], as_json: bool, **options: Any) -> None:
    """Show how runs developed, and where they changed; also as reports/history.html.

    PATHS are runs or folders of runs; reports/ by default.
    """
    from replay.config import Project
    from replay.history import draw, read, words

    project = Project.find(Path())
    found = read(project, paths, **options)
    page = draw(found, project.reports / "history.html")
    _say(found.to_json() | {"page": str(page)}, f"{words(found)}\n{page}", as_json)


@replay.command()
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option(
    "--accept",
    "kinds",
    default="new,changed",
    show_default=True,
    metavar="KINDS",
    help="Which changes: new, changed, unused, with commas between.",
)
@click.option("--yes", is_flag=True, help="Accept without asking.")
@click.option("--add-variant", is_flag=True, help="Keep what was accepted before as a variant.")
@click.option("--update", is_flag=True, help="Write even where CI is set.")
@JSON
def accept(run: Path | None, kinds: str, yes: bool, add_variant: bool, update: bool, as_json: bool) -> None:
    """Look at replies that differ from their baselines, and accept them. RUN is the newest by default."""
    from replay import baselines
    from replay.accept import changes

    found = changes(run, kinds.split(","), add_variant=add_variant)
    chosen = [change for change in found if yes or _wanted(change)]
    written = [str(path) for path in baselines.apply(chosen, update=update)]
    _say({"changes": len(found), "written": written}, "\n".join(written) or "nothing to accept", as_json)


def _wanted(change: Any) -> bool:
    from replay.diff import visible
    from replay.documents import dump

    shown = change.diff or (dump(list(change.after)) if change.after else "")
    click.echo(visible(f"{change.kind}: {change.path}\n{shown}"), err=True)
    return click.confirm("accept?", err=True)


@replay.command()
@click.argument("conversation")
@click.option("--to", required=True, metavar="NAME", help="A target of the project, or a provider.")
@click.option("--strict", is_flag=True, help="Exit with 1 when anything is lost.")
@JSON
def translate(conversation: str, to: str, strict: bool, as_json: bool) -> int:
    """Print the body that would be sent of a CONVERSATION, and on stderr what is lost on the way."""
    from replay.translate import translate as translated

    found = translated(conversation, to)
    _say(found.to_json(), json.dumps(found.body, indent=2, ensure_ascii=False), as_json)
    if not as_json:
        click.echo(found.text, err=True)
    return 1 if strict and found.lost else 0


@replay.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, allow_dash=True, path_type=Path))
@click.option("--format", "log_format", default="auto", show_default=True, help="The logs' format.")
@click.option(
    "--target", metavar="NAME", help="What the conversations are asked of: a target of the project."
)
@click.option("--model", metavar="NAME", help="The model of requests that name none.")
@click.option("--select", multiple=True, metavar="RULE", help="Only these rules; tool-* names several.")
@click.option("--ignore", multiple=True, metavar="RULE", help="All rules but these.")
@click.option(
    "--severity", "levels", multiple=True, metavar="RULE=LEVEL", help="error, warning, note or off."
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "note", "never"]),
    help="Exit with 1 when something this bad is found; default: error.",
)
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), help="The day that shutdowns are counted from.")
@click.option("--rules", "listed", is_flag=True, help="List the rules that look, and their severities.")
@click.option("--sarif", "shape", flag_value="sarif", help="Print a SARIF log, as code scanning takes it.")
@click.option("--github", "shape", flag_value="github", help="Print annotations of GitHub Actions.")
@click.option("--json", "shape", flag_value="json", help="Print one JSON object, for machines.")
def lint(
    paths: tuple[Path, ...],
    levels: tuple[str, ...],
    fail_on: str | None,
    listed: bool,
    shape: str | None,
    **options: Any,
) -> int:
    """Look for mistakes in conversations, logs or a request, without asking a model.

    PATHS are fixtures, logs, folders of them, or a file with the body of a request; - is a request on
    standard input. Without any, the conversations of the project.
    """
    from replay.config import Project
    from replay.lint import Linter, output
    from replay.lint.rules import summary

    start = next((path for path in paths if str(path) != "-"), Path())
    project = Project.find(start if start.is_dir() else start.parent)
    options["today"] = options["today"] and options["today"].date()
    linter = Linter(project, rules=_pairs(levels), **options)
    if listed:
        found = {rule: f"{level}: {summary(rule)}" for rule, level in linter.severities.items()}
        _say(found, "\n".join(f"{rule}: {told}" for rule, told in found.items()), shape == "json")
        return 0
    for piece in output.written(linter, paths, shape):
        click.echo(piece, nl=False)
    return int(linter.failed(fail_on or project.settings.get("lint", {}).get("fail_on", "error")))


def _pairs(given: Iterable[str]) -> dict[str, str]:
    from replay.errors import BadInput

    pairs = [item.partition("=") for item in given]
    for name, equals, level in pairs:
        if not (name and equals and level):
            raise BadInput(f'--severity "{name}{equals}{level}" must be RULE=LEVEL, as in empty-message=off')
    return {name: level for name, _, level in pairs}


@replay.command()
@FILES_OR_ALL
@click.option("--stale", is_flag=True, help="Offline: which cassettes are stale, why, and what records them.")
@click.option("--sample", type=int, default=20, show_default=True, help="How many cassettes are asked again.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed is another sample.")
@click.option("--repeats", type=int, default=1, show_default=True, help="2 tells drift from mere noise.")
@click.option("--tier", default="tool_calls", show_default=True, help="Fail from here on; shape, or text.")
@JSON
def verify(paths: tuple[Path, ...], stale: bool, tier: str, as_json: bool, **options: Any) -> int:
    """Ask a sample of the cassettes of suites again, live, and say what has drifted; nothing is written.

    With --stale nothing is sent: requests that are not those recorded are named, and why. Either exits with 1
    when there is anything.
    """
    from replay import verify as verified
    from replay.config import Project

    project = Project.find(paths[0].parent if paths else Path())
    if stale:
        audit = verified.stale(project, paths)
        _say(audit.to_json(), verified.audit_text(audit), as_json)
        return int(bool(audit.stale))
    verified.checked_tier(tier)
    found = verified.drift(project, paths, **options)
    _say(found.to_json(), verified.drift_text(found), as_json)
    return 7 if not found.asked else int(found.reaches(tier))


@replay.group()
def cassette() -> None:
    """Check and mend cassettes."""


@cassette.command()
@FILES
@JSON
def check(paths: tuple[Path, ...], as_json: bool) -> int:
    """Read cassettes whole; exit with 1 when anything is damaged, unmatched or secret."""
    from replay.cassette.mend import check as check_cassettes
    from replay.cassette.redact import Redactor
    from replay.config import Project

    faults = check_cassettes(paths, Redactor.for_project(Project.find(paths[0].parent), {}))
    lines = [str(fault) for fault in faults]
    _say({"faults": lines}, "\n".join(lines) or "no faults", as_json)
    return 1 if any(not fault.warning for fault in faults) else 0


@cassette.command()
@PATHS
@JSON
def recover(paths: tuple[Path, ...], as_json: bool) -> int:
    """Fold left-over journals in; save what is whole in a damaged cassette beside it."""
    from replay.cassette.mend import recover as recover_cassette

    done, code = _each(paths, recover_cassette)
    _say({"recovered": [str(one) for one in done]}, "\n".join(map(str, done)), as_json)
    return code


@replay.command()
@FILES
@click.option(
    "--check", is_flag=True, help="Change nothing; name each place and exit with 1 if there is one."
)
@JSON
def redact(paths: tuple[Path, ...], check: bool, as_json: bool) -> int:
    """Replace secrets and personal data in files of any kind, or only name where they are.

    Folders are searched whole. A place is named as path:line:kind; what is there is never shown.
    """
    from replay import rescan

    files = rescan.walked(paths)
    if check:
        places, code = _each(files, rescan.check)
        found = [str(one) for file in places for one in file]
        _say({"found": found}, "\n".join(found), as_json)
        return code or int(bool(found))
    done, code = _each(files, rescan.rewrite)
    rewritten = [one for one in done if one]
    told = [{"path": one.path, "replaced": one.kinds} for one in rewritten]
    _say({"rewritten": told}, "\n".join(map(str, rewritten)), as_json)
    return code


@replay.command()
@click.argument("kind", required=False)
@click.option("--write", is_flag=True, help="Put copies into fixtures/.schemas of the project, for editors.")
@JSON
def schema(kind: str | None, write: bool, as_json: bool) -> None:
    """Print the JSON Schema of a KIND of file, or write all of them into the project."""
    from replay import schemas
    from replay.config import Project
    from replay.errors import BadInput, nearest

    if write:
        written = [str(path) for path in schemas.write(Project.find(Path()).root)]
        _say({"written": written}, "\n".join(written) or "all are up to date", as_json)
    elif kind in schemas.KINDS:
        _say(schemas.schema(kind), schemas.text(kind).rstrip(), as_json)
    else:
        raise BadInput(f'no kind of file is called "{kind or ""}"; {nearest(kind or "", schemas.KINDS)}')


def _each(paths: Iterable[Path], do: Callable[[Path], T]) -> tuple[list[T], int]:
    """Do something with each path; say what went wrong with one and go on. Returns the exit code too."""
    done, code = list[T](), 0
    for path in paths:
        try:
            done.append(do(path))
        except ReplayError as problem:
            click.echo(_hidden(str(problem)), err=True)
            code = max(code, problem.exit_code)
    return done, code


def _say(data: Any, text: str, as_json: bool) -> None:
    if as_json or text:
        click.echo(json.dumps(data, indent=2) if as_json else text)


def _drawn(path: Path) -> str:
    from replay.report.render import render
    from replay.runs import locate

    run = locate(path)
    page = run.with_name("index.html")
    render(run, page)
    return str(page)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; the one place where errors become text."""
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):  # a terminal that lacks a character is shown its escape
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    typed = [argument for argument in arguments if argument != "--debug"]  # it may stand anywhere
    run = partial(replay.main, typed, "replay", standalone_mode=False)
    return _guarded(run, debug=typed != arguments)


def _guarded(run: Callable[[], Any], *, debug: bool) -> int:  # noqa: PLR0911 - one line for each way to end
    try:
        code = run()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as problem:
        _show_usage(problem)
        return 4
    except (click.Abort, KeyboardInterrupt):
        return 2
    except ReplayError as problem:
        click.echo(_hidden(str(problem)), err=True)
        return problem.exit_code
    except BrokenPipeError:
        _mute()
        return 0
    except OSError as problem:  # the disk or the machine, wherever nobody had anything better to say
        _mute()
        click.echo(f"error: {problem}", err=True)
        return 6
    except Exception as problem:  # noqa: BLE001 - the last guard: our own bug, told in one line
        return _crashed(problem, debug)
    return code if isinstance(code, int) else 0


def _show_usage(problem: click.ClickException) -> None:
    if isinstance(problem, click.exceptions.NoArgsIsHelpError):
        problem.show()
        return
    context = getattr(problem, "ctx", None)
    command = context.command_path if context else "replay"
    click.echo(_hidden(f"error: {problem.format_message()}\ntype: {command} --help"), err=True)


def _hidden(text: str) -> str:
    """Take secrets, also those of the environment, out of what is told."""
    from replay.cassette.redact import Redactor
    from replay.config import Project

    return Redactor.for_project(Project(Path()), {}, personal=False).text(text)


def _mute() -> None:
    """Send what is still to be written to nowhere, so that the flush at exit fails no more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _crashed(problem: Exception, debug: bool) -> int:
    told = _hidden("".join(traceback.format_exception(problem)))
    if debug:
        click.echo(told, err=True)
        return 3
    with tempfile.NamedTemporaryFile(
        "w", prefix="replay-crash-", suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
    ) as file:
        file.write(told)
    click.echo(f"replay: internal error: {type(problem).__name__}; details are in {file.name}", err=True)
    return 3


if __name__ == "__main__":
    sys.exit(main())
