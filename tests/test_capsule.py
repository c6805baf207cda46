"""Capsules: packed in one project, played elsewhere, and refused where they are not what was packed."""

import base64
import gzip
import io
import json
import os
import random
import re
import shutil
import stat
import subprocess
import sys
import warnings
import zipfile
from hashlib import sha256
from pathlib import Path

import planted
import pytest
from chat_wire import completion
from scripted import Scripted, reply
from shop import BASELINE, FILES, PIXEL, record, said, write

from replay import assertions, suites
from replay.capsule import _zip
from replay.choice import choose
from replay.cli import main
from replay.config import Project
from replay.runner import Runner, plan
from replay.runs import RunWriter


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    root = tmp_path_factory.mktemp("shop")
    (root / "pixel.png").write_bytes(PIXEL)
    record(root, FILES)
    write(root, {"fixtures/baselines/shop/days/small.yaml": BASELINE})
    return root


@pytest.fixture
def shop(recorded, tmp_path, monkeypatch):
    """A project whose cases are recorded; `shop/hours` fails, for it does not say 8."""
    shutil.copytree(recorded, tmp_path / "shop")
    monkeypatch.chdir(tmp_path / "shop")
    return tmp_path / "shop"


@pytest.fixture
def night(shop):
    """The project with a run of all of its cases."""
    project = Project.find(shop)
    runner, writer = Runner(project), RunWriter(shop / "reports/night", {"mode": "none"})
    for planned in plan(suites.load(shop / "suites/shop.yaml", project), project):
        result, line = runner.shown(planned, runner.run(planned))
        writer.add((planned.case.suite, planned.case.id), line, result.outcome)
    writer.close()
    return shop


@pytest.fixture
def replay(capsys):
    """The command line: exit code, what it printed, what it said on stderr."""

    def run(*words):
        code = main(list(map(str, words)))
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def packed(replay):
    """Makes a capsule; returns what was told of it, and its members by name."""

    def make(*words, out="bug.capsule"):
        code, told, said = replay("capsule", *words, "--out", out, "--json")
        assert code == 0, said
        return json.loads(told), members(Path(out))

    return make


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def elsewhere(tmp_path, capsule, *options, **variables):
    """Play a capsule as somebody else would: another folder and home, nothing of the project in reach."""
    home = tmp_path / "elsewhere"
    home.mkdir(exist_ok=True)
    shutil.copy(capsule, home / "got.capsule")
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home)} | variables
    command = [sys.executable, "-m", "replay.cli", "run", "got.capsule", *options]
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done, sorted(path.name for path in home.iterdir())


# -- packed here, played there ----------------------------------------------------------------------------


def test_a_failing_case_with_only_what_it_needs_fails_the_same_way_where_its_project_is_not(
    shop, packed, tmp_path
):
    told, held = packed("shop/hours[small]#1")
    assert told["cases"] == [
        {
            "suite": "suites/shop.yaml",
            "case": "shop/hours[small]#1",
            "outcome": "failed",
            "failures": [["contains", "missing"]],
        }
    ]
    assert sorted(held) == [
        "capsule.json",
        "fixtures/cassettes/shop/hours/small.yaml",
        "fixtures/conversations/shop/hours.yaml",
        "replay.toml",
        "report/index.html",
        "report/run.jsonl",
        "suites/shop.yaml",
    ]
    suite, config = held["suites/shop.yaml"].decode(), held["replay.toml"].decode()
    assert not {"days", "many"} & set(re.findall(r"\w+", suite))
    assert "large" not in suite + config
    for secret in (b"pepper", b"Heron", b"night shift", b"org-of-the-shop"):
        assert secret not in b"".join(held.values())
    capsule = shutil.move(shop / "bug.capsule", tmp_path)
    for path in list(shop.iterdir()):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    done, left = elsewhere(tmp_path, capsule)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "shop/hours[small]#1: failed",
        '  contains (missing): expected "8", the reply says "From 9 to 17."',
        "reproduces: yes",
    ]
    assert left == ["got.capsule"]


def test_a_suite_is_packed_whole_with_what_it_names(shop, packed, tmp_path):
    told, held = packed("suites/shop.yaml")
    assert [case["case"] for case in told["cases"]] == [
        "many/one[small]#1",
        "many/two[small]#1",
        "shop/days[small]#1",
        "shop/days[small]#2",
        "shop/hours[large]#1",
        "shop/hours[small]#1",
        "shop/look[small]#1",
    ]
    assert "fixtures/baselines/shop/days/small.yaml" in held
    assert b"iVBORw0KGgo" in held["fixtures/conversations/shop/look.yaml"]  # the image, read in
    assert "fixtures/conversations/many/one.yaml" in held
    done, _ = elsewhere(tmp_path, shop / "bug.capsule")
    assert done.stdout.count("passed") == 5
    assert done.stdout.endswith("reproduces: yes\n")


@pytest.mark.parametrize(
    ("words", "cases"),
    [
        (("shop/hours",), ["shop/hours[large]#1", "shop/hours[small]#1"]),
        (("suites/shop.yaml::shop/days[small]#2",), ["shop/days[small]#2"]),
        (("many/one", "shop/look"), ["many/one[small]#1", "shop/look[small]#1"]),
    ],
)
def test_a_case_is_named_as_anywhere_else(shop, words, cases):
    assert [one.planned.case.id for one in choose(words)] == cases


def test_of_a_run_the_failed_cases_are_packed_and_all_where_asked(night):
    named = lambda words, **options: [one.planned.case.id for one in choose(words, **options)]
    assert named(["reports/night"]) == ["shop/hours[large]#1", "shop/hours[small]#1"]
    assert named(["reports/night/run.jsonl::shop/look[small]#1"]) == ["shop/look[small]#1"]
    assert named(["reports/night::shop/look"]) == ["shop/look[small]#1"]
    assert named(["reports/night::suites/shop.yaml::shop/look[small]#1"]) == ["shop/look[small]#1"]
    assert len(named(["reports/night"], every=True)) == 7


def test_tests_of_an_app_are_left_out_of_a_run_and_it_is_told_what_to_do(night, packed, replay):
    path = night / "reports/night/run.jsonl"
    lines = path.read_text().splitlines()
    cassette = "fixtures/cassettes/test_app/test_it/app.yaml"
    case = {"id": "test_it[app]#1", "suite": "test_app", "attempt": 1, "tags": []}
    code = json.loads(lines[1]) | {"case": case, "outcome": "failed", "files": {"cassette": cassette}}
    code["transcript"]["conversation"]["name"] = "test_app/test_it"
    path.write_text("\n".join([*lines, json.dumps(code)]) + "\n")
    told, _ = packed("reports/night")
    assert [one["case"] for one in told["cases"]] == ["shop/hours[large]#1", "shop/hours[small]#1"]
    assert "test_it[app]#1 is a test of an app's own code" in told["warnings"][0]
    assert f"replay record {cassette} --suite from_app" in told["warnings"][0]
    for name in ("test_it[app]#1", "suites/test_app.py::test_it", "test_app.py::TestShop::test_it"):
        _, _, alone = replay("capsule", f"reports/night::{name}", "--out", "x.capsule")
        assert f"replay record {cassette}" in alone
    (night / "suites/test_app.py").write_text("def test_it(replay): pass\n")
    for name in ("suites/test_app.py::test_it", "test_app"):
        refused, _, said = replay("capsule", name, "--out", "x.capsule")
        assert refused == 4
        assert (
            "make cases of what it asked: replay record fixtures/cassettes/test_app --suite from_app" in said
        )


def test_of_a_case_that_a_run_does_not_have_the_nearest_is_named(night, replay):
    code, _, said = replay("capsule", "reports/night::shop/loko[small]#1", "--out", "x.capsule")
    assert code == 5
    assert 'has no case "shop/loko[small]#1"; did you mean "shop/look[small]#1"?' in said


def test_a_run_whose_files_have_changed_since_is_told(night, packed):
    path = night / "suites/shop.yaml"
    path.write_text(path.read_text().replace('contains: "8"', "finish_reason: length"))
    told, _ = packed("reports/night::shop/hours[small]#1")
    assert "in the run: contains: missing; from what is packed: finish_reason: stop" in told["warnings"][0]


def test_the_cassettes_of_a_comparison_and_its_variants_are_taken(shop, packed, replay, tmp_path):
    pytest.importorskip("scipy")
    write(shop, {"prompts/short.txt": "Answer in one word."})
    with Scripted([said]) as server:
        write(shop, {"replay.toml": FILES["replay.toml"].format(url=server.url)})
        given = ("small", "large+prompts/short.txt", "--suite", "suites/shop.yaml", "--out", "reports/two")
        replay("compare", *given)
    assert "asked in two ways" in replay("capsule", "reports/two", "--out", "x.capsule")[2]
    told, held = packed("reports/two::shop/hours[large+short]#1")
    assert told["cases"][0]["failures"] == [["contains", "missing"]]
    assert not told["warnings"]
    assert "Answer in one word." in held["fixtures/conversations/shop/hours.yaml"].decode()


# -- what is inside ---------------------------------------------------------------------------------------

CODE = {
    "conftest.py": """
        from replay import assertions
        import helpers

        assertions.registry.register("polite", helpers.Polite)
    """,
    "helpers.py": """
        import os
        from dataclasses import dataclass

        from replay.verdict import Verdict


        @dataclass(frozen=True)
        class Polite:
            def __call__(self, transcript):
                return Verdict("polite", "failed", "rude", "no greeting")
    """,
    "checks/words.py": """
        import os
        from pathlib import Path


        def careful(transcript):
            Path("canary").write_text("ran")
            return not any("SECRET" in name for name in os.environ) or "sees a secret"
    """,
    "checks/unused.py": "raise SystemExit\n",
    "suites/conftest.py": "COLOUR = 1\n",
    "schemas/answer.json": """
        {"$ref": "parts.json#/$defs/text"}
    """,
    "schemas/parts.json": """
        {"$defs": {"text": {"type": "object", "required": ["a"]}}}
    """,
    "suites/shop.yaml": """
        targets: [small]
        cases:
          - conversation: shop/hours
            assert:
              - polite
              - turn: {at: last, assert: [json_schema: schemas/answer.json]}
              - not: {python: "checks/words.py:careful"}
    """,
}


@pytest.fixture
def coded(shop, monkeypatch):
    write(shop, CODE)
    monkeypatch.setattr(assertions.registry, "_registered", {})
    yield shop
    for name in ("conftest", "helpers"):
        sys.modules.pop(name, None)


def test_code_schemas_and_what_they_refer_to_are_taken_and_code_runs_only_when_trusted(
    coded, packed, replay, tmp_path
):
    told, held = packed("shop/hours")
    assert told["code"] == ["checks/words.py", "conftest.py", "helpers.py"]
    assert {"schemas/answer.json", "schemas/parts.json"} <= held.keys()
    assert not {"checks/unused.py", "suites/conftest.py"} & held.keys()
    assert told["cases"][0]["failures"] == [
        ["json_schema", "not_json"],
        ["not", "python"],
        ["polite", "rude"],
    ]
    done, left = elsewhere(tmp_path, "bug.capsule")
    assert done.returncode == 4
    assert "holds code" in done.stderr
    assert "'helpers.py'" in done.stderr
    assert "--trust" in done.stderr
    done, left = elsewhere(tmp_path, "bug.capsule", "--trust", MY_SECRET="x1y2z3w4v5")
    assert done.stdout.endswith("reproduces: yes\n")
    assert left == ["got.capsule"]


def test_what_a_user_says_in_a_case_and_its_caps_are_kept(tmp_path, monkeypatch, packed):
    shop = tmp_path / "talk"
    shop.mkdir()
    monkeypatch.chdir(shop)
    (shop / "pixel.png").write_bytes(PIXEL)
    suite = """
        targets: [small]
        play: to_completion
        caps: {rounds: 3}
        assert: [finish_reason: stop]
        cases:
          - conversation: shop/hours
            user_turns:
              - And on Sunday?
              - content: [{type: image_url, image_url: {path: pixel.png}}]
    """
    hours = "fixtures/conversations/shop/hours.yaml"
    files = {"replay.toml": FILES["replay.toml"], hours: FILES[hours], "suites/shop.yaml": suite}
    record(shop, files)
    told, held = packed("shop/hours")
    assert told["cases"][0]["outcome"] == "passed"
    assert "iVBORw0KGgo" in held["suites/shop.yaml"].decode()
    assert "rounds: 3" in held["suites/shop.yaml"].decode()


def test_the_same_cases_give_the_same_bytes_and_few(shop, packed, monkeypatch):
    _, held = packed("shop/hours[small]#1", "many/one", out="one.capsule")
    for path in shop.rglob("*"):
        os.utime(path, (1, 1))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    told, _ = packed("many/one", "shop/hours[small]#1", "many/one[small]#1", out="two.capsule")
    assert Path("one.capsule").read_bytes() == Path("two.capsule").read_bytes()
    page = len(_zip.packed({"index.html": held["report/index.html"]}))
    assert told["bytes"] < 48_000
    assert told["bytes"] - page < 8_000  # most of it is the page of the report, and of that its scripts


def test_planted_secrets_are_in_no_member_and_the_case_still_fails_the_same_way(
    tmp_path, monkeypatch, packed, replay
):
    rng = random.Random(5)
    kinds = planted.PREFIXED | planted.PERSONAL
    secrets = {kind: make(rng) for kind, make in kinds.items()}
    known = planted.of(planted.WORD, 24)(rng)
    monkeypatch.setenv("SHOP_API_TOKEN", known)
    lines = [f"{kind}: {text}" for kind, text in secrets.items()]
    prompt = json.dumps("\n".join([*lines, known, "Blue Heron"]))
    files = FILES | {
        "fixtures/conversations/shop/hours.yaml": f"messages: [{{role: user, content: {prompt}}}]\n",
        "suites/shop.yaml": json.dumps(
            {
                "description": secrets["email"],
                "targets": ["small"],
                "conversations": ["shop/hours"],
                "assert": [
                    {"contains": secrets["openai"]},
                    {"json_schema": "schemas/a.json"},
                    {"python": "checks.py:careful"},
                ],
            }
        ),
        "schemas/a.json": json.dumps({"title": secrets["anthropic"]}),
        "checks.py": f"KEY = {secrets['github']!r}\ndef careful(transcript): return {secrets['groq']!r}\n",
    }
    shop = tmp_path / "shop"
    shop.mkdir()
    monkeypatch.chdir(shop)
    answer = completion({"content": f"Take {secrets['stripe']} and {known}"}, model="small-1")
    record(shop, files, lambda _: reply(answer))
    told, held = packed("shop/hours")
    assert told["replaced"]
    everything = "\n".join(data.decode("utf-8", "replace") for data in held.values())
    everything += "\n".join(re.findall(r".*", unfolded(held["report/index.html"])))
    left = [
        kind for kind, text in secrets.items() if text in everything or json.dumps(text)[1:-1] in everything
    ]
    assert left == []
    assert known not in everything
    assert "Blue Heron" not in everything
    failed = [["contains", "missing"], ["json_schema", "not_json"], ["python", "failed"]]
    assert told["cases"][0]["failures"] == failed
    assert replay("run", "bug.capsule", "--trust")[1].endswith("reproduces: yes\n")


def unfolded(page):
    """What a page of a report holds compressed."""
    runs = re.findall(rb"H4sI[A-Za-z0-9+/]+=*", page)
    return "\n".join(gzip.decompress(base64.b64decode(run)).decode() for run in runs)


def test_a_secret_that_cannot_be_taken_out_is_refused_and_nothing_written(shop, replay):
    named = "fixtures/conversations/shop/anna.smith@shopkeeper.com.yaml"
    shutil.copy(shop / "fixtures/conversations/shop/look.yaml", shop / named)
    code, _, said = replay("capsule", "shop/anna.smith@shopkeeper.com", "--out", "bug.capsule")
    assert code == 4
    assert "the file's name holds email" in said
    assert not Path("bug.capsule").exists()


# -- bad input --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def capsule(recorded, tmp_path_factory):
    """A capsule that is good, as bytes."""
    before, out = Path.cwd(), tmp_path_factory.mktemp("made") / "good.capsule"
    os.chdir(recorded)
    assert main(["capsule", "many/one", "--out", str(out)]) == 0
    os.chdir(before)
    return out.read_bytes()


def rewritten(capsule, change):
    """The capsule with other members, whose manifest says that they are as they should be."""
    with zipfile.ZipFile(io.BytesIO(capsule)) as archive:
        held = {info.filename: archive.read(info) for info in archive.infolist()}
    change(held)
    manifest = json.loads(held["capsule.json"])
    manifest["files"] = {
        name: sha256(data).hexdigest() for name, data in held.items() if name != "capsule.json"
    }
    held["capsule.json"] = json.dumps(manifest).encode()
    return _zip.packed(held)


def with_member(name, data=b"x", **fields):
    def change(capsule):
        out = io.BytesIO(capsule)
        with zipfile.ZipFile(out, "a") as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of two members of one name, which is the point
            info = zipfile.ZipInfo(name)
            info.filename = info.orig_filename = name
            for field, value in fields.items():
                setattr(info, field, value)
            archive.writestr(info, data, zipfile.ZIP_DEFLATED)
        return out.getvalue()

    return change


def edited(name, data):
    def change(capsule):
        with zipfile.ZipFile(io.BytesIO(capsule)) as archive:
            held = {info.filename: archive.read(info) for info in archive.infolist()}
        if data is None:
            del held[name]
        else:
            held[name] = data
        return _zip.packed(held)

    return change


LINK = {"create_system": 3, "external_attr": (stat.S_IFLNK | 0o777) << 16}
TAMPERED = {
    "another reply": (
        edited("fixtures/cassettes/many/one/small.yaml", b"interactions: []\n"),
        "is not what was",
    ),
    "a member more": (edited("fixtures/conversations/b.yaml", b"x"), "was added later"),
    "a member less": (edited("replay.toml", None), "replay.toml is missing"),
    "no manifest": (edited("capsule.json", None), "holds no capsule.json"),
    "another format": (
        edited("capsule.json", b'{"capsule": 9}'),
        "of format 9, this Replay reads 1; install a newer",
    ),
    "a list": (edited("capsule.json", b"[]"), "of format None, this Replay reads 1\n"),
    "no JSON": (edited("capsule.json", b"{"), "capsule.json is damaged: it is no JSON"),
    "nothing said": (edited("capsule.json", b'{"capsule": 1}'), "does not say"),
    "leaves the folder": (with_member("../../canary"), "is no name for a file"),
    "absolute": (with_member("/tmp/canary"), "is no name for a file"),
    "backslash": (with_member("..\\canary"), "is no name for a file"),
    "drive": (with_member("c:\\canary"), "is no name for a file"),
    "hidden end": (with_member("replay.toml\0.txt"), "is no name for a file"),
    "a link": (with_member("fixtures/link", b"/etc/passwd", **LINK), "is a link"),
    "twice": (with_member("replay.toml"), "twice"),
    "another case": (with_member("Replay.TOML"), "one file name on many disks"),
    "a bomb": (with_member("fixtures/zeros.yaml", b"0" * 40_000_000), "would unpack from"),
    "not a zip": (lambda _: b"PK hello", "is no whole capsule"),
    "empty": (lambda _: b"", "is no whole capsule"),
    "cut": (lambda capsule: capsule[:-30], "is no whole capsule"),
    "a flipped bit": (lambda capsule: capsule[:200] + bytes([capsule[200] ^ 1]) + capsule[201:], ""),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_what_is_not_as_packed_or_not_safe_is_refused_before_anything_is_unpacked(
    capsule, replay, tmp_path, monkeypatch, what
):
    change, words = TAMPERED[what]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    Path("bad.capsule").write_bytes(change(capsule))
    code, told, said = replay("run", "bad.capsule", "--trust")
    assert code == 4
    assert words in said
    assert not told
    assert list(tmp_path.iterdir()) == [tmp_path / "bad.capsule"]


HOSTILE = {
    "pytest.ini": {"pytest.ini": b"[pytest]\naddopts = -p evil\n"},
    "an assertion from elsewhere": {"suites/many.yaml": b"assert: [{not: {python: 'os:getcwd'}}]\n"},
    "a hidden module": {"fixtures/x.so": b"\x7fELF"},
    "a test": {"suites/test_x.py": b"open('/tmp/canary', 'w')\n"},
}


@pytest.mark.parametrize("what", HOSTILE)
def test_code_is_found_whatever_the_manifest_says(capsule, replay, tmp_path, what):
    path = tmp_path / "bad.capsule"
    path.write_bytes(rewritten(capsule, lambda held: held.update(HOSTILE[what])))
    code, told, said = replay("run", path)
    assert code == 4
    assert "holds code" in said
    assert not told


@pytest.mark.parametrize("case", ["many/one[small]#1\n-p\nevil", 7, None])
def test_a_manifest_cannot_give_options_to_pytest(capsule, replay, tmp_path, case):
    def change(held):
        manifest = json.loads(held["capsule.json"])
        manifest["cases"][0]["case"] = case
        held["capsule.json"] = json.dumps(manifest).encode()

    path = tmp_path / "bad.capsule"
    path.write_bytes(rewritten(capsule, change))
    assert replay("run", path)[0] == 4


def test_another_outcome_is_said_and_other_versions_are_warned_of(capsule, replay, tmp_path):
    def change(held):
        manifest = json.loads(held["capsule.json"])
        manifest["versions"] |= {"openai": "0.1", "gone": "2"}
        held["capsule.json"] = json.dumps(manifest).encode()
        suite = held["suites/shop.yaml"]
        held["suites/shop.yaml"] = suite.replace(b"finish_reason: stop", b"finish_reason: length")

    path = tmp_path / "bug.capsule"
    path.write_bytes(rewritten(capsule, change))
    code, told, said = replay("run", path, "--report", tmp_path / "report")
    assert code == 1
    assert "recorded was: passed, nothing failed\nreproduces: no\n" in told
    assert re.search(r"made with other versions: gone 2 \(here none\), openai 0.1 \(here [\d.]+\)", said)
    assert "<html" in (tmp_path / "report/index.html").read_text("utf-8")
    assert replay("run", path, "--report", tmp_path / "report")[0] == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["shop/hour", "--out", "x.capsule"], 'is called "shop/hour"; did you mean "shop/hours"?'),
        (["shop/hours", "--out", "replay.toml"], "is there already and is no capsule"),
        (["suites/shop.yaml", "--out", "no/where/x.capsule", "--all", "extra"], 'is called "extra"'),
    ],
)
def test_what_cannot_be_packed_is_refused(shop, replay, words, said):
    before = _files(shop)
    code, told, error = replay("capsule", *words)
    assert code == 4
    assert said in error
    assert not told
    assert _files(shop) == before


def _files(folder):
    """What is in a project, but for the cache."""
    return [path for path in sorted(folder.rglob("*")) if not {".replay", "__pycache__"} & set(path.parts)]
