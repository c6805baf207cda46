"""A case's requests as something that runs without Replay: a file of `forms/` for each way to write them.

What is sent is what Replay sends: each request goes through its provider's `send` as far as the network, and
what arrives there is written down, redacted. No credential is read; where one belongs, its environment
variable is named. `REPLAY_BASE_URL` (scheme, host and port) sends any of it to another server.
"""

from __future__ import annotations

from dataclasses import dataclass

from replay.choice import Chosen, choose
from replay.errors import BadInput
from replay.export._call import Call, calls_of
from replay.export.forms import registry

__all__ = ["Call", "Exported", "export"]


@dataclass(frozen=True, slots=True)
class Exported:
    """The text, and how much was replaced in it because it is secret."""

    case: str
    text: str
    turns: tuple[int, ...]
    redacted: bool


def export(word: str, form: str, turn: int | None = None) -> Exported:
    """Write the requests of the case that a word names (see `choose`) in a form.

    `turn` counts from 1. Without it the form says what it writes: `pytest` all turns, for its assertions are
    about all of them, every other form the last one. Raises BadInput.
    """
    write = registry.get(form)
    chosen = _one(word)
    calls = calls_of(chosen)
    if turn is not None and not 1 <= turn <= len(calls):
        raise BadInput(f"there is no turn {turn}: {chosen.planned.case.id} has {len(calls)}")
    wanted = calls if turn is None else calls[turn - 1 : turn]
    written = wanted if getattr(write, "ALL_TURNS", False) else wanted[-1:]
    text = write.write(chosen, written)
    return Exported(
        chosen.planned.case.id,
        text,
        tuple(call.turn for call in written),
        any(call.redacted for call in written),
    )


def _one(word: str) -> Chosen:
    found = choose([word])
    if len(found) > 1:
        named = "\n  ".join(one.planned.case.id for one in found)
        raise BadInput(f'"{word}" names {len(found)} cases; name one of them:\n  {named}')
    return found[0]
