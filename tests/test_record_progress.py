"""How far an import is: every byte of every file is told once, compressed or not, in each pass."""

import gzip
import json
from contextlib import contextmanager

import pytest
from recording import answers, asks, entry, user, write

from replay.record import Progress, Recording

LOG = [entry(asks(user(f"{n}?")), answers(f"{n}.", f"n{n}")) for n in range(20)]


class Heard(Progress):
    def __init__(self):
        self.passes, self.steps, self.read = [], [], []

    def begin(self, what, total):
        self.passes.append((what, total))

    @contextmanager
    def file(self, path):
        steps = []
        self.steps.append(steps)
        yield steps.append

    def line(self, what):
        self.read.append(what)


def packed(folder):
    path = folder / "app.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(item) + "\n" for item in LOG).encode()))
    return path


def cassette(folder):
    pairs = []
    for item in LOG:
        asked, got = (json.dumps(item[side]["body"]) for side in ("request", "response"))
        request = {
            "method": "POST",
            "uri": "https://api.openai.com/v1/chat/completions",
            "headers": {},
            "body": asked,
        }
        response = {"status": {"code": 200}, "headers": {}, "body": {"string": got}}
        pairs.append({"request": request, "response": response})
    path = folder / "app.yaml"
    path.write_text(json.dumps({"interactions": pairs, "version": 1}))
    return path


FORMS = {"plain": lambda folder: write(folder / "app.jsonl", LOG), "packed": packed, "cassette": cassette}


@pytest.mark.parametrize("form", FORMS)
def test_every_byte_is_told_in_each_pass(form, tmp_path):
    log, heard = FORMS[form](tmp_path), Heard()
    outcomes = list(Recording([log], tmp_path / "p", "shop", progress=heard))
    size = log.stat().st_size
    assert heard.passes == [("reading", size), ("writing", size)]
    assert [sum(steps) for steps in heard.steps] == [size, size]
    assert heard.read == ["read"] * 20 + ["imported"] * 20
    assert len(outcomes) == 20


def test_files_of_which_nothing_is_written_are_not_read_again(tmp_path):
    write(tmp_path / "logs" / "a.jsonl", LOG[:10])
    other = write(tmp_path / "logs" / "b.jsonl", LOG[10:])
    heard = Heard()
    list(Recording([tmp_path / "logs"], tmp_path / "p", "shop", where=["text=15?"], progress=heard))
    assert heard.passes[1] == ("writing", other.stat().st_size)
    assert len(heard.steps) == 3
