"""The page of a comparison without a browser: what it holds, how it is drawn, and what it costs."""

import json
import re
import tracemalloc
import zlib
from base64 import b64decode, b64encode
from dataclasses import replace
from hashlib import sha256
from html import unescape

import pytest
import sample_comparisons
import sample_runs

from replay.comparison import Served
from replay.errors import BadInput
from replay.report import numbers, page, plots
from replay.report.comparison import curves, judged, pareto, served
from replay.report.comparison.render import ASSETS, render
from replay.report.render import ASSETS as RUN_ASSETS
from replay.report.text import visible
from replay.stats import Interval
from replay.turn import Target

ALL = ("gpt-5-mini", "claude-haiku", "local-llama")


@pytest.fixture(scope="module")
def three():
    return sample_comparisons.sample(ALL)


def drawn(folder, comparison, results):
    run = sample_comparisons.write(folder, comparison, results)
    render(comparison, run, folder / "index.html")
    return (folder / "index.html").read_text("utf-8")


def lines_in(html):
    packed = re.findall(r'id="block-\d+">(.*?)</script>', html)
    return [
        json.loads(line) for block in packed for line in zlib.decompress(b64decode(block), 31).splitlines()
    ]


def texts(html, pattern):
    return [unescape(re.sub(r"<[^>]*>", "", found)).strip() for found in re.findall(pattern, html, re.DOTALL)]


# what it holds


def test_the_decision_comes_first_with_its_reasons(tmp_path):
    comparison, results = sample_comparisons.sample(("local-llama",))
    html = drawn(tmp_path, comparison, results)
    assert texts(html, r"<h1.*?</h1>") == ["Do not switch to local-llama"]
    assert "<title>✗ Do not switch to local-llama · Replay</title>" in html
    assert texts(html, r'<ul class="reasons.*?</ul>')[0].startswith(comparison.versus[0].reasons[0])
    assert html.index("<h1") < html.index('class="judged"') < html.index('class="amounts"')


@pytest.mark.parametrize(
    ("decisions", "headline", "tone"),
    [
        (("undecided", "switch", "do not switch"), "Switch to claude-haiku", "passed"),
        (("switch", "switch", "undecided"), "Switch to gpt-5-mini or claude-haiku", "passed"),
        (("undecided", "do not switch", "do not switch"), "Not enough evidence to leave gpt-4o", "error"),
        (("do not switch", "do not switch", "do not switch"), "Stay with gpt-4o", "failed"),
    ],
)
def test_several_candidates_share_one_headline(tmp_path, three, decisions, headline, tone):
    pairs = zip(three[0].versus, decisions, strict=True)
    changed = replace(three[0], versus=tuple(replace(one, decision=decision) for one, decision in pairs))
    html = drawn(tmp_path, changed, three[1])
    assert texts(html, r"<h1.*?</h1>") == [headline]
    assert f'<h1 class="headline {tone}">' in html
    assert texts(html, r'<button type="button" role="tab".*?</button>') == list(ALL)


def test_each_assertion_has_its_rates_difference_table_and_finding(tmp_path):
    comparison, results = sample_comparisons.sample()
    html = drawn(tmp_path, comparison, results)
    found = comparison.versus[0].judged
    assert texts(html, r'<tbody class="[a-z ]*">\s*<tr><th scope="row">(.*?)</th>') == [
        one.assertion for one in found
    ]
    first = html[html.index('<tbody class="passed overall">') :]
    first = first[: first.index("</tbody>\n<tbody")]
    one = found[0]
    assert texts(first, r'<td class="rate".*?<b>(.*?)</b>') == [
        numbers.percent(one.baseline.rate.value),
        numbers.percent(one.candidate.rate.value),
    ]
    assert re.findall(r"<b>(\d+)</b> (both|lost|won|neither)", first) == [
        (str(count), name) for name, count in one.table._asdict().items()
    ]
    assert (
        f"{one.baseline.passed} of {one.baseline.attempts} attempts passed, 1 gave nothing to judge" in first
    )
    assert one.reason in unescape(first)
    assert html.count("<details open>") == 1


def test_only_the_cases_of_changed_conversations_are_in_the_page(tmp_path, three):
    comparison, results = three
    html = drawn(tmp_path, comparison, results)
    wanted = {
        case
        for versus in comparison.versus
        for change in versus.changes
        for case in (change.baseline_case, change.candidate_case)
    }
    held = [line["case"]["id"] for line in lines_in(html)]
    assert sorted(held) == sorted(wanted)
    assert len(held) < len(results)
    rows = re.findall(r'data-key="([^"]*)" data-before="(\d+\.\d+)" data-after="(\d+\.\d+)"', html)
    assert len(rows) == sum(len(versus.changes) for versus in comparison.versus)
    blocks = [
        zlib.decompress(b64decode(block), 31).splitlines()
        for block in re.findall(r'id="block-\d+">(.*?)</script>', html)
    ]
    for key, *places in rows:
        block, place = map(int, places[0].split("."))
        assert (
            key.partition("::")[2] == json.loads(blocks[block][place])["transcript"]["conversation"]["name"]
        )


def test_a_case_that_comes_again_replaces_the_one_before(tmp_path):
    before, after = sample_runs.tool_loop(), sample_runs.tool_loop()
    comparison, (one, other) = sample_comparisons.one_change(before, after)
    again = replace(other, cost=0.5)
    html = drawn(tmp_path, comparison, [one, other, again])
    (place,) = re.findall(r'data-after="0\.(\d+)"', html)
    assert lines_in(html)[int(place)]["cost"] == 0.5


def test_a_case_that_the_run_has_not_is_left_open(tmp_path):
    comparison, results = sample_comparisons.one_change(sample_runs.tool_loop(), sample_runs.tool_loop())
    html = drawn(tmp_path, comparison, results[:1])
    assert 'data-before="0.0" data-after=""' in html


def test_nothing_judged_and_nothing_changed_is_still_a_page(tmp_path):
    comparison, results = sample_comparisons.sample(("gpt-5-mini", "local-llama"), conversations=4)
    nothing = [
        replace(
            one,
            decision="undecided",
            judged=(),
            amounts=(),
            changes=(),
            changed={},
            conversations=0,
            reasons=(),
        )
        for one in comparison.versus
    ]
    for versus in (nothing, nothing[:1]):
        html = drawn(tmp_path, replace(comparison, versus=tuple(versus), served={}, notes=()), results)
        assert "No conversation came out differently" in html
        assert 'class="judged"' not in html
        assert "nan" not in re.sub(r"<script.*?</script>|<style.*?</style>", "", html, flags=re.DOTALL)


# files


def test_where_there_is_no_run_there_is_no_page(tmp_path):
    comparison, _ = sample_comparisons.sample(conversations=4)
    with pytest.raises(BadInput, match="there is no such run"):
        render(comparison, tmp_path, tmp_path / "index.html")
    assert list(tmp_path.iterdir()) == []


def test_a_page_is_drawn_again_to_the_same_bytes(tmp_path, three):
    assert drawn(tmp_path, *three) == drawn(tmp_path, *three)


def test_memory_and_size_do_not_grow_with_the_run(tmp_path):
    comparison, results = sample_comparisons.sample(conversations=6)

    def cost(more):
        folder = tmp_path / str(more)
        others = sample_runs.typical(more)
        sample_runs.write(folder / "run.jsonl", comparison.header, [*results, *others])
        tracemalloc.start()
        render(comparison, folder, folder / "index.html")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak, (folder / "index.html").stat().st_size, (folder / "run.jsonl").stat().st_size

    cost(10)  # caches are filled
    few, many = cost(100), cost(600)
    assert many[2] - few[2] > 2_000_000
    assert many[0] - few[0] < 400_000
    assert abs(many[1] - few[1]) < 100


# assets


def test_each_kind_of_page_has_its_own_scripts_and_the_shared_ones():
    run, comparison = page.script(RUN_ASSETS), page.script(ASSETS)
    assert "function makeList(" in run
    assert "function makeList(" not in comparison
    assert "function changeBody(" in comparison
    assert "function changeBody(" not in run
    assert all("function sideBySide(" in script for script in (run, comparison))
    assert ".judged" in page.style(ASSETS)
    assert ".judged" not in page.style(RUN_ASSETS)
    assert page.style(ASSETS).startswith("/* Colours")


def test_the_policy_allows_our_style_and_script_and_nothing_else(tmp_path, three):
    html = drawn(tmp_path, *three)
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)

    def allowed(text):
        return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"

    assert f"style-src {allowed(style)}; script-src {allowed(script)}; img-src data:;" in policy
    frame = re.sub(r'<script type="application/octet-stream".*?</script>', "", html)
    assert set(re.findall(r"https?://[^\s\"'<>]*", frame)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"url\(|@import|style=\"|<link[^>]*href=\"(?!data:)", frame)


@pytest.mark.parametrize("payload", sample_runs.PAYLOADS.values(), ids=sample_runs.PAYLOADS)
def test_hostile_text_is_nowhere_in_the_markup(tmp_path, payload):
    comparison, results = sample_comparisons.hostile(payload)
    html = drawn(tmp_path, comparison, results)
    own = drawn(
        tmp_path / "own", *sample_comparisons.one_change(sample_runs.tool_loop(), sample_runs.tool_loop())
    )
    for tag in ("script", "style", "img", "meta", "link", "iframe", "article"):
        assert html.count(f"<{tag}") == own.count(f"<{tag}"), tag
    assert not set("\x00\x1b\u202e\u200b") & set(html)
    assert str(page.fill("{{ text }}", text=payload)) in html
    assert visible(payload) in unescape(html)


# drawings


def test_an_interval_is_drawn_to_scale():
    comparison, _ = sample_comparisons.sample(conversations=4)
    one = replace(
        comparison.versus[0].judged[0],
        difference=Interval(-0.1, -0.2, 0.0),
        margin=0.05,
        noise=0.02,
        finding="worse",
    )
    versus = replace(comparison.versus[0], judged=(one,))
    html = str(judged.html(comparison, versus))
    plot = html[html.index('<svg class="interval"') :]

    def place(pattern):
        return float(re.search(pattern, plot)[1])

    zero, margin, value = (
        place(r'"zero" x1="([\d.]+)'),
        place(r'"margin" x1="([\d.]+)'),
        place(r'cx="([\d.]+)'),
    )
    low, high = re.search(r'd="M([\d.]+) 15H([\d.]+)M', plot).groups()
    assert zero == float(high)
    assert zero - value == pytest.approx(value - float(low), abs=0.2)
    assert zero - value == pytest.approx(2 * (zero - margin), abs=0.2)
    assert place(r'"noise" x="[\d.]+" width="([\d.]+)') == pytest.approx(0.4 * (zero - value), abs=0.3)
    assert 'aria-label="−10.0 (−20.0 to 0.0) points, margin −5.0"' in plot


def test_an_unknown_difference_draws_no_interval():
    comparison, _ = sample_comparisons.sample(conversations=4)
    one = replace(comparison.versus[0].judged[0], difference=Interval(float("nan"), None, None), noise=None)
    html = str(judged.html(comparison, replace(comparison.versus[0], judged=(one,))))
    assert 'class="value"' not in html
    assert 'class="reach"' not in html
    assert "noise floor" not in html
    assert "nan" not in html


def test_curves_are_for_repeats_only():
    (versus,) = sample_comparisons.sample(conversations=6)[0].versus
    html = str(curves.html("gpt-4o", "gpt-5-mini", versus.judged[0]))
    assert html.count("<polyline") == 4
    assert "gpt-4o, of k attempts, 1:" in html
    (versus,) = sample_comparisons.sample(conversations=6, repeats=1)[0].versus
    assert curves.html("gpt-4o", "gpt-5-mini", versus.judged[0]) == ""


def test_histograms_share_a_scale_and_nothing_has_a_bin_of_its_own(tmp_path):
    comparison, results = sample_comparisons.sample(conversations=12)
    (versus,) = comparison.versus
    cost = versus.amounts[2]
    free = replace(cost.candidate, histogram=((0.0, 30), *cost.candidate.histogram[-1:]), count=31)
    amounts = (replace(cost, candidate=free), replace(versus.amounts[3], candidate=None))
    html = drawn(tmp_path, replace(comparison, versus=(replace(versus, amounts=amounts),)), results)
    first, second = re.findall(r'<figure class="amount">.*?</figure>', html, re.DOTALL)
    bars = re.findall(r'class="bar (\w+)" x="([\d.]+)" y="[\d.]+" width="([\d.]+)" height="([\d.]+)"', first)
    assert next(x for side, x, *_ in bars if side == "candidate") == "0.0"
    assert max(float(height) for *_, height in bars) == 44
    assert "$0.00 to " in first
    assert 'class="bar candidate"' not in second
    assert second.count("<tr") == 2


def test_ticks_are_round_and_labels_keep_apart():
    assert plots.ticks(0, 1) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert plots.ticks(-0.13, 0.07, 6) == pytest.approx([-0.1, -0.05, 0, 0.05])
    assert plots.ticks(3, 3) == [3]
    assert len(plots.ticks(0, 0.00078)) <= 6
    assert plots.spread_out([50, 10, 12], 10) == [50, 10, 20]
    scale = plots.Scale(0, 10, 100, 200)
    assert [scale(value) for value in (-5, 0, 5, 10, 50)] == [100, 100, 150, 200, 200]
    assert plots.Scale(1, 1, 0, 10)(1) == 5


def test_a_target_is_dominated_where_another_is_nowhere_worse():
    three, _ = sample_comparisons.sample(ALL)
    points = {point.target: point for point in pareto.points(three)}
    assert points["gpt-4o"].beaten == ("gpt-5-mini",)
    assert points["local-llama"].beaten == ()  # it is the cheapest
    html = str(pareto.html(list(points.values())))
    assert html.count("<circle") == 4
    assert html.count("dominated</tspan>") == 1
    assert 'class="baseline beaten"' in html


def test_without_prices_the_picture_has_tokens_and_without_those_it_is_left_out():
    three, _ = sample_comparisons.sample(ALL)

    def without(*names):
        kept = [replace(v, amounts=tuple(a for a in v.amounts if a.name not in names)) for v in three.versus]
        return str(pareto.html(pareto.points(replace(three, versus=tuple(kept)))))

    assert "Cost per attempt" in without()
    assert "Completion tokens per attempt" in without("cost")
    assert without("cost", "completion_tokens") == ""


@pytest.mark.parametrize(
    ("models", "marks", "told"),
    [
        ({"gpt-4o-2024-08-06": 3}, {"a": 3}, []),
        ({"gpt-4o-mini": 3}, {}, ["asked for gpt-4o, also answered: gpt-4o-mini"]),
        ({"gpt-4o": 2, "o3": 1}, {}, ["asked for gpt-4o, also answered: o3", "2 models answered"]),
        ({"gpt-4o": 2}, {"a": 1, "b": 1}, ["2 fingerprints"]),
        ({}, {}, []),
    ],
)
def test_another_model_than_the_one_asked_for_is_remarked(models, marks, told):
    assert list(served.remarks(Served(models, marks), Target("x", "openai", "gpt-4o"))) == told
