"""`--as node`: a module for Node 18 or later, which asks with its own `fetch`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from replay.choice import Chosen
from replay.export._call import Call
from replay.export._words import SERVER, about, check_unsigned, needs

_SCRIPT = """\
// {about}
// {needs}
// Run it: node FILE.mjs, or: ... | node --input-type=module -
const server = process.env.{server} ?? {origin};
{key}const headers = {headers};
const body = String.raw`{body}`;

const answer = await fetch(server + {path}, {{ method: "POST", headers, body }});
console.error(answer.status);
for await (const piece of answer.body) process.stdout.write(piece);
"""
_KEY = """\
const key = process.env.{variable};
if (!key) throw new Error("set {variable}");
"""


def write(chosen: Chosen, calls: Sequence[Call]) -> str:
    """Return the module."""
    (call,) = calls
    check_unsigned(call, "node")
    return _SCRIPT.format(
        about=about(chosen, calls),
        needs=needs(call),
        server=SERVER,
        origin=json.dumps(call.origin),
        key=_KEY.format(variable=call.key.variable) if call.key else "",
        headers=_headers(call),
        body=_body(call),
        path=json.dumps(call.path),
    )


def _headers(call: Call) -> str:
    pairs = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in call.headers.items()]
    if call.key:
        pairs.append(f"{json.dumps(call.key.header)}: {json.dumps(call.key.before)} + key")
    return "{ " + ", ".join(pairs) + " }"


def _body(call: Call) -> str:
    """JSON as text, so that no number is rounded and no name means anything; it holds no ` and no ${."""
    return json.dumps(call.body, indent=2).replace("`", "\\u0060").replace("$", "\\u0024")
