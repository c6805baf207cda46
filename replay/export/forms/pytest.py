"""`--as pytest`: a test with the `replay` fixture, the cassette of the case and the same assertions."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from replay import documents
from replay.assertions import build
from replay.choice import Chosen
from replay.conversation import Json, Object
from replay.errors import BadInput
from replay.export import sdks
from replay.export._asserted import Asserted, asserted, faulted
from replay.export._call import Call
from replay.export._words import about
from replay.export.forms.python import imports
from replay.export.sdks._script import Script, literal

ALL_TURNS = True
# They look for what belongs to the case: its baseline, its targets, the `effect` of its tools.
_NOT_HERE = ("baseline", "similar", "no_duplicate_effects")
_BETWEEN_TURNS = ("unanswered", "answered_twice")  # what a suite does not ask of `every_turn`
_NEEDS_NO_KEY = """\
    aws_access_key_id=os.environ.get("AWS_ACCESS_KEY_ID", "not-needed"),
    aws_secret_access_key=os.environ.get("AWS_SECRET_ACCESS_KEY", "not-needed"),
    aws_session_token=os.environ.get("AWS_SESSION_TOKEN"),
)"""

_TEST = """\
# {about}
# It is played from the cassette of the case; run it inside the project: pytest FILE
{imports}
REQUESTS = {requests}


@pytest.mark.replay({marker})
def test_{name}(replay):
    client = {client}
    for request in REQUESTS:
        with contextlib.suppress(Exception):  # what came is judged below
            {send}
{checks}
"""


def write(chosen: Chosen, calls: Sequence[Call]) -> str:
    """Return the test."""
    scripts = [sdks.script(call) for call in calls]
    script = scripts[0]
    if any(one.send != script.send for one in scripts):
        raise BadInput("its turns are not asked in the same way; name one: --turn N")
    case = chosen.planned.case
    return _TEST.format(
        about=about(chosen, calls),
        imports=imports({"contextlib", "pytest", *script.imports}),
        requests=literal([one.request for one in scripts]),
        marker=", ".join(_marker(chosen)),
        name=re.sub(r"\W+", "_", f"{case.conversation}_{case.target}").strip("_").lower(),
        client=textwrap.indent(_without_key(script, calls[0]), "    ").lstrip(),
        send=_sent(script, calls[0]),
        checks=textwrap.indent("\n".join(_checks(chosen)), "    "),
    )


def _without_key(script: Script, call: Call) -> str:
    """A replay needs no key."""
    if call.signed and script.client.startswith("boto3."):
        return script.client.removesuffix(")") + _NEEDS_NO_KEY
    name = call.key.variable if call.key else ""
    return script.client.replace(f'os.environ["{name}"]', f'os.environ.get("{name}", "not-needed")')


def _sent(script: Script, call: Call) -> str:
    if not call.streamed:
        return script.send
    return f"answer = {script.send}\n            for _ in {script.parts}:\n                pass"


def _marker(chosen: Chosen) -> Iterator[str]:
    yield f"cassette={literal(chosen.project.shown(chosen.cassette))}"
    if chosen.planned.entry.ignore:
        yield f"ignore={literal([*chosen.planned.entry.ignore])}"
    if chosen.planned.entry.faults:
        yield f"faults={literal(faulted(_suite(chosen), chosen.planned.case.conversation))}"


def _suite(chosen: Chosen) -> Object:
    data: Object = documents.read(chosen.project.root / chosen.planned.suite, chosen.planned.suite).data
    return data


def _checks(chosen: Chosen) -> Iterator[str]:
    said = asserted(_suite(chosen), chosen.planned.case.conversation)
    if chosen.planned.entry.faults and "contract" not in dict(said):
        said = [*said, ("contract", None)]  # which is off where a test plays faults
    if chosen.planned.entry.play == "every_turn":
        said = _by_turn(said)
    for name, argument in said:
        if name in _NOT_HERE:
            yield f"# {name} is judged by the suite alone"
        else:
            yield _check(name, argument)
    yield "assert replay.transcript.turns"


def _by_turn(said: Asserted) -> Asserted:
    """Let a request be other than an answer to the reply before it: the history is as it was recorded."""
    argument = dict(said).get("contract")
    if argument in ("off", False):
        return said
    contract: Any = build("contract", argument)
    allow = {"allow": [*contract.allowed, *_BETWEEN_TURNS]}
    return [*(pair for pair in said if pair[0] != "contract"), ("contract", allow)]


def _check(name: str, argument: Json) -> str:
    if name.isidentifier() and name != "not":
        return f"replay.check({name}={literal(argument)})"
    return f"replay.check(**{literal({name: argument})})"
