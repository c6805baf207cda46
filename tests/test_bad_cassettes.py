"""Damaged and doubtful cassettes: each fails its own case by name and stays as it is, byte for byte.

The comments are the numbers of the catalogue of bad input.
"""

import base64
import gzip
import json
import os

import pytest
from chat_wire import completion
from scripted import Scripted, reply

# name: (what is done to the bytes of a good cassette, what is said)
DAMAGE = {
    "empty": (lambda good: b"", "the file is empty"),  # 71
    "cut": (lambda good: good[:-60], "replay cassette recover"),  # 72
    "nothing": (lambda good: b"null\n", "error: "),  # 73
    "list": (lambda good: b"- a\n- b\n", "error: "),  # 74
    "other": (lambda good: b"version: 1\n", "no list of `interactions`"),  # 75
    "request": (lambda good: good.replace(b"  response:", b"  respond:"), "has no `response`"),  # 76
    "status": (lambda good: good.replace(b"code: 200", b"code: abc"), 'status "abc"'),  # 77
    "newer": (lambda good: good.replace(b"version: 1", b"version: 9"), "update Replay"),  # 79
    "merge": (lambda good: b"<<<<<<< HEAD\n" + good, "unresolved merge at line 1"),  # 81
    "utf8": (lambda good: good.replace(b"From 9", b"From \xff"), "not UTF-8"),  # 82
    "base64": (lambda good: good.replace(b"string: ", b"base64_string: "), "not base64"),  # 83
}
FOREIGN = """
interactions:
- request:
    body: '{"model":"m","messages":[{"role":"user","content":"foreign"}]}'
    headers: {Authorization: [Bearer sk-foreign-123456789012345678901234], Content-Type: [application/json]}
    method: POST
    uri: https://api.elsewhere.example/v1/chat/completions
  response:
    body: {string: '%s'}
    headers: {Content-Type: [application/json], X-Name: ["caf\\xE9 \\u2603"]}
    status: {code: 200, message: OK}
version: 1
"""


@pytest.fixture
def shop(sandbox):
    """A recorded conversation for each way to damage a cassette, and what its cassette was like."""
    names = [*DAMAGE, "good"]
    for name in names:
        sandbox.write(
            {f"fixtures/conversations/shop/{name}.yaml": f"messages: [{{role: user, content: {name}}}]\n"}
        )
    sandbox.write({"suites/shop.yaml": "targets: [t]\nconversations: [shop/*]\nassert: [contains: '9']\n"})
    with Scripted([reply(completion({"content": "From 9 to 17."}, model="m"))]) as server:
        target = f'[targets.t]\nprovider = "openai_compatible"\nmodel = "m"\nbase_url = "{server.url}/v1"\n'
        sandbox.write({"replay.toml": target})
        sandbox.pytest("--record-mode=once").assert_outcomes(passed=len(names))
    return sandbox


def path(shop, name):
    return shop.root / f"fixtures/cassettes/shop/{name}/t.yaml"


def test_each_damaged_cassette_fails_its_case_by_name_and_is_left_alone(shop):
    damaged = {name: do(path(shop, name).read_bytes()) for name, (do, _) in DAMAGE.items()}
    for name, content in damaged.items():
        path(shop, name).write_bytes(content)
    for mode in ("none", "once", "new_episodes"):
        result = shop.pytest(f"--record-mode={mode}")
        result.assert_outcomes(passed=1, failed=len(DAMAGE))
        said = result.stdout.str()
        assert "Traceback" not in said
        for name, (_, what) in DAMAGE.items():
            assert any(f"shop/{name}/t.yaml" in line and what in line for line in said.splitlines()), name
    _, lines = shop.run()
    assert len(lines) == len(DAMAGE) + 1
    assert {name: path(shop, name).read_bytes() for name in DAMAGE} == damaged
    checked = shop.replay("cassette", "check", "fixtures/cassettes")
    assert checked.ret == 1
    assert all(f"shop/{name}/t.yaml" in checked.stdout.str() for name in DAMAGE)


def test_what_is_no_file_is_said_and_not_waited_for(shop):  # 91
    path(shop, "cut").unlink()
    path(shop, "cut").mkdir()
    path(shop, "nothing").unlink()
    os.mkfifo(path(shop, "nothing"))
    result = shop.pytest("-k", "cut or nothing")
    result.assert_outcomes(failed=2, deselected=len(DAMAGE) - 1)
    result.stdout.fnmatch_lines_random(["*shop/cut/t.yaml*a folder*", "*shop/nothing/t.yaml*a FIFO*"])


def test_what_was_not_played_and_another_host_are_warned_of_and_refused_when_strict(shop):  # 87, 90
    good = path(shop, "good")
    text = good.read_text()
    second = text.partition("interactions:\n")[2].partition("version:")[0].replace("good", "other")
    good.write_text(text.replace("version: 1", f"{second}version: 1").replace("127.0.0.1", "api.example.com"))
    result = shop.pytest("-k", "good")
    result.assert_outcomes(passed=1, deselected=len(DAMAGE))
    result.stdout.fnmatch_lines_random(
        [
            "warning: recorded and not asked for: #2 of good/t.yaml",
            "warning: recorded at api.example.com*, asked at *",
        ]
    )
    strict = shop.pytest("-k", "good", "--replay-strict")
    strict.assert_outcomes(failed=1, deselected=len(DAMAGE))
    strict.stdout.fnmatch_lines_random(["*seam (unplayed)*", "*seam (other_host)*"])


def test_a_foreign_cassette_with_headers_beyond_ascii_plays(shop):  # 95
    body = json.dumps(completion({"content": "From 9."}, model="m"))
    shop.write({"fixtures/conversations/shop/foreign.yaml": "messages: [{role: user, content: foreign}]\n"})
    path(shop, "foreign").parent.mkdir()
    path(shop, "foreign").write_text(FOREIGN % body)
    shop.pytest("-k", "foreign").assert_outcomes(passed=1, deselected=len(DAMAGE) + 1)


def test_check_finds_secrets_in_headers_in_packed_bodies_and_in_pieces_of_a_stream(shop):  # 88
    key = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH"
    stream = "".join(
        "data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": part}}]}) + "\n\n"
        for part in (key[:9], key[9:30], key[30:])
    )
    for name, response in (("stream", stream), ("packed", key)):
        content = FOREIGN.replace("Bearer sk-foreign-123456789012345678901234", "none") % "BODY"
        content = content.replace("{string: 'BODY'}", json.dumps({"string": response}))
        if name == "packed":
            packed = base64.b64encode(gzip.compress(response.encode())).decode()
            content = content.replace(json.dumps({"string": response}), f"{{string: !!binary {packed}}}")
        path(shop, name).parent.mkdir()
        path(shop, name).write_text(content)
    done = shop.replay(
        "cassette", "check", "fixtures/cassettes/shop/stream", "fixtures/cassettes/shop/packed"
    )
    assert done.ret == 1
    done.stdout.fnmatch_lines_random(["*shop/stream/t.yaml*secret*", "*shop/packed/t.yaml*secret*"])
    assert key[:12] not in done.stdout.str() + done.stderr.str()


def test_recover_after_a_refusal(shop):
    cut = path(shop, "cut")
    text = cut.read_bytes()
    second = text.partition(b"interactions:\n")[2].partition(b"version:")[0]
    cut.write_bytes(text.replace(b"version: 1\n", second)[:-40])
    damaged = cut.read_bytes()
    assert shop.pytest("-k", "cut").ret == 1
    done = shop.replay("cassette", "recover", str(cut), "--json")
    assert done.ret == 0
    assert "1 whole interactions" in done.stdout.str()
    assert cut.read_bytes() == damaged
    cut.with_name("t.recovered.yaml").replace(cut)
    shop.pytest("-k", "cut").assert_outcomes(passed=1, deselected=len(DAMAGE))
