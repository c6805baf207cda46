"""The corpus of real recordings, read as simply as possible and without any of our own code."""

import gzip
import json
import os
from base64 import b64decode
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

CORPUS = Path(os.environ.get("REPLAY_CORPUS") or Path(__file__).parents[2] / "shared" / "corpus")
PRESENT = (CORPUS / "index.jsonl").exists()
ABSENT = f"no corpus of real recordings at {CORPUS}; name its folder in REPLAY_CORPUS"


@dataclass
class Recorded:
    row: dict
    request: bytes
    status: int
    headers: dict
    body: bytes

    @property
    def id(self):
        return f"{self.row['file']}#{self.row['index']}"


class Loader(yaml.CSafeLoader):
    """Reads tags of other languages as the plain values they hold."""


def _plain(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        return b64decode(text) if suffix == "binary" else text
    items = loader.construct_sequence(node, deep=True) if isinstance(node, yaml.SequenceNode) else None
    return loader.construct_mapping(node, deep=True) if items is None else (items[0] if items else "")


Loader.add_multi_constructor("tag:yaml.org,2002:python/", _plain)
Loader.add_multi_constructor("!", _plain)


@cache
def rows():
    with (CORPUS / "index.jsonl").open() as lines:
        return [json.loads(line) for line in lines]


def recordings(*endpoints):
    """Yield the interactions of these endpoints (as the index names them) in its order.

    A file is parsed once. A response that was saved without its request comes with an empty request.
    """
    path, entries = None, []
    for row in rows():
        if row.get("endpoint") not in endpoints:
            continue
        if row["file"] != path:
            path = row["file"]
            entries = _entries(CORPUS / path, row["container"])
        yield _recorded(row, entries)


def recording(file, index):
    """The interaction at a place of a file."""
    row = next(row for row in rows() if (row["file"], row["index"]) == (file, index))
    return _recorded(row, _entries(CORPUS / file, row["container"]))


def _recorded(row, entries):
    request, response = entries[row["index"]]
    body = _bytes(request) if isinstance(request, dict) else b""
    return Recorded(row, body, row["status"], _headers(response), _bytes(response))


def _entries(path, container):
    if container.startswith("raw"):
        return [(None, {"body": path.read_text()})]
    data = path.read_bytes()
    data = gzip.decompress(data) if path.suffix == ".gz" else data
    data = json.loads(data) if path.suffix == ".json" else yaml.load(data, Loader)
    if container == "vcrpy-split":
        return list(zip(data["requests"], data["responses"], strict=True))
    items = data.get("interactions") or data.get("http_interactions") or [data]
    return [(item["request"], item["response"]) for item in items]


def _headers(response):
    pairs = (response.get("headers") or {}).items()
    return {str(k).lower(): v[0] if isinstance(v, list) and v else v for k, v in pairs if v}


def _bytes(side):
    if side.get("parsed_body") is not None:
        return json.dumps(side["parsed_body"]).encode()
    body = side.get("content") if side.get("body") is None else side["body"]  # vcrpy's old form for httpx
    if isinstance(body, dict):
        body = b64decode(body["base64_string"]) if "base64_string" in body else body.get("string")
    body = body.encode() if isinstance(body, str) else body or b""
    return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
