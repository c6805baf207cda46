"""Bad files and how a user meets them: one project with every fault at once, and pytest run on it.

The comments are the numbers of the catalogue of bad input.
"""

import subprocess
import sys

import pytest

USER = "messages:\n  - {role: user, content: hi}\n"
PNG = "messages:\n  - role: user\n    content: [{type: image_url, image_url: {%s}}]\n"

# name: (content, where, what is said)
FIXTURES = {
    "tab": ("messages:\n\t- {role: user, content: x}\n", "2:1", "use spaces"),  # 1
    "merge": (f"{USER}<<<<<<< HEAD\n=======\n>>>>>>> other\n", "3:1", "unresolved merge at line 3"),  # 2
    "comments": ("# nothing\n", "", "is empty"),  # 3
    "list": ("- {role: user, content: x}\n", "1:1", "expected a mapping with `messages`"),  # 4
    "two": (f"{USER}---\n{USER}", "3:1", "second document"),  # 5
    "twice": (f"{USER}messages: []\n", "3:1", "given twice, here and on line 1"),  # 6
    "key": (f"mesages: []\n{USER}", "1:1", 'did you mean "messages"?'),  # 7
    "missing": ("params: {temperature: 0}\n", "1:1", "expected a mapping with `messages`"),  # 8
    "none": ("messages: []\n", "1:11", "at least one"),  # 9
    "role": (
        "messages:\n  - {role: assitant, content: x}\n",
        "2:12",
        "use one of system, developer, user",
    ),  # 10
    "content": ("messages:\n  - {role: assistant}\n", "2:5", "content is missing"),  # 11
    "answer": (
        "messages:\n  - {role: user, content: x}\n  - {role: tool, content: y, tool_call_id: no}\n",
        "3:44",
        '"no" answers no call',
    ),  # 12
    "part": (PNG.replace("image_url,", "immage_url,") % "url: x", "3:22", 'did you mean "image_url"?'),  # 16
    "base64": (PNG % "url: 'data:image/png;base64,@@'", "3:50", "not base64"),  # 17
    "image": (PNG % "path: no.png", "3:44", 'no file "no.png"'),  # 18
    "outside": (PNG % "path: ../../etc/passwd", "3:44", "leaves the project"),  # 19
    "cycle": ("messages: &a [*a]\n", "1:15", "without end"),  # 20
    "bomb": (
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"{c}: &{c} [{','.join([f'*{p}'] * 9)}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "7:8",
        "more than 1,000,000 values",
    ),  # 21
    "deep": ("messages: " + "[" * 50_000, "1:110", "nested more than 100 deep"),  # 22
    "tag": ("messages: !!python/object/apply:os.mkdir [canary]\n", "1:11", "is not supported"),  # 23
    "binary": ("messages: !!binary aGk=\n", "1:11", "!!binary is not supported"),  # 24
    "bool": ("messages: !!bool maybe\n", "1:11", "not a YAML bool"),  # 25
    "utf16": (USER.encode("utf-16"), "1:1", "save it as UTF-8"),  # 27
    "latin": (
        "messages:\n  - {role: user, content: caf\xe9}\n".encode("latin-1"),
        "2:30",
        "at offset 39",
    ),  # 27
    "nul": (b"messages:\n  - {role: user, content: 'a\0b'}\n", "2:29", r'write it as "\x00"'),  # 28
    "nel": ("messages:\n  - {role: user, content: 'a\x85b'}\n", "2:29", r'write it as "\N"'),  # 29
    "half": ('messages:\n  - {role: user, content: "\\ud83d"}\n', "2:27", "half a surrogate pair"),  # 31
    "large": (b"# " + b"x" * 50_000_000, "", "too large"),  # 33
    "anchor": (f"<<: [1]\n{USER}", "1:1", "write the keys out"),  # 34
    "null": ("messages:\n  - {role: user, content: ~}\n", "2:27", 'write ""'),  # 52
    "float": (f"{USER}params: {{max_tokens: 1e3}}\n", "3:22", "write 1000"),  # 53
    "true": (f"{USER}params: {{max_tokens: true}}\n", "3:22", "must be a whole number"),  # 54
    "text": (f"{USER}params: {{max_tokens: '3'}}\n", "3:22", "write 3"),  # 55
    "point": (f"{USER}params: {{max_tokens: 1.0}}\n", "3:22", "write 1"),  # 56
    "nan": (f"{USER}params: {{temperature: .nan}}\n", "3:23", "finite"),  # 57
    "infinite": (f"{USER}params: {{temperature: .inf}}\n", "3:23", "finite"),  # 58
    "negative": (f"{USER}params: {{max_tokens: -1}}\n", "3:22", "0 or more"),  # 59
    "octal": (f"{USER}params: {{max_tokens: 010}}\n", "3:22", "write 8 or 10"),  # 60
    "huge": (f"{USER}params: {{max_tokens: {'1' * 30}}}\n", "3:22", "64 bits"),  # 61
    "digits": (f"{USER}params: {{max_tokens: {'1' * 5000}}}\n", "3:22", "must be a whole number"),  # 62
    "number": (f"{USER}1: x\n", "3:1", 'write "1"'),  # 63
    "comma": (f"{USER}params: {{temperature: 1,5}}\n", "3:25", "key 5 is not text"),  # 64
    "CON": (USER, None, "the name of a device on Windows"),  # 92
    "dot.": (USER, None, "ends in a dot"),  # 92
}
SCHEMA = "json_schema: {schema: %s}"
SUITES = {
    "nearest": ("finish_reson: stop", "4:5", 'did you mean "finish_reason"?'),  # 98
    "regex": ("matches: '(a'", "4:5", "missing ) at position"),  # 99
    "budget": ("token_budget: {prompt: -1}", "4:5", "at least 0"),  # 101
    "tool": ("tool_calls: {calls: [{name: lok}]}", "2", 'did you mean "look"?'),  # 103
    "file": (SCHEMA % "schemas/no.json", "4:5", "schemas/no.json is not there"),  # 104
    "tolerance": ("baseline: {tolerance: -1}", "4:5", "tolerance"),  # 112
    "module": ("python: broken:check", "4:5", "No module named 'nothing_like_it' (broken.py:1)"),  # 114
    "absent": ("python: nowhere:check", "4:5", "No module named 'nowhere'"),  # 114
    "type": (SCHEMA % "{type: strng}", "4:5", 'did you mean "string"?'),  # 119
    "pattern": (SCHEMA % "{pattern: '('}", "4:5", "missing ) at position"),  # 120
    "http": (SCHEMA % "{$ref: 'http://example.com/a.json'}", "4:5", "nothing is fetched"),  # 122
    "scheme": (SCHEMA % "{$ref: 'file:///etc/passwd'}", "4:5", "relative to the schema"),  # 123
    "above": (SCHEMA % "{$ref: '../../../x.json'}", "4:5", "outside the project"),  # 124
    "circle": (SCHEMA % "{$ref: '#'}", "4:5", "round in a circle"),  # 125
    "draft": (SCHEMA % "{$schema: 'http://example.com/own'}", "4:5", "is not known"),  # 126
    "schema": (SCHEMA % "[1]", "4:5", "a schema is a mapping"),  # 127
    "multiple": (SCHEMA % "{multipleOf: 0}", "4:5", "multipleOf"),  # 128
    "draft4": (SCHEMA % "{exclusiveMaximum: true}", "4:5", "draft 4"),  # 129
}
WHOLE_SUITES = {
    "target": (
        "targets: [tt]\nconversations: [ok]\nassert: [contract]\n",
        "1:11",
        'did you mean "t"?',
    ),  # 109
    "repeats": (
        "targets: [t]\nconversations: [ok]\nrepeats: -1\nassert: [contract]\n",
        "3:10",
        "1 or more",
    ),  # 110
    "both": (
        "targets: [t]\nconversations: [ok]\nassert: [{matches: a}, {not: {matches: a}}]\n",
        "2",
        "cannot both hold",
    ),  # 113
    "again": (
        "targets: [t]\nassert: [contract]\ncases: [{conversation: ok}, {conversation: ok}]\n",
        "3:44",
        "a case twice",
    ),  # 118
}
CONFIG = '[targets.t]\nprovider = "openai_compatible"\nmodel = "m"\nbase_url = "http://127.0.0.1:9/v1"\n'


def write(root, name, content):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def tree(root):
    return {path: path.stat().st_mtime_ns for path in root.rglob("*") if ".replay" not in path.parts}


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """What pytest says of a project that holds all of the faults, and the project."""
    root = tmp_path_factory.mktemp("faulty")
    for name, (content, *_) in FIXTURES.items():
        write(root, f"fixtures/conversations/a/{name}.yaml", content)
    write(
        root,
        "fixtures/conversations/ok.yaml",
        f"{USER}tools: [{{name: look, parameters: {{type: object}}}}]\n",
    )
    write(root, "fixtures/conversations/same.yaml", USER)
    write(root, "fixtures/conversations/same.yml", USER)
    write(root, "suites/all.yaml", "targets: [t]\nconversations: ['a/*', same]\nassert: [contract]\n")
    for name, (assertion, *_) in SUITES.items():
        write(root, f"suites/{name}.yaml", f"targets: [t]\nconversations: [ok]\nassert:\n  - {assertion}\n")
    for name, (content, *_) in WHOLE_SUITES.items():
        write(root, f"suites/{name}.yaml", content)
    write(root, "broken.py", "import nothing_like_it\n")
    write(root, "replay.toml", CONFIG)
    before = tree(root)
    command = [sys.executable, "-B", "-m", "pytest", "suites/", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=60)
    return done, before, root


def test_all_faults_of_all_files_are_refused_at_once_and_nothing_is_written(refused):
    done, before, root = refused
    assert done.returncode == 4
    assert "Traceback" not in done.stdout + done.stderr
    assert (
        f"ERROR: {len(FIXTURES) + len(SUITES) + len(WHOLE_SUITES) + 1} faults, nothing was run" in done.stderr
    )
    assert tree(root) == before
    assert not (root / "canary").exists()


@pytest.mark.parametrize("name", FIXTURES)
def test_a_faulty_fixture_is_named_with_its_place_and_the_mend(refused, name):
    _, where, what = FIXTURES[name]
    path = f"fixtures/conversations/a/{name}.yaml"
    start = "suites/all.yaml:2" if where is None else f"{path}:{where}" if where else path
    assert said(refused, f"{start}: error: ", what)


@pytest.mark.parametrize("name", [*SUITES, *WHOLE_SUITES])
def test_a_faulty_suite_is_named_with_its_place_and_the_mend(refused, name):
    _, where, what = (SUITES | WHOLE_SUITES)[name]
    assert said(refused, f"suites/{name}.yaml:{where}", what)


def test_one_conversation_in_two_files_names_both(refused):  # 35
    assert said(refused, "fixtures/conversations/same.yml: error: ", "as is fixtures/conversations/same.yaml")


def said(refused, start, what):
    return [line for line in refused[0].stderr.splitlines() if line.startswith(start) and what in line]
