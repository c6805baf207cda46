"""The report without a browser: runs are read and joined; pages are whole, small and inert."""

import errno
import json
import os
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
import sample_runs
from markupsafe import Markup

from replay import runs
from replay.errors import BadInput, StorageError
from replay.report import numbers, page, render
from replay.report.sections import registry
from replay.report.summary import Collector, anchor, command
from replay.report.text import visible
from replay.run import Result

REPORT = Path(page.HERE)


def drawn(path, results=None, header=None):
    sample_runs.write(
        path / "run.jsonl",
        sample_runs.HEADER if header is None else header,
        sample_runs.showcase(4) if results is None else results,
    )
    render.render(path, path / "index.html")
    return (path / "index.html").read_text("utf-8")


def summed(results, header=None):
    collector = Collector()
    for result in results:
        collector.add(json.loads(json.dumps(result.to_json())))
    return collector.summary("run", header or {})


# reading


def test_a_run_is_read_back_as_it_was_written(tmp_path):
    written = list(sample_runs.showcase(3))
    header, results, faults = runs.read(
        sample_runs.write(tmp_path / "run.jsonl", sample_runs.HEADER, written)
    )
    assert header == {"replay": 1} | sample_runs.HEADER
    assert [Result.from_json(data) for data in results] == written
    assert not faults


def test_a_cut_last_line_is_named_and_the_rest_is_read(tmp_path):
    path = sample_runs.write(tmp_path / "run.jsonl", {}, sample_runs.showcase(0))
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    _, results, faults = runs.read(tmp_path)
    assert len(list(results)) == whole.count(b"\n") - 2
    cut = len(whole.splitlines()[-1]) - 99
    assert [str(fault) for fault in faults] == [
        (
            f"{path}:{len(whole.splitlines())}: error: the last line is cut after {cut} bytes; "
            "its case is left out"
        )
    ]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"{oops\n", "this line is not JSON"),
        (b"\xff\xfe\n", "this line is not JSON"),
        (b"[1]\n", "this line is no result"),
        (b'{"case": {"id": 3}, "verdicts": []}\n', "this line is no result"),
        (b'{"case": {"id": "x"}, "verdicts": [], "transcript": null}\n', "this line is no result"),
    ],
)
def test_a_damaged_line_does_not_cost_the_others(tmp_path, line, complaint):
    path = sample_runs.write(tmp_path / "run.jsonl", {}, sample_runs.showcase(0))
    first, *others = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([first, line, *others]))
    _, results, faults = runs.read(path)
    assert len(list(results)) == len(others)
    assert [(fault.line, fault.message.startswith(complaint)) for fault in faults] == [(2, True)]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "there is no such run"),
        (b"", "this run is empty"),
        (b'{"some": "json"}\n', "this is no run"),
        (b'{"repl', "this is no run"),
        (b'{"replay": 2}\n', "this run is of format 2, this Replay reads 1"),
    ],
)
def test_what_is_no_run_is_refused_by_name(tmp_path, content, complaint):
    path = tmp_path / "run.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match=complaint) as refused:
        render.render(tmp_path, tmp_path / "index.html")
    assert str(path) in str(refused.value)
    assert not (tmp_path / "index.html").exists()


# joining


def shards(tmp_path, results, count):
    ordered = sorted(results, key=lambda result: (result.case.suite, result.case.id))
    whole = sample_runs.write(tmp_path / "whole" / "run.jsonl", sample_runs.HEADER, ordered)
    paths = []
    for number in range(count):
        header = sample_runs.HEADER | {
            "started": f"2026-03-04T10:11:1{9 - number}Z",
            "shard": f"{number + 1}/{count}",
        }
        part = list(reversed(results[number::count]))
        paths.append(sample_runs.write(tmp_path / str(number) / "run.jsonl", header, part).parent)
    return whole, paths


def test_merged_shards_are_the_run_that_no_shard_was_made_of(tmp_path):
    whole, paths = shards(tmp_path, list(sample_runs.showcase(20)), 3)
    merged = runs.merge(paths, tmp_path / "merged")
    assert merged == tmp_path / "merged" / "run.jsonl"
    header, *lines = merged.read_bytes().splitlines()
    expected, *expected_lines = whole.read_bytes().splitlines()
    assert lines == expected_lines
    assert json.loads(header) == json.loads(expected) | {"started": "2026-03-04T10:11:17Z"}


def test_merging_in_another_order_gives_the_same_cases(tmp_path):
    _, paths = shards(tmp_path, list(sample_runs.showcase(6)), 2)
    one, other = runs.merge(paths, tmp_path / "a"), runs.merge(reversed(paths), tmp_path / "b")
    assert one.read_bytes().splitlines()[1:] == other.read_bytes().splitlines()[1:]


def test_a_shard_given_twice_is_refused(tmp_path):
    _, paths = shards(tmp_path, list(sample_runs.showcase(0)), 2)
    with pytest.raises(BadInput, match=r"is shard 1/2, as is .*run\.jsonl; give each shard once"):
        runs.merge([*paths, paths[0]], tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_a_line_lost_in_a_shard_is_named_in_the_merged_run_and_on_its_page(tmp_path):
    _, paths = shards(tmp_path, list(sample_runs.showcase(0)), 2)
    cut = paths[0] / "run.jsonl"
    cut.write_bytes(cut.read_bytes()[:-5])
    merged = runs.merge(paths, tmp_path / "merged.jsonl")
    (fault,) = runs.read(merged).header["faults"]
    assert fault.startswith(f"{cut}:")
    render.render(merged, tmp_path / "index.html")
    assert str(Markup.escape(fault)) in (tmp_path / "index.html").read_text("utf-8")


# summing up


def test_failures_are_grouped_by_identity_with_the_command_that_runs_each_again():
    run = summed(sample_runs.showcase(4))
    assert run.counts == {"failed": 8, "error": 1, "passed": 5, "skipped": 1}
    first = run.groups[0]
    assert (first.assertion, first.kind, first.cases) == ("baseline", "changed", 2)
    assert [row.command for row, _ in first.first] == [
        'pytest "suites/support.yaml::support/where-is-it[prod-eu]#1"',
        'pytest "suites/support.yaml::support/where-is-it[local-llama]#1"',
    ]
    assert [group.status for group in run.groups][-1] == "error"
    assert sum(group.cases for group in run.groups) == 10  # one case failed in two ways


def test_totals_are_sums_over_all_turns():
    run = summed(sample_runs.typical(50))
    usages = [turn.reply.usage for result in sample_runs.typical(50) for turn in result.transcript.turns]
    assert run.totals.tokens["prompt_tokens"] == sum(usage.prompt_tokens for usage in usages)
    assert run.totals.cost == pytest.approx(sum(result.cost for result in sample_runs.typical(50)))
    assert list(run.totals.total_ms) == sorted(
        turn.timing.total_ms for result in sample_runs.typical(50) for turn in result.transcript.turns
    )


def test_usage_that_is_no_count_is_left_out():
    (data,) = [json.loads(json.dumps(result.to_json())) for result in sample_runs.typical(1)]
    reply = data["transcript"]["turns"][0]["reply"]
    reply["usage"] = {
        "prompt_tokens": "many",
        "completion_tokens": float("inf"),
        "total_tokens": None,
        "cached_tokens": 3,
    }
    collector = Collector()
    collector.add(data)
    assert collector.summary("run", {}).totals.tokens == {"cached_tokens": 3}


def test_a_command_is_safe_to_paste_into_a_shell():
    assert command("suites/a.yaml", "a[b]#1") == 'pytest "suites/a.yaml::a[b]#1"'
    assert command("s", "$(rm -rf ~)") == "pytest 's::$(rm -rf ~)'"
    assert command("s", "it's `x`") == """pytest 's::it'"'"'s `x`'"""


def test_an_anchor_is_an_address():
    assert anchor(case="a/b c[d]#1") == "#case=a/b%20c%5Bd%5D%231"
    assert anchor(case="\ud83d") == "#case=%EF%BF%BD"


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("a\x00b", "a␀b"),
        ("\x1b[31m", "␛[31m"),
        ("\x7f", "␡"),
        ("x\u202ey", "x⟨U+202E⟩y"),
        ("x\u200by", "x⟨U+200B⟩y"),
        ("\ud83d", "⟨U+D83D⟩"),
        ("\U000e0041", "⟨U+E0041⟩"),
        ("tab\tline\n", "tab\tline\n"),
        ("👩\u200d💻 \u200d", "👩\u200d💻 ⟨U+200D⟩"),
        ("plain é 漢", "plain é 漢"),
    ],
)
def test_hidden_characters_are_made_visible(hidden, shown):
    assert visible(hidden) == shown


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "$0.00"), (3.2149, "$3.21"), (0.00412, "$0.00412"), (0.000003, "$0.000003"), (1234.5, "$1,234.50")],
)
def test_dollars_keep_their_digits(number, text):
    assert numbers.dollars(number) == text


def test_times_and_counts_read_well():
    assert [numbers.milliseconds(t) for t in (12.4, 2100, 130_000, 9e6)] == [
        "12 ms",
        "2.1 s",
        "2.2 min",
        "2.5 h",
    ]
    assert [numbers.compact(n) for n in (950, 12_340, 4_100_000, 2e9)] == ["950", "12.3k", "4.1M", "2.0B"]
    assert [numbers.percentile([1, 2, 3, 4], share) for share in (0, 0.5, 0.95, 1)] == [1, 3, 4, 4]


# the page


def test_the_policy_allows_our_style_and_script_and_nothing_else(tmp_path):
    html = drawn(tmp_path)
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)

    def allowed(text):
        return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"

    assert policy == (
        f"default-src 'none'; style-src {allowed(style)}; script-src {allowed(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def test_no_script_makes_markup_from_text():
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|eval\(|new Function|srcdoc"
    assert not [path.name for path in REPORT.rglob("*.js") if re.search(forbidden, path.read_text("utf-8"))]


def test_the_page_names_no_outside_address(tmp_path):
    frame = drawn(tmp_path, results=[])
    assert set(re.findall(r"https?://[^\s\"'<>]*", frame)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"url\(|@import|<link[^>]*href=\"(?!data:)", frame)


@pytest.mark.parametrize("payload", sample_runs.PAYLOADS.values(), ids=sample_runs.PAYLOADS)
def test_hostile_text_is_nowhere_in_the_markup(tmp_path, payload):
    html = drawn(tmp_path, [sample_runs.hostile(payload)], sample_runs.hostile_header(payload))
    own = drawn(tmp_path / "own", [sample_runs.tool_loop(), sample_runs.tool_loop()], {})
    for tag in ("script", "style", "img", "meta", "link", "iframe"):
        assert html.count(f"<{tag}") == own.count(f"<{tag}"), tag
    assert "\x00" not in html
    assert "\u202e" not in html
    assert "\x1b" not in html
    island = re.search(r'id="index">(.*?)</script>', html, re.DOTALL)[1]
    assert json.loads(island)["rows"][0][0] == f"{payload}[{payload}]#1"
    assert not set("<>&") & set(island)


def test_a_page_is_drawn_again_to_the_same_bytes(tmp_path):
    assert drawn(tmp_path) == drawn(tmp_path)


def test_a_case_takes_at_most_three_kilobytes_and_pages_grow_linearly(tmp_path):
    def size(cases):
        drawn(tmp_path, sample_runs.typical(cases))
        return (tmp_path / "index.html").stat().st_size

    empty, some, twice = size(0), size(400), size(800)
    assert (twice - empty) / 800 < 3 * 1024
    assert (twice - empty) / (some - empty) < 2.1


@pytest.mark.parametrize(
    "header", [{}, {"started": 3, "duration_s": "x", "versions": [1], "command": "pytest"}]
)
def test_a_header_may_say_little(tmp_path, header):
    assert "<h1" in drawn(tmp_path, sample_runs.showcase(0), header)


def test_a_run_without_results_says_so(tmp_path):
    html = drawn(tmp_path, [])
    assert "No case has a result" in html
    assert 'id="section-cases"' not in html


def test_a_run_that_passed_says_so(tmp_path):
    html = drawn(tmp_path, list(sample_runs.typical(2))[1:])
    assert "The case passed" in html
    assert 'id="section-failures"' not in html


# sections


@pytest.fixture
def toy():
    class Toy:
        order = 15

        def html(self, run):
            return page.fill("<p>{{ n }} toys, {{ evil }}</p>", n=len(run.rows), evil="<b>")

    registry.register("toy", Toy())
    yield
    del registry._registered["toy"]


def test_a_section_is_one_registered_object(tmp_path, toy):
    html = drawn(tmp_path, sample_runs.showcase(0))
    assert "<p>11 toys, &lt;b&gt;</p>" in html
    places = [
        html.index(f'id="section-{name}"') for name in ("summary", "toy", "failures", "matrix", "cases")
    ]
    assert places == sorted(places)


def test_a_section_that_raises_does_not_cost_the_report(tmp_path, toy, monkeypatch):
    monkeypatch.setattr(registry.get("toy"), "html", lambda run: 1 / 0, raising=False)
    html = drawn(tmp_path)
    assert "The section toy could not be drawn: ZeroDivisionError: division by zero" in html
    assert 'id="section-cases"' in html


def test_the_table_of_suites_is_left_out_where_there_is_one_cell(tmp_path):
    assert 'id="section-matrix"' not in drawn(tmp_path, [sample_runs.tool_loop()])


# storage


def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    old = drawn(tmp_path)

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"No space left on device.*nothing was replaced"):
        render.render(tmp_path, tmp_path / "index.html")
    assert (tmp_path / "index.html").read_text("utf-8") == old
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.html", "run.jsonl"]


def test_a_page_in_a_folder_that_is_not_there_makes_it(tmp_path):
    run = sample_runs.write(tmp_path / "run.jsonl", {}, [])
    render.render(run, tmp_path / "new" / "index.html")
    assert (tmp_path / "new" / "index.html").exists()


# colours


def luminance(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_has_the_contrast_that_wcag_asks_for(theme):
    css = (REPORT / "base.css").read_text("utf-8")
    colours = {
        name: pair[theme] for name, *pair in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", css)
    }
    grounds = ("bg", "panel", "sunk")
    pairs = [
        (ink, ground)
        for ink in ("ink", "muted", "accent", "pass", "fail", "error", "skip")
        for ground in grounds
    ]
    pairs += [
        ("ink", ground)
        for ground in ("user", "gone", "gone-word", "new", "new-word", "accent-soft", "error-soft")
    ]
    pairs += [("muted", ground) for ground in ("user", "accent-soft")]
    for ink, ground in pairs:
        light, dark = sorted((luminance(colours[ink]), luminance(colours[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, ground)
