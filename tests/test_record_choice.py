"""--where and --sample: which conversations of a log are written, and what is said of the others."""

import gzip
import itertools
import json

import pytest
from recording import LIMIT, SYSTEM, answers, asks, chat, entry, files, recorded, user, write

from replay.errors import BadInput
from replay.record import record
from replay.record._features import form, language

CALL = {"id": "call_1", "type": "function", "function": {"name": "refund", "arguments": "{}"}}
LOG = [
    entry(
        asks(user("Where is it?"), model="gpt-4o"), answers("Here.", "a"), recorded_at="2026-03-01T12:00:00Z"
    ),
    entry(
        asks(user("Refund me!")),
        answers(None, "b", "tool_calls", tool_calls=[CALL]),
        recorded_at="2026-02-01",
    ),
    entry(asks(user("Tell me all.")), answers("Well", "c", "length", (20, 5000))),
    entry(asks(user("Again?")), LIMIT, 429),
    *chat(("One?", "Uno."), ("Two?", "Dos."), name="d"),
]
WHERE = {
    "model=gpt-4o": [0],
    "model=gpt-4*": [0, 1, 2, 3, 4, 5],
    "model!=gpt-4o": [1, 2, 3, 4, 5],
    "status>=400": [3],
    "status=200": [0, 1, 2, 4, 5],
    "error=rate_limit": [3],
    "time>=2026-03-01": [0],
    "time < 2026-02-15T00:00:00+01:00": [1],
    "finish_reason=length": [2],
    "tool=refund": [1],
    "tool!=*": [0, 2, 3, 4, 5],
    "tokens<5000": [0, 1, 4, 5],
    "tokens>=5000": [2],
    "messages>3": [4, 5],  # the whole conversation, for one of its exchanges
    "text=REFUND": [1],
    "text~[Rr]efund|Dos": [1, 4, 5],
    "provider=openai": [0, 1, 2, 3, 4, 5],
}


@pytest.mark.parametrize("condition", WHERE)
def test_a_condition_chooses_conversations(condition, tmp_path):
    outcome, _ = recorded(tmp_path / "p", *LOG, where=[condition])
    assert [number for number, one in enumerate(outcome.outcomes) if one.imported] == WHERE[condition]
    assert {one.skipped for one in outcome.outcomes} <= {"", "left out by --where"}


def test_conditions_have_to_hold_all_of_one_exchange(tmp_path):
    outcome, _ = recorded(tmp_path / "p", *LOG, where=["model=gpt-4o-mini", "tokens<100", "text=dos"])
    assert [one.imported for one in outcome.outcomes] == [False] * 4 + [True] * 2
    assert "2 imported into suite shop, 0 refused, 4 left out by --where" in outcome.text


FAULTS = {
    "modle=x": '--where "modle=x": error: character 1: no field is called "modle"; did you mean "model"?',
    "  toool=x": 'character 3: no field is called "toool"; did you mean "tool"?',
    "status>=abc": 'character 9: status is compared with a number, not "abc"',
    "time>yesterday": "character 6: time is compared with a date (2026-03-01 or 2026-03-01T10:00:00Z)",
    "model>x": "character 6: model has no order; use =, != or ~",
    "status~4": "character 7: status is a number; use = != < <= > >=",
    "text~a(b": "character 7: no regular expression: missing ), unterminated subpattern",
    "model=": "character 7: expected a value",
    "gpt-4o": "character 1: expected a field, one of = != < <= > >= ~, and a value: model=gpt-4*",
}


@pytest.mark.parametrize("condition", FAULTS)
def test_a_condition_that_cannot_be_read_is_named_with_its_place(condition, tmp_path):
    with pytest.raises(BadInput) as refused:
        recorded(tmp_path / "p", *LOG, where=[condition])
    assert FAULTS[condition] in str(refused.value)
    assert not (tmp_path / "p" / "fixtures").exists()


def test_all_conditions_that_cannot_be_read_are_named_at_once(sandbox):
    write(sandbox.root / "app.jsonl", LOG)
    result = sandbox.replay(
        "record", "app.jsonl", "--suite", "s", "--where", "modle=x", "--where", "status>=abc"
    )
    assert result.ret == 4
    assert len(result.stderr.lines) == 2


# -- samples -------------------------------------------------------------------------------------------------


def many():
    """200 calls of which most are alike, and a few that are not."""
    log = [
        entry(asks(SYSTEM, user(f"Is number {n} in stock?")), answers(f"Yes, {n}.", f"n{n}"))
        for n in range(180)
    ]
    log += [entry(asks(SYSTEM, user("Roll.")), answers(str(n), f"r{n}")) for n in range(10)]
    rare = [
        entry(asks(user("Refund me!")), answers(None, "b", "tool_calls", tool_calls=[CALL])),
        entry(asks(user("Tell me all.")), answers("Well", "c", "length", (20, 5000))),
        entry(asks(user("Again?")), LIMIT, 429),
        entry(asks(user("Wo ist das Paket und was ist mit dem Geld?"), model="gpt-5"), answers("Da.", "e")),
        entry(asks(user("在庫はありますか")), answers("はい", "f")),
        entry(asks(user("JSON."), response_format={"type": "json_object"}), answers('{"a": 1}', "g")),
        *chat(*((f"{n}?", f"{n}!") for n in range(5)), name="h"),
    ]
    return [*log[:90], *rare, *log[90:]]


def test_a_sample_covers_what_occurs(tmp_path):
    outcome, _ = recorded(tmp_path / "p", *many(), sample=9)
    coverage = outcome.sample.to_json()
    assert (coverage["kept"], coverage["of"]) == (9, 197)
    assert all(kind["values"] == kind["of"] for kind in coverage["covered"].values()), coverage
    assert coverage["left_out"] == {}
    assert {"tool", "finish_reason", "error", "messages", "language", "system", "model"} <= coverage[
        "covered"
    ].keys()
    assert "sample: 9 of 197 conversations, covers" in outcome.text
    assert f"{len(many()) - outcome.imported} left out by --sample" in outcome.text


def test_what_a_small_sample_leaves_out_is_counted(tmp_path):
    outcome, _ = recorded(tmp_path / "p", *many(), sample=2)
    coverage = outcome.sample.to_json()
    missing = sum(len(values) for values in coverage["left_out"].values())
    assert missing == sum(kind["of"] - kind["values"] for kind in coverage["covered"].values()) > 0
    assert all(count >= 1 for values in coverage["left_out"].values() for count in values.values())
    assert "left out:" in outcome.text


def test_repeats_of_one_task_are_thinned(tmp_path):
    outcome, _ = recorded(tmp_path / "p", *many(), sample=30)
    rolled = [one for one in outcome.outcomes if one.imported and "/roll-" in one.conversation]
    assert len(rolled) <= 3


def test_a_sample_is_the_same_for_the_same_logs_in_any_order_and_another_for_another_seed(tmp_path):
    def sampled(name, log, **options):
        outcome, _ = recorded(tmp_path / name, *log, sample=20, **options)
        return {one.conversation for one in outcome.outcomes if one.imported}

    one = sampled("one", many())
    assert one == sampled("other", many())
    assert one == sampled("turned", many()[::-1])
    assert one != sampled("seeded", many(), seed=1)


def test_a_sample_larger_than_the_log_is_the_log(tmp_path):
    outcome, _ = recorded(tmp_path / "p", *LOG, sample=100)
    assert outcome.imported == len(LOG)
    with pytest.raises(BadInput, match="--sample must be 1 or more, not 0"):
        recorded(tmp_path / "q", *LOG, sample=0)


def test_a_sample_is_drawn_from_what_the_filters_leave(tmp_path):
    outcome, _ = recorded(tmp_path / "p", *many(), sample=5, where=["text=in stock"])
    assert outcome.sample.total == 180
    assert all("is-number" in one.conversation for one in outcome.outcomes if one.imported)


def test_a_sample_again_adds_nothing_and_a_larger_one_only_adds(tmp_path):
    _, project = recorded(tmp_path / "p", *many(), sample=5)
    before = files(project.root)
    recorded(tmp_path / "p", *many(), sample=5)
    assert files(project.root) == before
    recorded(tmp_path / "p", *many(), sample=12)
    after = files(project.root)
    assert all(after[name].startswith(data) for name, data in before.items())


def test_no_secret_is_in_what_is_said_of_a_sample(tmp_path):
    secret = "sk-proj-" + "Zq7" * 16
    system = {"role": "system", "content": f"Key {secret}"}
    log = [entry(asks(system, user("Hi")), answers("Hi", "a")), entry(asks(user("Ho")), answers("Ho", "b"))]
    outcome, project = recorded(tmp_path / "p", *log, sample=1)
    assert secret not in json.dumps(outcome.to_json()) + outcome.text
    assert secret.encode() not in b"".join(files(project.root).values())


def test_a_compressed_log_is_read_as_any_other(tmp_path):
    path = tmp_path / "app.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(item) + "\n" for item in LOG).encode()))
    assert record([path], tmp_path / "p", "shop").imported == len(LOG)


LANGUAGES = {
    "Where is the parcel and what is it for?": "en",
    "Wo ist das Paket und was ist mit dem Geld?": "de",
    "Où est le colis et pour quand est-ce que vous livrez les autres ?": "fr",
    "¿Dónde está el paquete y para qué es la caja?": "es",
    "Где посылка?": "cyrillic",
    "在庫はありますか": "cjk",
    "12 + 3": "",
    "Xyzzy plugh": "latin",
}
FORMS = {
    "Hello": "line",
    "Hello\nyou": "lines",
    '{"a": 1}': "json",
    "{not json}": "line",
    "# Title\n- one": "markdown",
    "See [this](http://x.example)": "markdown",
    "```python\nx\n```": "code",
    "": "",
}


@pytest.mark.parametrize(("text", "name"), [*LANGUAGES.items()])
def test_languages(text, name):
    assert language(text) == name


@pytest.mark.parametrize(("text", "name"), [*FORMS.items()])
def test_forms(text, name):
    assert form(text) == name


def test_memory_of_a_sample_does_not_grow_with_its_classes(monkeypatch, tmp_path):
    """However many values there are: the commonest count, and the others are one."""
    monkeypatch.setattr("replay.record._sample.MOST_VALUES", 3)
    monkeypatch.setattr("replay.record._sample.MOST_CLASSES", 5)
    monkeypatch.setattr("replay.record._sample._BATCH", 2)
    systems = ({"role": "system", "content": f"You are agent {word}."} for word in itertools.count())
    log = [
        entry(asks(next(systems) | {"content": f"You are {'x' * n}."}, user("Hi")), answers("Hi", str(n)))
        for n in range(30)
    ]
    outcome, _ = recorded(tmp_path / "p", *log, sample=4)
    system = outcome.sample.to_json()["covered"]["system"]
    assert system["of"] == 4
    assert outcome.tally.conversations == 4
