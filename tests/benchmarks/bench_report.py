"""What the report costs: `python tests/benchmarks/bench_report.py [cases]` (10,000 unless told).

Prints the time to draw, KB a case, first paint and the times of filtering, searching and opening a case in
headless chromium, each as the median of five, beside what is asked.
"""

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from replay.report.render import render

FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
TYPED = """(text) => {
    const field = document.getElementById('search');
    field.value = text;
    const before = performance.now();
    field.dispatchEvent(new Event('input'));
    document.getElementById('list').getBoundingClientRect();
    return performance.now() - before;
}"""
PRESSED = """(status) => {
    const before = performance.now();
    document.querySelector(`[data-status=${status}]`).click();
    document.getElementById('list').getBoundingClientRect();
    return performance.now() - before;
}"""


def main(cases):
    sys.path.insert(0, str(Path(__file__).parents[1]))
    import sample_runs

    with tempfile.TemporaryDirectory() as folder:
        run, page = Path(folder, "run.jsonl"), Path(folder, "index.html")
        sample_runs.write(run, sample_runs.HEADER, sample_runs.typical(cases))
        before = time.process_time()
        render(run, page)
        drawn = time.process_time() - before
        report("draw, cpu a case", 1000 * drawn / cases, "ms")
        report("run.jsonl a case", run.stat().st_size / cases / 1024, "KB")
        report("page a case", page.stat().st_size / cases / 1024, "KB", 3)
        browse(page, cases)


def browse(path, cases):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
        )
        paints, loads, opens = zip(*(visit(browser, path, cases) for _ in range(5)), strict=True)
        report("first paint", statistics.median(paints), "ms", 2000)
        report("all loaded", statistics.median(loads), "ms")
        report("open a case by its link", statistics.median(opens), "ms")
        page = browser.new_page()
        page.goto(path.as_uri())
        report("filter by text", median(page, TYPED, ["supp", "bill", "a", "[prod", "zzz"]), "ms", 100)
        page.evaluate(TYPED, "")
        report(
            "filter by status",
            median(page, PRESSED, ["passed", "passed", "failed", "failed", "passed"]),
            "ms",
            100,
        )
        page.evaluate(PRESSED, "passed")
        report("search all messages, first", searched(page, "nothing says this"), "ms")
        report("search all messages, again", searched(page, "nor this"), "ms")
        browser.close()


def visit(browser, path, cases):
    page = browser.new_page()
    page.goto(path.as_uri())
    while (paint := page.evaluate(FIRST_PAINT)) is None:
        page.wait_for_timeout(50)
    loaded = page.evaluate("performance.timing.loadEventEnd - performance.timing.navigationStart")
    identity = page.inner_text(".row-id >> nth=0") if cases else ""
    before = time.perf_counter()
    page.evaluate("(id) => { location.hash = 'case=' + encodeURIComponent(id) }", identity)
    page.wait_for_selector(".turn")
    opened = 1000 * (time.perf_counter() - before)
    page.close()
    return paint, loaded, opened


def median(page, expression, arguments):
    return statistics.median(page.evaluate(expression, argument) for argument in arguments)


def searched(page, text):
    before = time.perf_counter()
    page.evaluate(TYPED, text)
    while page.inner_text("#searched") != "every message searched":
        page.wait_for_timeout(20)
    return 1000 * (time.perf_counter() - before)


def report(name, value, unit, asked=None):
    limit = f"   asked: at most {asked} {unit}" if asked else ""
    print(f"{name:28}{value:10.2f} {unit}{limit}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
