"""What every form says of itself, and whom it asks."""

from __future__ import annotations

from collections.abc import Sequence

from replay.choice import Chosen
from replay.errors import BadInput
from replay.export._call import Call

SERVER = "REPLAY_BASE_URL"  # scheme, host and port that take the place of the provider's


def about(chosen: Chosen, calls: Sequence[Call]) -> str:
    """Say in a line what this is."""
    turns = ", ".join(str(call.turn) for call in calls)
    return f"{chosen.planned.case.id}, turn{'s' if len(calls) > 1 else ''} {turns}, as Replay asks it."


def needs(call: Call) -> str:
    """Say in a line which variables are read, and where a key may be missing."""
    names = [call.key.variable] if call.key else []
    names += ["AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"] if call.signed else []
    keyless = f"No key is sent: target {call.target.name} has no api_key_env."
    told = f"Needs {', '.join(names)}." if names else keyless
    return f"{told} {SERVER} asks another server."


def check_unsigned(call: Call, form: str) -> None:
    """Refuse a call that AWS wants signed. Raises BadInput."""
    if call.signed:
        raise BadInput(
            f"{call.target.name} is asked with AWS's signature, which {form} cannot make; use curl or python"
        )
