"""What the tests of the server share: cassettes made by hand, plain HTTP, a provider's answers."""

import json
import socket

import httpx2

from replay.cassette import file
from replay.cassette.interaction import Failure, Interaction, RecordedRequest, RecordedResponse

JSON = {"content-type": "application/json"}
CHAT = "/v1/chat/completions"


def ask(text="Open?", **more):
    return {"model": "m", "messages": [{"role": "user", "content": text}]} | more


def recorded(body, answer, path=CHAT, *, status=200, chunks=(), failure=None, kind=JSON["content-type"]):
    """An interaction; `answer` is JSON, text, or a list of the pieces that it came in."""
    pieces = answer if isinstance(answer, list) else [answer]
    pieces = [piece if isinstance(piece, str) else json.dumps(piece) for piece in pieces]
    sizes = [len(piece.encode()) for piece in pieces]
    times = chunks or [0.0] * len(sizes)
    return Interaction(
        RecordedRequest("POST", f"https://api.test{path}", JSON, json.dumps(body).encode()),
        RecordedResponse(
            None if failure and not answer else status,
            "",
            {"content-type": [kind]},
            "".join(pieces).encode(),
            tuple(zip(times, sizes, strict=True)) if isinstance(answer, list) else (),
            Failure(failure, "as it was") if failure else None,
        ),
    )


def cassette(path, *interactions):
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save(path, interactions)
    return path


def post(server, body, path=CHAT, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.post(f"{server.url}{path}", json=body, headers=headers, timeout=20)


def chunks_on_the_wire(server, body, path=CHAT):
    """Ask over a bare socket and return the HTTP chunks of the answer, as they were framed."""
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as line, line.makefile("rb") as came:
        line.sendall(f"{head}content-length: {len(data)}\r\n\r\n".encode() + data)
        while came.readline().strip():
            pass
        found = []
        while size := int(came.readline(), 16):
            found.append(came.read(size).decode())
            came.readline()
        return found
