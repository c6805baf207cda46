"""`--as curl`: a POSIX shell script; nothing in the body means anything to the shell."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence

from replay.choice import Chosen
from replay.export._call import Call
from replay.export._words import SERVER, about, needs

_END = "END"  # no line of JSON is this


def write(chosen: Chosen, calls: Sequence[Call]) -> str:
    """Return the script."""
    (call,) = calls
    body = json.dumps(call.body, indent=2)  # ASCII: no terminal and no locale changes it
    options = " \\\n  ".join(_options(call))
    return (
        f"#!/bin/sh\n# {about(chosen, calls)}\n# {needs(call)}\n"
        f"curl --silent --show-error --no-buffer --globoff \\\n  {options} <<'{_END}'\n{body}\n{_END}\n"
    )


def _options(call: Call) -> Iterator[str]:
    yield f'"${{{SERVER}:-{call.origin}}}"{shlex.quote(call.path)}'
    for name, value in call.headers.items():
        yield f"--header {shlex.quote(f'{name}: {value}')}"
    if call.key:
        yield f'--header "{call.key.header}: {call.key.before}${{{call.key.variable}:?}}"'
    if call.signed:
        region = call.target.settings.get("region") or call.place.settings.get("region") or "us-east-1"
        yield f'--aws-sigv4 "aws:amz:${{AWS_REGION:-{region}}}:bedrock"'
        yield '--user "${AWS_ACCESS_KEY_ID:?}:${AWS_SECRET_ACCESS_KEY:?}"'
        yield '${AWS_SESSION_TOKEN:+--header "x-amz-security-token: $AWS_SESSION_TOKEN"}'
    yield "--data-binary @-"
