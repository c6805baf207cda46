"""A comparison for people, without a browser: terminal, Markdown, annotations, and the page's markup."""

import io
import re
from dataclasses import replace

import pytest
import sample_comparisons
import sample_runs
from rich.console import Console

from replay.comparison import OVERALL
from replay.report import numbers
from replay.report.comparison.annotations import MOST, annotate
from replay.report.comparison.markdown import markdown
from replay.report.comparison.table import terminal
from replay.report.text import visible
from replay.stats import Interval

HIDDEN = set("\x00\x07\x1b\u202e\ud83d\U000e0041")
ALL = ("gpt-5-mini", "claude-haiku", "local-llama")
PAYLOADS = sample_runs.PAYLOADS | {
    "commands": "x\n::error::pwned\r::stop-commands::y%0A::notice::z",
    "markdown": "a|b`c\\|d\\ *x* _y_ [z](javascript:1) ![i](http://x) ~~s~~ @someone #12 <b>\n# head\n- li",
    "rich": "[red]x[/red] [link=file:///etc/passwd]y[/link] :bomb: [/]",
}


@pytest.fixture(scope="module")
def three():
    return sample_comparisons.sample(ALL)


def printed(comparison, *, colour=False):
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=colour, color_system="standard" if colour else None)
    console.print(terminal(comparison))
    return out.getvalue()


# numbers


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [
        ("percent", 0.9432, "94.3%"),
        ("percent", float("nan"), "–"),
        ("points", -0.055, "−5.5"),
        ("points", 0.0123, "+1.2"),
        ("points", -0.0001, "0.0"),
        ("points", float("nan"), "–"),
        ("factor", 0.742, "×0.74"),
        ("factor", 12.4, "×12"),
        ("factor", float("nan"), "–"),
        ("chance", 0.243, "0.24"),
        ("chance", 0.0134, "0.013"),
        ("chance", 0.00001, "<0.001"),
        ("chance", float("nan"), "–"),
    ],
)
def test_rates_differences_ratios_and_chances_read_well(form, value, text):
    assert getattr(numbers, form)(value) == text


# terminal


def test_the_terminal_tells_the_decision_then_the_table_then_why(three):
    lines = printed(three[0]).splitlines()
    assert lines[0] == "Switch to gpt-5-mini"
    assert lines[2].split() == ["assertion", "gpt-4o", "gpt-5-mini", "difference,", "points", "finding"]
    overall = three[0].versus[0].judged[0]
    assert lines[3].split()[:3] == [
        OVERALL,
        numbers.percent(overall.baseline.rate.value),
        numbers.percent(overall.candidate.rate.value),
    ]
    assert lines[3].rstrip().endswith("not worse")
    reason = three[0].versus[0].reasons[0].replace("−", "-")
    assert lines.index(reason) > 3
    assert [line for line in lines if line.startswith(("Not enough evidence", "Do not switch"))] == [
        "Not enough evidence for claude-haiku",
        "Do not switch to local-llama",
    ]


def test_what_is_needed_is_told_once_and_only_where_it_matters(three):
    text = printed(three[0])
    undecided = three[0].versus[1]
    assert text.count("to settle") == sum(one.finding == "undecided" for one in undecided.judged) > 0
    told = tuple(
        f"{one.assertion}: {one.reason}; need about 40 more conversations or 3 more repeats"
        for one in undecided.judged
    )
    repeated = replace(three[0], versus=(replace(undecided, reasons=told),))
    assert "to settle" not in printed(repeated)


def test_the_table_is_aligned_within_eighty_columns_without_colour(three):
    lines = printed(three[0]).splitlines()
    assert max(map(len, lines)) <= 80
    start = lines.index("Switch to gpt-5-mini") + 2
    table = lines[start : lines.index("", start)]
    ends = [re.search(r"\)|points", line).end() for line in table]
    assert len(set(ends)) == 1
    assert "\x1b" not in "".join(lines)
    assert "\x1b[" in printed(three[0], colour=True)


def test_long_names_of_targets_do_not_push_the_figures_out():
    comparison, _ = sample_comparisons.sample(conversations=6)
    long = "gpt-4o+prompts/a-very-long-name-of-a-variant.yaml"
    named = replace(comparison, baseline=long, versus=(replace(comparison.versus[0], candidate=long),))
    lines = printed(named).splitlines()
    assert lines[2].count("…") == 2
    assert lines[3].rstrip().endswith(comparison.versus[0].judged[0].finding)


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_the_terminal_shows_hostile_text_as_text(payload):
    comparison, _ = sample_comparisons.hostile(payload)
    for colour in (False, True):
        text = printed(comparison, colour=colour)
        plain = re.sub(r"\x1b\[[\d;]*m", "", text) if colour else text
        assert not HIDDEN & set(plain)
        assert "".join(visible(" ".join(payload.split())).split()) in "".join(plain.split())


# Markdown


def test_the_summary_has_the_verdict_the_table_and_ten_conversations(three):
    text = markdown(three[0], "https://ci.example/index.html")
    assert text.startswith("### Switch to `gpt-5-mini`\n\n- overall: ")
    assert "| assertion | `gpt-4o` | `gpt-5-mini` | difference in points | lost | won | finding |" in text
    part = text[text.index("### Do not switch") :]
    rows = re.findall(r"^\| (?:lost|won|changed) \|.*", part, re.MULTILINE)
    assert len(rows) == 10
    kinds = [row.split()[1] for row in rows]
    assert kinds == sorted(kinds, key=["lost", "won", "changed"].index)
    versus = three[0].versus[2]
    assert f"and {sum(count for kind, count in versus.changed.items() if kind != 'same') - 10} more" in part
    assert "](https://ci.example/index.html#candidate=local-llama&change=" in rows[0]
    assert "Evidence that is missing:\n\n- `overall`: about 40 more conversations or 3 more repeats" in text


def test_without_a_page_conversations_are_no_links(three):
    assert "](" not in markdown(three[0])


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_a_name_is_never_markdown(payload):
    """Outside of code, what has a meaning in Markdown or HTML is escaped; code cannot be left."""
    comparison, _ = sample_comparisons.hostile(payload)
    text = markdown(comparison)
    assert not HIDDEN & set(text)
    assert {
        line.count("|") - line.count("\\|") for line in text.splitlines() if line.startswith("| lost")
    } == {5}
    prose = re.sub(r"`[^`\n]*`|</?code>|&#?\w+;|\\[\\`*_{}\[\]|~$]", "", text)
    lines = [line for line in prose.splitlines() if not line.startswith(("|", "**"))]
    assert not [line for line in lines if re.search(r"[`*\[\]<>~\\]|(?<!^)\|", line)]
    assert not re.search(r"[@#]\w", re.sub(r"`[^`\n]*`|<code>.*?</code>|&#\d+;", "", text))
    assert sum(line.startswith("#") for line in text.splitlines()) == 1


# annotations


def test_the_verdict_comes_first_and_lost_conversations_at_their_suites(three):
    lines = list(annotate(three[0]))
    assert [line.split("::")[1] for line in lines[:3]] == [
        "notice title=Switch to gpt-5-mini",
        "warning title=Not enough evidence for claude-haiku",
        "error title=Do not switch to local-llama",
    ]
    lost = [change for versus in three[0].versus for change in versus.changes if change.kind == "lost"]
    assert len(lines) == 3 + min(len(lost), MOST) + (len(lost) > MOST)
    refused = [line for line in lines if line.startswith("::error file=")]
    assert refused[0].startswith("::error file=suites/billing.yaml,line=1,title=lost%3A billing/")
    assert re.search(r"::passed \d/3 with gpt-4o, \d/3 with local-llama: contains missing$", refused[0])


def test_at_most_ten_conversations_are_named_and_the_rest_counted():
    comparison, _ = sample_comparisons.sample(("local-llama",), conversations=120)
    lines = list(annotate(comparison))
    lost = comparison.versus[0].changed["lost"]
    assert lost > MOST
    assert len(lines) == 1 + MOST + 1
    assert lines[-1].endswith(f"::and {lost - MOST} more lost conversations; the report has them")


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_an_annotation_is_one_line_and_its_properties_end_where_they_should(payload):
    comparison, _ = sample_comparisons.hostile(payload)
    lines = list(annotate(comparison))
    assert len(lines) == 3
    for line in lines:
        assert len(line.splitlines()) == 1
        assert not HIDDEN & set(line)
        _, properties, _ = line.split("::", 2)
        assert re.fullmatch(r"(notice|warning|error) (file=[^,:]*,line=1,)?title=[^,:]*", properties)
    told = lines[0].split("::", 2)[2].replace("%0A", "\n").replace("%25", "%")
    assert visible(payload.replace("\r", "")) in told.replace("%0D", "").replace("␍", "")


# what cannot be said


def test_a_comparison_without_anything_judged_is_told():
    comparison, _ = sample_comparisons.sample(conversations=4)
    nothing = replace(
        comparison.versus[0],
        decision="undecided",
        judged=(),
        amounts=(),
        changes=(),
        changed={},
        conversations=0,
        reasons=("no conversation was judged for both",),
    )
    empty = replace(comparison, versus=(nothing,))
    assert "no conversation was judged for both" in printed(empty)
    assert "**none changed of 0 conversations**" in markdown(empty)
    assert "no conversation was judged for both" in next(annotate(empty))


def test_an_interval_that_is_not_known_is_left_out():
    comparison, _ = sample_comparisons.sample(conversations=4)
    one = replace(comparison.versus[0].judged[0], difference=Interval(float("nan"), None, None))
    unknown = replace(comparison, versus=(replace(comparison.versus[0], judged=(one,)),))
    assert "nan" not in printed(unknown) + markdown(unknown)
    assert "| – |" in markdown(unknown)
