"""The command line: one small function for each verb. Exit codes are pytest's, and 6 storage, 7 provider."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from replay.errors import ReplayError

PATHS = click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="conversation-replay")
def replay() -> None:
    """Replay recorded conversations against chat-completion models.

    Suites are run by pytest: `pytest suites/`.
    """


@replay.command()
@PATHS
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path(), help="The project folder; default: here."
)
@click.option("--suite", required=True, metavar="NAME", help="The name of the suite to write.")
@click.option("--format", "log_format", default="auto", show_default=True, help="The logs' format.")
@JSON
def record(paths: tuple[Path, ...], out: Path, suite: str, log_format: str, as_json: bool) -> None:
    """Turn logged traffic into conversation fixtures, cassettes and a suite."""
    from replay.record import record as record_logs

    recorded = record_logs(list(paths), out, suite, format=log_format)
    _say(recorded.to_json(), recorded.text, as_json)


@replay.command()
@PATHS
@JSON
def report(paths: tuple[Path, ...], as_json: bool) -> None:
    """Draw the report of runs again: RUN is a folder under reports/ or its run.jsonl."""
    pages = [_drawn(path) for path in paths]
    _say({"reports": pages}, "\n".join(pages), as_json)


@replay.command()
@PATHS
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The folder of the joined run.")
@JSON
def merge(paths: tuple[Path, ...], out: Path, as_json: bool) -> None:
    """Join the runs of shards into one run and one report."""
    from replay.report.runs import merge as merge_runs

    run = merge_runs(paths, out)
    page = _drawn(run)
    _say({"run": str(run), "report": page}, page, as_json)


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
    from replay.documents import dump

    shown = change.diff or (dump(list(change.after)) if change.after else "")
    click.echo(f"{change.kind}: {change.path}\n{shown}", err=True)
    return click.confirm("accept?", err=True)


@replay.group()
def cassette() -> None:
    """Check and mend cassettes."""


@cassette.command()
@PATHS
@JSON
def check(paths: tuple[Path, ...], as_json: bool) -> None:
    """Read cassettes whole; exit with 1 when anything is damaged, unmatched or secret."""
    from replay.cassette.mend import check as check_cassettes
    from replay.cassette.redact import Redactor

    faults = check_cassettes(paths, Redactor(""))
    lines = [str(fault) for fault in faults]
    _say({"faults": lines}, "\n".join(lines) or "no faults", as_json)
    sys.exit(1 if any(not fault.warning for fault in faults) else 0)


@cassette.command()
@PATHS
@JSON
def recover(paths: tuple[Path, ...], as_json: bool) -> None:
    """Fold left-over journals in; save what is whole in a damaged cassette beside it."""
    from replay.cassette.mend import recover as recover_cassette

    done = [str(recover_cassette(path)) for path in paths]
    _say({"recovered": done}, "\n".join(done), as_json)


def _say(data: Any, text: str, as_json: bool) -> None:
    click.echo(json.dumps(data, indent=2) if as_json else text)


def _drawn(path: Path) -> str:
    from replay.report.render import render
    from replay.report.runs import locate

    run = locate(path)
    page = run.with_name("index.html")
    render(run, page)
    return str(page)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; the one place where errors become text."""
    return _guarded(lambda: replay.main(arguments, "replay", standalone_mode=False))


def _guarded(run: Callable[[], Any]) -> int:  # noqa: PLR0911 - one line for each way to end
    try:
        code = run()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as problem:
        problem.show()
        return 4
    except (click.Abort, KeyboardInterrupt):
        return 2
    except ReplayError as problem:
        click.echo(str(problem), err=True)
        return problem.exit_code
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # so that the exit's flush is quiet too
        return 0
    except Exception as problem:  # noqa: BLE001 - the last guard: our own bug, told in one line
        return _crashed(problem)
    return code if isinstance(code, int) else 0


def _crashed(problem: Exception) -> int:
    if os.environ.get("REPLAY_DEBUG"):
        traceback.print_exception(problem)
        return 3
    with tempfile.NamedTemporaryFile("w", prefix="replay-crash-", suffix=".txt", delete=False) as file:
        traceback.print_exception(problem, file=file)
    click.echo(f"replay: internal error: {type(problem).__name__}; details are in {file.name}", err=True)
    return 3


if __name__ == "__main__":
    sys.exit(main())
