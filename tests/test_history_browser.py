"""The page of trends in a real browser; `opened` fails on any message, error or request beyond the page."""

import pytest
import sample_runs
from test_history import cases, write
from test_report_browser import opened, tab, until  # noqa: F401 - tab is a fixture

from replay.config import Project
from replay.history import draw, read
from replay.report.render import render
from replay.turn import Target


@pytest.fixture(scope="module")
def trends(tmp_path_factory):
    """Twelve runs of two targets, one of which fell; the newest have reports of their own."""
    root = tmp_path_factory.mktemp("trends")
    hostile = Target('<img src=x onerror="alert(1)">', "openai", "m")
    for number in range(12):
        model = "small-2026-02-01" if number >= 6 else "small-2026-01-01"
        fell = cases(14 if number >= 6 else 20, 20, model=model)
        run = write(
            root, number, [*fell, *cases(20, 20, target=sample_runs.EU), *cases(3, 3, target=hostile)]
        )
        if number > 3:
            render(run, run.with_name("index.html"))
    return draw(read(Project(root)), root / "reports" / "history.html")


def test_it_opens_on_what_fell_when_and_why(tab, trends):  # noqa: F811
    with opened(tab, trends) as page:
        assert page.inner_text("h1") == "The pass rate fell in 1 of 3 trends"
        assert page.title() == "✗ History · Replay"
        row = page.locator(".changes li").first
        assert row.locator("h3").inner_text() == "2026-01-11"
        assert "pass rate fell: 100.0% → 70.0%" in row.inner_text()
        assert "served model small-2026-01-01 → small-2026-02-01" in row.inner_text()
        row.locator("th a").click()
        assert page.evaluate("document.querySelector(':target h2').innerText").startswith(
            "support × gpt-4o-mini"
        )


def test_a_chart_marks_the_change_between_the_two_runs(tab, trends):  # noqa: F811
    with opened(tab, trends) as page:
        chart = page.locator(".trend").nth(1).locator(".chart").first
        marks = chart.locator("circle")
        assert marks.count() == 12
        line = float(chart.locator(".change line").get_attribute("x1"))
        before, after = (float(marks.nth(place).get_attribute("cx")) for place in (5, 6))
        assert before < line < after
        assert chart.locator("line.level").count() == 2
        said = chart.locator(".change title").evaluate("node => node.textContent")
        assert said.startswith("2026-01-11: pass rate fell")


def test_a_mark_leads_to_the_report_of_its_run(tab, trends):  # noqa: F811
    with opened(tab, trends) as page:
        chart = page.locator(".trend").nth(1).locator(".chart").first
        links = chart.locator("a")
        assert links.count() == 8  # the first four runs have no report
        assert links.last.get_attribute("href") == "2026-01-16T06-00-00.000/index.html"
        target = page.evaluate("document.querySelector('.trend a[href*=\"01-16\"]').href.baseVal")
        assert (trends.parent / target).is_file()


def test_names_cannot_act(tab, trends):  # noqa: F811
    with opened(tab, trends) as page:
        assert page.locator("img").count() == 0
        assert "onerror" in page.locator(".trend h2").first.inner_text()


def test_it_changes_its_theme_fits_a_phone_and_is_read_aloud(tab, trends):  # noqa: F811
    with opened(tab, trends, width=390, height=800) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        before = page.evaluate("getComputedStyle(document.body).color")
        page.keyboard.press("t")
        until(page, f"getComputedStyle(document.body).color !== '{before}'")
        page.keyboard.press("?")
        until(page, "document.querySelector('dialog').open")
        page.keyboard.press("Escape")
        labels = [one.get_attribute("aria-label") for one in page.locator(".chart svg").all()]
        assert all("runs, now" in label for label in labels)
