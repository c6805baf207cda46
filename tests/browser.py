"""A real browser: Debian's chromium, driven by Playwright over a page opened from its file."""

import shutil
from contextlib import contextmanager

import pytest

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium():
    """An empty page; skips where there is no browser."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is missing: apt-get install chromium")
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="playwright is missing: pip install playwright"
    )
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser.new_page()
        browser.close()


@contextmanager
def opened(page, path, address="", *, width=1280, height=900, scheme="light"):
    page.set_default_timeout(5000)
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme, media="screen")
    noise = []
    listeners = {
        "console": lambda message: noise.append(message.text),
        "pageerror": lambda error: noise.append(str(error)),
        "dialog": lambda dialog: (noise.append(f"dialog {dialog.message}"), dialog.dismiss()),
        "request": lambda request: noise.append(request.url),
    }
    for event, listener in listeners.items():
        page.on(event, listener)
    page.goto(path.as_uri() + address)
    try:
        yield page
    finally:
        page.evaluate("localStorage.clear()")
        for event, listener in listeners.items():
            page.remove_listener(event, listener)
        page.goto("about:blank")
    assert not [text for text in noise if not text.startswith(("data:", path.as_uri()))]


def until(page, expression):
    """Wait for a condition; Playwright's own wait would need `eval`, which the page's policy forbids."""
    for _ in range(250):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"never came true: {expression}")
