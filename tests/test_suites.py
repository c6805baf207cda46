"""Suites: which entries a file makes, how cases go on top of it, and what is refused and where."""

# ruff: noqa: E501 - a row of a table is a line

import json
from dataclasses import dataclass, field
from types import SimpleNamespace

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replay import assertions, documents, faults, providers, schemas, suites
from replay.config import Project
from replay.errors import BadInput, NothingToRun
from replay.fixtures import _find
from replay.suites import _reader
from replay.turn import Target
from replay.verdict import Verdict


class Toy:
    def __call__(self, transcript):
        return Verdict(type(self).__name__.lower(), "passed")


@dataclass(frozen=True)
class Contract(Toy):
    allow: list = field(default_factory=list)


@dataclass(frozen=True)
class Stops(Toy):
    reasons: str | list

    def contradicts(self, other):
        return isinstance(other, Stops) and self.reasons != other.reasons


@dataclass(frozen=True)
class Budget(Toy):
    prompt: int | None = None
    completion: int | None = None

    def __post_init__(self):
        if self.prompt is not None and self.prompt < 0:
            raise ValueError('"prompt" must not be negative')


@dataclass(frozen=True)
class Fits(Toy):
    schema: str
    found: str = ""

    def bind(self, project):
        path = project.root / self.schema
        if not path.exists():
            raise ValueError(f"no file {self.schema}; make it")
        return Fits(self.schema, documents.read(path, self.schema).data)


@dataclass(frozen=True)
class Stall:
    after: float = 1.0

    def __call__(self, transport):
        return transport


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name, plugin in {
        "contract": Contract,
        "stops": Stops,
        "budget": Budget,
        "fits": Fits,
        "not": Stops,
    }.items():
        monkeypatch.setitem(assertions.registry._registered, name, plugin)
    monkeypatch.setitem(faults.registry._registered, "stall", Stall)
    monkeypatch.setitem(providers.registry._registered, "toy", SimpleNamespace())
    for name in ("support/refund", "support/late", "support/deep/one", "sales/hello"):
        path = tmp_path / "fixtures" / "conversations" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("messages: [{role: user, content: Hi}]\n")
    targets = {name: Target(name, "toy", name) for name in ("small", "large")}
    return Project(tmp_path, targets | {"broken": Target("broken", "toyy", "m")})


def put(project, text, name="s.yaml"):
    path = project.suites / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def load(project, text):
    return suites.load(put(project, text), project)


def refusal(project, text, kind=BadInput):
    with pytest.raises(kind) as caught:
        load(project, text)
    return str(caught.value)


def test_a_suite_has_one_entry_for_each_conversation(project):
    suite = load(
        project,
        """
# yaml-language-server: $schema=../fixtures/.schemas/suite.json
name: Support
description: What must not break.
targets: [small, large]
conversations:
  - support/*
  - support/refund
  - sales/hello
assert:
  - stops: [stop, tool_calls]
  - budget: {prompt: 900, completion: 200}
repeats: 2
tags: [nightly]
ignore: [user]
faults: [stall]
""",
    )
    assert (suite.name, suite.description, suite.path) == (
        "Support",
        "What must not break.",
        project.suites / "s.yaml",
    )
    assert [(entry.conversation, entry.line) for entry in suite.entries] == [
        ("support/late", 7),
        ("support/refund", 7),
        ("sales/hello", 9),
    ]
    for entry in suite.entries:
        assert entry.targets == ("small", "large")
        assert entry.assertions == (Contract(), Stops(["stop", "tool_calls"]), Budget(900, 200))
        assert (entry.play, entry.repeats, entry.tags, entry.ignore) == (
            "next_turn",
            2,
            ("nightly",),
            ("user",),
        )
        assert entry.faults == (Stall(1.0),)


def test_a_case_goes_on_top_of_its_suite(project):
    suite = load(
        project,
        """
targets: [small]
conversations: [support/**]
assert: [{stops: stop}, {budget: {prompt: 1}}]
repeats: 2
tags: [a]
ignore: [user]
cases:
  - conversation: support/refund
    play: to_completion
    targets: [large]
    repeats: 3
    tags: [b, a]
    ignore: [seed]
    faults: [{stall: 2}, {stall: {after: 3}}]
    assert:
      - stops: length
      - budget
  - conversation: sales/hello
""",
    )
    found = {entry.conversation: entry for entry in suite.entries}
    assert list(found) == ["support/deep/one", "support/late", "support/refund", "sales/hello"]
    refund, late, hello = found["support/refund"], found["support/late"], found["sales/hello"]
    assert refund.assertions == (Contract(), Stops("length"), Budget())
    assert (refund.targets, refund.play, refund.repeats) == (("large",), "to_completion", 3)
    assert (refund.tags, refund.ignore, refund.line) == (("a", "b"), ("user", "seed"), 9)
    assert refund.faults == (Stall(2), Stall(3))
    assert late.assertions == hello.assertions == (Contract(), Stops("stop"), Budget(1))
    assert (late.line, hello.line) == (3, 19)
    assert suite.name == "s"


def test_a_case_may_name_many_conversations_by_a_glob(project):
    suite = load(
        project,
        """
targets: [small]
cases:
  - {conversation: support/*, tags: [all], assert: [{stops: stop}]}
  - {conversation: support/late, tags: [late], assert: [budget]}
""",
    )
    assert [(entry.conversation, entry.tags) for entry in suite.entries] == [
        ("support/late", ("all", "late")),
        ("support/refund", ("all",)),
    ]
    assert suite.entries[0].assertions == (Contract(), Stops("stop"), Budget())


@pytest.mark.parametrize(
    ("margin", "meant"),
    [
        ("", {}),
        ("margin: 0.02", {"overall": 0.02}),
        ("margin: {overall: 0.02, tool_calls: 0.1}", {"overall": 0.02, "tool_calls": 0.1}),
    ],
)
def test_a_suite_says_how_much_worse_a_candidate_may_be(project, margin, meant):
    assert load(project, BASE + f"assert: [budget]\n{margin}").margins == meant


@pytest.mark.parametrize(
    ("margin", "said"),
    [
        ("2", "s.yaml:4:9: error: margin must be"),
        ("nothing", "margin"),
        ("{tool_call: 0.1}", 'no assertion is called "tool_call"; did you mean "tool_calls"?'),
        ("[0.1]", "margin"),
    ],
)
def test_a_margin_that_is_none_is_refused_with_its_place(project, margin, said):
    assert said in refusal(project, BASE + f"assert: [budget]\nmargin: {margin}")


@pytest.mark.parametrize(
    ("asserted", "meant"),
    [
        ("", (Contract(),)),
        ("assert: []", (Contract(),)),
        ("assert: [budget]", (Contract(), Budget())),
        ("assert: [budget, contract]", (Budget(), Contract())),
        ("assert: [{contract: {allow: [length]}}]", (Contract(["length"]),)),
        ("assert: [{contract: off}, budget]", (Budget(),)),
        ("assert: [{contract: false}, budget]", (Budget(),)),
        ("assert: [{stops: off}]", (Contract(), Stops("off"))),
        ("assert: [{stops: 010}, {not: {reasons: no}}]", (Contract(), Stops("010"), Stops("no"))),
    ],
)
def test_contract_is_always_there_unless_switched_off_by_name(project, asserted, meant):
    both = f"targets: [small]\nconversations: [sales/*]\n{asserted}"
    if len(meant) == 3:
        with pytest.raises(BadInput, match="cannot both hold"):
            load(project, both)
    else:
        assert load(project, both).entries[0].assertions == meant


def test_a_case_may_switch_contract_off_and_a_suite_too(project):
    text = "targets: [small]\nassert: [{%s}]\ncases: [{conversation: sales/hello, assert: [{%s}]}]"
    assert load(project, text % ("stops: a", "contract: off")).entries[0].assertions == (Stops("a"),)
    assert load(project, text % ("contract: off", "stops: a")).entries[0].assertions == (Stops("a"),)
    assert "nothing is asserted" in refusal(project, text % ("contract: off", "contract: off"))


def test_an_assertion_reads_the_project_when_it_is_bound(project):
    (project.root / "a.json").write_text('{"type": "object"}')
    suite = load(project, "targets: [small]\nconversations: [sales/*]\nassert: [{fits: a.json}]")
    assert suite.entries[0].assertions[1] == Fits("a.json", {"type": "object"})


BASE = "targets: [small]\nconversations: [sales/*]\n"
CASE = "targets: [small]\ncases: [{conversation: sales/hello, assert: [budget], "


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BASE + "assert:\n  - stopps: x", 's.yaml:4:5: error: no assertion is called "stopps"; did you mean "stops"?'),  # 98
        (BASE + "assert:\n  - stopps", 's.yaml:4:5: error: no assertion is called "stopps"'),
        (BASE + "assert: [{budget: {promt: 1}}]", 's.yaml:3:20: error: budget has no argument "promt"; did you mean "prompt"?'),
        (BASE + "assert: [{budget: {completion: 1, prompt: -1}}]", 's.yaml:3:35: error: budget: "prompt" must not be negative'),  # 101
        (BASE + "assert: [stops]", "s.yaml:3:10: error: stops: missing 1 required positional argument"),
        (BASE + "assert: [{stops: a, budget: 1}]", "s.yaml:3:10: error: expected one name in each item, not 2 (stops, budget)"),
        (BASE + "assert: [[stops]]", "s.yaml:3:10: error: expected a name, or a name with its arguments"),
        (BASE + "assert: {stops: a}", "s.yaml:3:9: error: assert must be a list of names"),
        (BASE + "assert: [{fits: none.json}]", "s.yaml:3:11: error: fits: no file none.json; make it"),  # 104
        (BASE + "assert: [{fits: bad.json}]", "bad.json:1:5: error: a \":\" where no key can stand"),
        (BASE + "assert: [{stops: a}, {stops: b}]", "s.yaml:2:17: error: stops and stops cannot both hold here"),  # 113
        (BASE + "faults: [stal]", 's.yaml:3:10: error: no fault is called "stal"; did you mean "stall"?'),
        (BASE + "faults: [{stall: {x: 1}}]", 's.yaml:3:19: error: stall has no argument "x"; use one of after'),
        (BASE + "play: once", 's.yaml:3:7: error: play "once" is not known; use one of next_turn'),
        (BASE + "play: every-turn", 'did you mean "every_turn"?'),
        (CASE + "turns: [1]}]", "s.yaml:2:62: error: turns are chosen of `play: every_turn` only; add it"),
        (CASE + "play: every_turn, turns: [0]}]", "s.yaml:2:81: error: a turn must be 1 or more, not 0"),
        (CASE + "play: every_turn, turns: []}]", "s.yaml:2:80: error: turns is empty; list the turns to play"),
        (CASE + "play: every_turn, turns: 2}]", "s.yaml:2:80: error: turns must be a list of numbers of turns"),
        (BASE + "turns: [1]", 's.yaml:3:1: error: a suite has no "turns"'),
        (BASE + "repeats: 0", "s.yaml:3:10: error: repeats must be 1 or more, not 0"),
        (BASE + "repeats: 1.0", "repeats must be a whole number; write 1"),
        (BASE + "repeats: 010", "repeats must be a whole number, not \"010\"; write 8 or 10"),
        (BASE + "tags: a", "s.yaml:3:7: error: tags must be a list of text"),
        (BASE + "tags: [{a: 1}]", "s.yaml:3:8: error: this must be text, not a mapping"),
        (BASE + "asert: []", 's.yaml:3:1: error: a suite has no "asert"; did you mean "assert"?'),
        (BASE + "tags: [a]\ntags: [b]", 's.yaml:4:1: error: key "tags" is given twice, here and on line 3'),
        ("- a", "s.yaml:1:1: error: expected a suite (conversations, targets, assert), a mapping, not a list"),
        ("targets: [smal]\nconversations: [sales/*]", 's.yaml:1:11: error: target "smal" is not configured; did you mean "small"?'),  # 109
        ("targets: [broken]\nconversations: [sales/*]", 's.yaml:1:11: error: no provider is called "toyy"; did you mean "toy"?'),
        ("targets: small\nconversations: [sales/*]", "s.yaml:1:10: error: targets must be a list of text, not text"),
        ("conversations: [sales/*]", "s.yaml:1:17: error: no target to play against; add `targets`"),
        ("targets: []\nconversations: [sales/*]", "s.yaml:2:17: error: no target to play against"),
        ("targets: [small]\nconversations: [sales/helo]", 's.yaml:2:17: error: no conversation is called "sales/helo"; did you mean "sales/hello"?'),
        ("targets: [small]\nconversations: [../x]", 's.yaml:2:17: error: no conversation is called "../x"'),
        ("targets: [small]\ncases: [{tags: [a]}]", "s.yaml:2:9: error: a case needs a conversation"),
        ("targets: [small]\ncases: [sales/hello]", "s.yaml:2:9: error: expected a case, a mapping, not text"),
        ("targets: [small]\ncases: [{conversation: sales/hello, name: x}]", 's.yaml:2:37: error: a case has no "name"'),
        (  # 118
            "targets: [small]\ncases:\n  - conversation: sales/hello\n  - conversation: sales/hello\n",
            's.yaml:4:19: error: "sales/hello" is a case twice, here and on line 3; put them together',
        ),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_its_place(project, text, said):
    (project.root / "bad.json").write_text("a: b: c")
    assert said in refusal(project, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("targets: [small]\nconversations: [none/*]", 's.yaml:2:17: error: "none/*" names no conversation in fix'),  # 106
        ("targets: [small]\nconversations: [sales/*, none/**]", '"none/**" names no conversation'),
        ("targets: [small]\ncases: [{conversation: none/*}]", 's.yaml:2:24: error: "none/*" names no conversation'),
        ("targets: [small]", "s.yaml:1:1: error: the suite names no conversation; list some"),  # 107
        ("targets: [small]\nconversations: []\ncases: []", "the suite names no conversation"),
    ],
)  # fmt: skip
def test_a_suite_that_names_no_conversation_is_nothing_to_run(project, text, said):
    assert said in refusal(project, text, NothingToRun)


def test_an_empty_file_is_refused(project):
    assert refusal(project, "") == "suites/s.yaml: error: is empty"


def test_a_glob_that_names_nothing_does_not_hide_what_is_wrong(project):
    text = "targets: [smal]\nconversations: [none/*]"
    assert "did you mean" in refusal(project, text)


def test_one_complaint_is_made_once_for_a_glob_of_many(project):
    said = refusal(project, "conversations: [support/**]\nassert: [{stops: a}, {stops: b}]")
    assert len(said.splitlines()) == 2


def test_all_faults_of_all_suites_are_reported_at_once(project):
    paths = [
        put(project, BASE + "repeats: 0\nplay: x", "a.yaml"),
        put(project, BASE, "good.yaml"),
        put(project, "targets: [small]\nconversations: [none/*]", "nothing.yaml"),
        put(project, "x: [\n", "b/c.yaml"),
    ]
    with pytest.raises(BadInput) as caught:
        suites.load_all(paths, project)
    assert [(fault.path, fault.line) for fault in caught.value.faults] == [
        ("suites/a.yaml", 3),
        ("suites/a.yaml", 4),
        ("suites/b/c.yaml", 2),
    ]
    with pytest.raises(NothingToRun, match=r"nothing\.yaml:2:17"):
        suites.load_all(paths[1:3], project)
    assert [suite.name for suite in suites.load_all([paths[1]], project)] == ["good"]


def test_ten_thousand_cases_do_not_take_ten_thousand_walks(project, monkeypatch):
    walks = []
    walk = _find._walk
    monkeypatch.setattr(_find, "_walk", lambda *args: walks.append(args) or walk(*args))
    folder = project.conversations / "many"
    folder.mkdir()
    for number in range(300):
        (folder / f"{number}.yaml").write_text("messages: [{role: user, content: Hi}]\n")
    cases = "".join(f"  - conversation: many/{number}\n" for number in range(300))
    assert len(load(project, f"targets: [small]\ncases:\n{cases}").entries) == 300
    assert refusal(project, f"targets: [small]\ncases:\n{cases.replace('many', 'mny')}")
    assert len(walks) == 1


names = st.sampled_from([*suites._reader.SUITE, "conversation", "stops", "budget", "x"])
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["small", "sales/*", "stops", "off", "", "\ud83d"]),
    lambda some: st.lists(some, max_size=3) | st.dictionaries(names, some, max_size=3),
    max_leaves=12,
)


@settings(max_examples=300)
@given(st.dictionaries(names, values, max_size=5))
def test_a_suite_of_any_shape_loads_or_is_refused(project, data):
    try:
        assert load(project, json.dumps(data)).entries
    except (BadInput, NothingToRun) as problem:
        refused = str(problem)
    else:
        return
    assert "s.yaml" in refused


def test_the_published_schema_agrees_with_the_code(project):
    schema = schemas.schema("suite")
    jsonschema.Draft202012Validator.check_schema(schema)
    case = schema["properties"]["cases"]["items"]
    assert set(schema["properties"]) == set(_reader.SUITE)
    assert set(case["properties"]) == set(_reader.CASE)
    assert tuple(schema["$defs"]["play"]["enum"]) == _reader.PLAYS
    assert schema["$defs"]["repeats"]["maximum"] == _reader.MAX_REPEATS
    validator = jsonschema.Draft202012Validator(schema)
    good = (
        BASE + "assert: [budget, {stops: 010}, {contract: off}]\nrepeats: 2\nfaults: [{stall: 1}]",
        "targets: [small]\ncases: [{conversation: sales/hello, play: every_turn, tags: [1.0], turns: [1]}]",
    )
    for text in good:
        load(project, text)
        data = documents.parse(text).data
        assert [error.message for error in validator.iter_errors(data)] == []
    for text in (BASE + "repeats: 0", BASE + "asert: []", BASE + "assert: [{a: 1, b: 2}]", "cases: [{}]"):
        assert not validator.is_valid(documents.parse(text).data)


def test_the_published_schema_names_every_assertion_that_comes_with_replay():
    described = schemas.schema("suite")["$defs"]["assert"]["items"]["anyOf"][1]["properties"]
    assert set(assertions.registry.names()) <= set(described)
