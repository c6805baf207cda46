"""By plain httpx: providers that have no SDK which sends a body as it is."""

from __future__ import annotations

from replay.export._call import Call
from replay.export._words import check_unsigned
from replay.export.sdks._script import SECONDS, Script, key, literal, server


def script(call: Call) -> Script:
    """Ask as the wire has it."""
    check_unsigned(call, "plain Python")
    headers = literal(call.headers)
    if call.key:
        headers = f"{headers} | {{{literal(call.key.header)}: {literal(call.key.before)} + {key(call)}}}"
    return Script(
        ("json", "os", "httpx"),
        f"httpx.Client(headers={headers}, timeout={SECONDS})",
        call.body,
        f"client.post({server(call, call.path)}, content=json.dumps(request))",
        "answer.text",
        "answer.iter_lines()",
    )
