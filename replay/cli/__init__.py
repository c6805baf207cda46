"""The command line: a file for each verb, whose function has its name.

Exit codes are pytest's, and 6 storage, 7 provider, 8 undecided.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import click

from replay.cli._shared import hidden
from replay.errors import ReplayError, nearest
from replay.registry import Registry


def _command(module: ModuleType) -> Any:
    return getattr(module, module.__name__.rpartition(".")[2])


registry: Registry[click.Command] = Registry(__name__, _command)


class _Verbs(click.Group):
    """The verbs: a file of this folder is imported when it is typed, or listed."""

    def list_commands(self, _: click.Context) -> list[str]:
        return sorted(registry.names())

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        return registry.get(name) if name in registry else None

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if arguments[0] not in registry and not arguments[0].startswith("-"):
            context.fail(f"there is no verb {arguments[0]!r}; {nearest(arguments[0], registry.names())}")
        return super().resolve_command(context, arguments)


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="conversation-replay")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an internal error.")
def replay() -> None:
    """Replay recorded conversations against chat-completion models.

    Suites are run by pytest: `pytest suites/`.
    """


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
        click.echo(hidden(str(problem)), err=True)
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
    click.echo(hidden(f"error: {problem.format_message()}\ntype: {command} --help"), err=True)


def _mute() -> None:
    """Send what is still to be written to nowhere, so that the flush at exit fails no more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _crashed(problem: Exception, debug: bool) -> int:
    told = hidden("".join(traceback.format_exception(problem)))
    if debug:
        click.echo(told, err=True)
        return 3
    with tempfile.NamedTemporaryFile(
        "w", prefix="replay-crash-", suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
    ) as file:
        file.write(told)
    click.echo(f"replay: internal error: {type(problem).__name__}; details are in {file.name}", err=True)
    return 3
