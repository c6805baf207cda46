"""Assertions: one file for each, named as in YAML.

An assertion is a frozen dataclass whose fields are its YAML arguments. A scalar or a list in YAML is its
first field that is not keyword-only, a mapping is always keywords. `__post_init__` raises ValueError for
arguments that make no sense. What an assertion may have besides its call:

    bind(project) -> Assertion        reads project files; raises BadInput or ValueError
    asking(ask) -> Assertion          asks a model itself, see `Ask`; raises NotAsked where that gave nothing
    asks                              the names of the targets that it asks
    files                             the project's files that it reads or runs, once it is bound
    review(conversation) -> Faults    what makes it pointless on a conversation, before anything is played
    contradicts(other) -> bool        both cannot hold of one reply
    excuses                           kinds of `contract` that it expects, and that are no failure beside it
    names                             those that its verdicts bear, where it is not its own alone (`turn`)
    negatable = False                 it cannot stand under `not`
    from_yaml(argument) -> Assertion  reads its YAML itself (`not`)
    to_yaml() -> argument             writes it, where that is more than its fields
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Protocol

from replay.assertions._crash import crash
from replay.assertions._found import name_of
from replay.conversation import Conversation, Json
from replay.errors import Fault, ReplayError, SeamError
from replay.registry import Registry, arguments, the_class
from replay.turn import Target, Transcript, Turn
from replay.verdict import Verdict


class Assertion(Protocol):
    """The contract. An assertion that reads project files also has `bind(project) -> Assertion`."""

    def __call__(self, transcript: Transcript) -> Verdict | Iterable[Verdict]:
        """Judge a transcript. One verdict, or one for each place that was judged."""


class Ask(Protocol):
    """How an assertion asks a model: at the seam of its case, recorded in and played from its cassette.

    `send` gets the target of that name and a transport, as a provider's `send` and `embed` do.
    """

    def __call__(self, name: str, send: Callable[[Target, Any], Turn], /) -> Turn:
        """Ask once, and again as the target's `retries` say."""


class NotAsked(Exception):
    """A model that an assertion needs gave nothing to judge by: a verdict of status `error`."""


registry: Registry[type[Assertion]] = Registry(__name__, the_class)


def build(name: str, argument: Json = None) -> Assertion:
    """Make the assertion `name` from its YAML argument. Raises BadInput (unknown name) or ValueError."""
    plugin: Any = registry.get(name)
    if hasattr(plugin, "from_yaml"):
        own: Assertion = plugin.from_yaml(argument)
        return own
    keywords = arguments(name, plugin, argument)
    try:
        assertion: Assertion = plugin(**keywords)
    except TypeError as problem:
        raise ValueError(f"{name}: {str(problem).rpartition('() ')[2]}") from None
    return assertion


def bind(assertion: Assertion, project: Any) -> Assertion:
    """Let an assertion read the project files that it names. Raises BadInput or ValueError."""
    own = getattr(assertion, "bind", None)
    bound: Assertion = own(project) if own else assertion
    return bound


def review(assertions: Sequence[Assertion], conversation: Conversation) -> Iterator[Fault]:
    """Yield what is wrong with judging a conversation by these assertions; the faults carry no place."""
    for assertion in assertions:
        own = getattr(assertion, "review", None)
        yield from own(conversation) if own else ()
    for one, other in combinations(assertions, 2):
        if contradict(one, other):
            yield Fault("", 0, 0, f"{name_of(one)} and {name_of(other)} cannot both hold: {one} and {other}")


def contradict(one: Any, other: Any) -> bool:
    """Tell whether two assertions cannot both hold of the same reply."""
    return _contradicts(one, other) or _contradicts(other, one)


def _contradicts(one: Any, other: Any) -> bool:
    return hasattr(one, "contradicts") and bool(one.contradicts(other))


def asked(assertions: Iterable[Assertion]) -> tuple[str, ...]:
    """Return the names of the targets that assertions ask themselves, each once."""
    return tuple(dict.fromkeys(name for assertion in assertions for name in getattr(assertion, "asks", ())))


def files_of(assertions: Iterable[Assertion]) -> tuple[Path, ...]:
    """Return the files that assertions read or run, each once; they are bound."""
    return tuple(dict.fromkeys(path for assertion in assertions for path in getattr(assertion, "files", ())))


def excused(assertions: Iterable[Assertion]) -> set[str]:
    """Return the kinds of `contract` that assertions expect, and that are no failure beside them."""
    return {kind for assertion in assertions for kind in getattr(assertion, "excuses", ())}


def judge(
    assertions: Iterable[Assertion], transcript: Transcript, ask: Ask | None = None
) -> tuple[Verdict, ...]:
    """Run each assertion; one that crashes is a verdict with status `error`. Never raises.

    What one assertion expects (`error: rate_limit`, `finish_reason: length`) does not fail `contract`. `ask`
    is for those that ask a model.
    """
    assertions = list(assertions)
    kinds = excused(assertions)
    found: list[Verdict] = []
    for assertion in assertions:
        if kinds and hasattr(assertion, "excusing"):
            assertion = assertion.excusing(kinds)  # noqa: PLW2901 - the same assertion, told more
        if ask and hasattr(assertion, "asking"):
            assertion = assertion.asking(ask)  # noqa: PLW2901 - as above
        found += _judged(assertion, transcript)
    return tuple(found)


def _judged(assertion: Assertion, transcript: Transcript) -> list[Verdict]:
    name = name_of(assertion)
    try:
        found = assertion(transcript)
        verdicts = [found] if isinstance(found, Verdict) else list(found)
        if not verdicts or not all(isinstance(verdict, Verdict) for verdict in verdicts):
            return [Verdict(name, "error", "no_verdict", f"{name} gave no verdict")]
    except SeamError:  # the seam says itself what is missing
        return [Verdict(name, "error", "not_asked", f"{name} could not ask")]
    except (NotAsked, ReplayError) as problem:
        return [Verdict(name, "error", "not_asked", str(problem))]
    except (Exception, SystemExit) as problem:  # noqa: BLE001 - a crash of an assertion is a verdict
        return [Verdict(name, "error", "crashed", crash(problem))]
    return verdicts
