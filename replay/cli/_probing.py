"""What the verbs that look into a failure have in common: their options, and how they end early."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click

from replay.cli._shared import DOLLARS, Number, hidden

UNDECIDED = 8
_OPTIONS = (
    click.option(
        "--target", default="", metavar="NAME", help="Whom to ask; default: the suite's first target."
    ),
    click.option(
        "--suite",
        type=click.Path(exists=True, path_type=Path),
        help="Whose assertions judge; default: the suite that names the conversation.",
    ),
    click.option(
        "--assert",
        "judges",
        multiple=True,
        metavar="YAML",
        help="An assertion in place of the suite's, as in a suite: 'contains: Yes'.",
    ),
    click.option("--max-probes", "most", type=click.IntRange(1), metavar="N", help="Ask no more than this."),
    click.option("--max-cost", type=DOLLARS, metavar="DOLLARS", help="Ask nothing beyond this."),
    click.option("--max-tokens", type=click.IntRange(1), metavar="N", help="Ask nothing beyond this."),
)
ONCE = click.option(
    "--once/--flaky",
    default=None,
    help="Whether one attempt is an answer; default: of a function it is, of a target it is not.",
)
OFFLINE = click.option(
    "--offline", is_flag=True, help="Send nothing: only what was asked before is answered."
)
ERROR = click.option(
    "--error",
    type=Number(0, 0.5, min_open=True),
    default=0.05,
    show_default=True,
    help="The chance that anything said of a flaky failure is wrong.",
)


def probing(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb the options of an order, which it gets as `order`."""

    @wraps(verb)
    def with_order(
        *,
        max_cost: float | None,
        max_tokens: int | None,
        **options: Any,
    ) -> Any:
        from replay.limits import Budget
        from replay.oracle import Order

        names = ("keep", "suite", "target", "judges", "once", "offline", "most")
        given = {name: options.pop(name) for name in names if name in options}
        return verb(order=Order(**given, budget=Budget(max_cost, max_tokens)), **options)

    for option in reversed(_OPTIONS):
        with_order = option(with_order)
    return with_order


@contextmanager
def ending() -> Iterator[None]:
    """Say how to go on after an end that came too early; it is decided by what was answered."""
    from replay.oracle import Ended

    try:
        yield
    except Ended as why:
        click.echo(hidden(f"ended early: {why}\n{GO_ON}"), err=True)
        raise click.exceptions.Exit(UNDECIDED) from None
    except KeyboardInterrupt:
        click.echo(f"interrupted\n{GO_ON}", err=True)
        raise


GO_ON = "go on: type the same again; what was answered is kept, and is not asked again"
