"""The page of a comparison in a real browser.

Every test also fails on a console message, an uncaught error, a dialog, or a request beyond the page.
"""

import json
from dataclasses import replace

import pytest
import sample_comparisons
import sample_runs
from browser import chromium, opened, until
from sample_runs import LOOKUP, call, user

from replay.conversation import Message, ToolCall
from replay.report.comparison.render import render
from replay.report.text import visible
from replay.turn import ApiError
from replay.verdict import Verdict

ASKED = (sample_runs.SYSTEM, user("Well?"))
NAMES = ["gpt-4o", "gpt-5-mini"]


@pytest.fixture(scope="module")  # a running Playwright holds an event loop, which other modules must not meet
def tab():
    with chromium() as page:
        yield page


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("one"), *sample_comparisons.sample(("local-llama",)))


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    candidates = ("gpt-5-mini", "claude-haiku", "local-llama")
    return draw(tmp_path_factory.mktemp("three"), *sample_comparisons.sample(candidates))


def draw(folder, comparison, results):
    render(comparison, sample_comparisons.write(folder, comparison, results), folder / "index.html")
    return folder / "index.html"


def changed(folder, before, after, **fields):
    """A page on which one conversation changed from the first reply to the second."""
    return of_results(folder, *(played(message, **fields) for message in (before, after)))


def of_results(folder, before, after):
    return draw(folder, *sample_comparisons.one_change(before, after))


def played(message, asked=ASKED, verdicts=sample_runs.PASSED, **fields):
    message = message if isinstance(message, Message) else Message("assistant", message)
    return sample_runs.result(
        "talk/one", sample_runs.MINI, [sample_runs.turn(asked, message, **fields)], verdicts
    )


def open_first(page):
    page.click(".change >> nth=0 >> summary >> nth=0")
    page.wait_for_selector(".change-body:not([aria-busy])")
    assert not page.locator(".change-body [role=alert]").count()


def shown(page):
    return page.locator(".change:visible").count()


# side by side


def test_changed_words_of_a_reply_are_marked_on_both_sides(tab, tmp_path):
    path = changed(tmp_path, "It ships on Monday.\nBye!", "It ships on Tuesday, at noon.\nBye!")
    with opened(tab, path) as page:
        open_first(page)
        assert page.locator(".both .diff thead th").all_inner_texts() == NAMES
        assert page.locator(".both del").all_inner_texts() == ["Monday"]
        assert page.locator(".both ins").all_inner_texts() == ["Tuesday, at noon"]
        assert page.locator(".bubble.user").count() == 1  # what was asked is the same
        assert page.locator(".side h3").all_inner_texts() == [f"{name}\npassed" for name in NAMES]


def test_json_is_compared_by_its_values(tab, tmp_path):
    before = {"id": 12345678901234567890, "lines": [{"sku": "B", "n": 2}], "total": 3.5}
    after = {
        "total": "3.5",
        "lines": [{"n": 2, "sku": "B"}, {"sku": "C", "n": 1}],
        "id": 12345678901234567890,
    }
    with opened(tab, changed(tmp_path, json.dumps(before), json.dumps(after))) as page:
        open_first(page)
        table = page.locator(".as-json table.diff")
        gone = table.locator("td.gone").all_inner_texts()
        new = table.locator("td.new").all_inner_texts()
        assert [line.strip() for line in gone] == ['"total": 3.5']
        assert [line.strip() for line in new if line.strip()] == [
            "},", "{", '"sku": "C",', '"n": 1', '"total": "3.5"'
        ]  # fmt: skip
        assert table.locator("tr", has_text="12345678901234567890").locator(".gone").count() == 0


def test_the_same_json_in_other_words_says_so(tab, tmp_path):
    path = changed(tmp_path, '{"a": 1, "b": 2}', '```json\n{"b":2,"a":1}\n```')
    with opened(tab, path) as page:  # a fence is a difference to whoever parses it
        open_first(page)
        assert page.locator(".as-json").count() == 0
        assert page.locator(".both .diff").count() == 1
    path = changed(tmp_path, '{"a": 1, "b": 2}', '{"b":2,"a":1}')
    with opened(tab, path) as page:
        open_first(page)
        assert page.inner_text(".both p.note") == "the same JSON, written differently"


def test_tool_calls_are_paired_by_name_and_their_arguments_by_key(tab, tmp_path):
    before = Message("assistant", None, (
        call("lookup_order", {"order_id": "A-1", "deep": {"x": 1, "y": 2}, "old": True}, 1),
        call("send", {"to": "me"}, 2),
        call("gone", {}, 3),
    ))  # fmt: skip
    after = Message("assistant", None, (
        call("send", {"to": "me"}, 4),
        call("lookup_order", {"new": 0, "order_id": "A-2", "deep": {"y": 2, "x": 1}}, 5),
        ToolCall("call_6", "extra", '{"cut": '),
    ))  # fmt: skip
    with opened(tab, changed(tmp_path, before, after, finish="tool_calls", tools=(LOOKUP,))) as page:
        open_first(page)
        calls = page.locator(".calls-both > .call")
        heads = [" ".join(text.split("\n")) for text in calls.locator("> header").all_inner_texts()]
        assert sorted(heads) == ["ƒ lookup_order call 1 → call 2", "ƒ send the same call 2 → call 1"]
        lookup = page.locator(".calls-both > .call", has_text="lookup_order")
        keys = [" ".join(text.split()) for text in lookup.locator("tr.key").all_inner_texts()]
        assert keys == ["order_id", "old only gpt-4o", "new only gpt-5-mini"]
        assert lookup.locator("del").all_inner_texts() == ["1"]
        assert lookup.locator("ins").all_inner_texts() == ["2"]
        assert lookup.locator(".equal").inner_text() == 'the same: deep {"x":1,"y":2}'
        lone = page.locator(".lone")
        assert [text.split("\n")[0] for text in lone.all_inner_texts()] == ["only gpt-4o", "only gpt-5-mini"]
        assert lone.nth(1).locator(".call.broken").count() == 1
        assert lone.locator(".blank").all_inner_texts() == ["not called"] * 2


def test_a_number_and_its_text_are_different_arguments(tab, tmp_path):
    before, after = (
        Message("assistant", None, (call("pay", {"amount": value}),)) for value in (84.9, "84.9")
    )
    with opened(tab, changed(tmp_path, before, after)) as page:
        open_first(page)
        assert page.locator("td.gone, td.new").all_inner_texts() == ["84.9", '"84.9"']


def test_verdicts_of_both_sides_stand_beside_each_other(tab, tmp_path):
    failed = Verdict("contains", "failed", "missing", "no thanks", "thanks", "bye", turn=1)
    crashed = Verdict("python", "error", "raised", "boom")
    before = played("thanks", verdicts=(*sample_runs.PASSED, Verdict("contains", "passed")))
    after = played("bye", verdicts=(*sample_runs.PASSED, failed, crashed))
    with opened(tab, of_results(tmp_path, before, after)) as page:
        open_first(page)
        pairs = page.locator(".verdicts > .pair")
        assert pairs.count() == 2
        left, right = (pairs.nth(0).locator("> div").nth(n) for n in (0, 1))
        assert left.locator(".verdict-line.passed").count() == 1
        assert right.locator(".verdict.failed .message").inner_text() == "no thanks"
        assert pairs.nth(1).locator("> div").nth(0).inner_text() == "not judged"
        told = "3 assertions passed on both sides: contract, finish_reason, token_budget"
        assert page.inner_text(".verdicts > .note") == told
        right.locator("button", has_text="turn 1").click()


def test_turns_errors_and_other_prompts_are_beside_each_other(tab, tmp_path):
    loop = sample_runs.tool_loop()
    error = ApiError("timeout", None, "no byte for 60 s", exception="APITimeoutError")
    other = (
        Message("system", "You are a robot of a bicycle shop. Be brief."),
        loop.transcript.turns[0].request.messages[1],
    )
    broken = replace(sample_runs.turn(other, params={"temperature": 1}), error=error)
    cut = replace(loop, transcript=replace(loop.transcript, turns=(broken,)))
    with opened(tab, of_results(tmp_path, loop, cut)) as page:
        open_first(page)
        assert page.locator("section[data-turn]").count() == 3
        assert page.locator(".both", has_text="system").first.locator("ins").count() > 0
        assert "temperature" in page.inner_text(".asked tr.key >> nth=0")
        first = page.locator("[data-turn='1']")
        assert first.locator(".error-card b").first.inner_text() == "timeout"
        assert first.locator(".blank").inner_text() == "nothing"
        assert "no such turn" in page.locator("[data-turn='3'] .turn-head").inner_text()
        page.click("summary:has-text('gpt-4o in full')")
        page.wait_for_selector(".wholes .turn")
        assert page.locator(".wholes .turn").count() == 3


def test_a_side_that_the_run_has_not_is_told_and_the_other_shown(tab, tmp_path):
    comparison, results = sample_comparisons.one_change(played("a"), played("b"))
    with opened(tab, draw(tmp_path, comparison, results[1:])) as page:
        open_first(page)
        assert page.inner_text(".change-body > .notice") == "The run has no result of gpt-4o here."
        assert page.locator(".change-body .bubble.fresh").count() == 1


def test_a_line_that_cannot_be_shown_says_so(tab, tmp_path):
    comparison, results = sample_comparisons.one_change(played("a"), played("b"))
    run = sample_comparisons.write(tmp_path, comparison, results)
    head, first, second = run.read_text().splitlines()
    broken = json.loads(second)
    broken["transcript"]["turns"][0]["request"]["messages"] = 3
    run.write_text("\n".join([head, first, json.dumps(broken), ""]))
    render(comparison, run, tmp_path / "index.html")
    with opened(tab, tmp_path / "index.html") as page:
        page.click(".change >> nth=0 >> summary >> nth=0")
        page.wait_for_selector(".change-body [role=alert]")
        assert page.inner_text(".change-body [role=alert]").startswith("This conversation could not be shown")


def test_every_change_opens(tab, three):
    with opened(tab, three) as page:
        for _ in range(3):
            for number in range(page.locator(".versus.shown .change").count()):
                page.locator(".versus.shown .change").nth(number).evaluate("row => row.open = true")
            until(
                page,
                "!document.querySelector('.shown .change[open]:not(:has(.change-body:not([aria-busy])))')",
            )
            page.keyboard.press("n")
        assert page.locator(".change-body").count() == page.locator(".change").count() > 60
        assert not page.locator(".change-body [role=alert]").count()


# finding one's way


def test_conversations_are_filtered_by_kind_and_words(tab, one):
    with opened(tab, one) as page:
        total = shown(page)
        page.click("button[data-kind=lost]")
        lost = shown(page)
        assert 0 < lost < total
        assert page.inner_text(".found") == f"{lost} of {total} conversations"
        page.click("button[data-kind=won]")
        assert shown(page) > lost
        assert page.evaluate("location.hash") == "#kind=lost,won"
        page.click("button[data-kind=lost]")
        page.click("button[data-kind=won]")
        assert shown(page) == total
        page.fill("input[type=search]", "OPENING")
        assert 0 < shown(page) < total
        assert all("opening-hours" in text for text in page.locator(".change:visible").all_inner_texts())
        page.reload()
        assert page.input_value("input[type=search]") == "OPENING"


def test_an_address_opens_its_candidate_and_its_conversation(tab, three):
    with opened(tab, three) as page:
        page.click("[role=tab] >> nth=2")
        row = page.locator(".versus.shown .change").nth(1)
        row.locator("summary").first.click()
        page.wait_for_selector(".change[open] .change-body:not([aria-busy])")
        hash_ = page.evaluate("location.hash")
        assert hash_.startswith("#candidate=local-llama&change=")
        key = row.get_attribute("data-key")
    with opened(tab, three, hash_) as page:
        page.wait_for_selector(".change[open] .change-body:not([aria-busy])")
        assert page.locator("[role=tab][aria-selected=true]").inner_text() == "local-llama"
        assert page.locator(".change[open]").get_attribute("data-key") == key
        until(
            page,
            "Math.abs(document.querySelector('.change[open]').getBoundingClientRect().top - 100) < 100",
        )


def test_the_keyboard_does_it_all(tab, three):
    def focused():
        return page.evaluate("document.activeElement.querySelector('.row-id')?.textContent")

    with opened(tab, three) as page:
        rows = page.locator(".versus.shown .row-id").all_inner_texts()
        page.keyboard.press("j")
        assert focused() == rows[0]
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("k")
        assert focused() == rows[1]
        page.keyboard.press("Enter")
        page.wait_for_selector(".change[open] .change-body:not([aria-busy])")
        page.keyboard.press("Escape")
        assert page.locator(".change[open]").count() == 0
        assert focused() == rows[1]
        page.keyboard.press("n")
        assert page.locator("[aria-selected=true]").inner_text() == "claude-haiku"
        page.focus("[aria-selected=true]")
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.textContent") == "local-llama"
        page.keyboard.press("f")
        assert set(page.locator(".versus.shown .change:visible .kind").all_inner_texts()) == {"lost"}
        page.keyboard.press("/")
        page.keyboard.type("j?")
        assert page.input_value(".versus.shown input[type=search]") == "j?"
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        assert page.is_visible("dialog")
        page.keyboard.press("Escape")
        assert page.is_hidden("dialog")


def test_tabs_are_tabs_to_a_screen_reader(tab, three):
    with opened(tab, three) as page:
        for number, button in enumerate(page.locator("[role=tab]").all()):
            panel = page.locator(f"#{button.get_attribute('aria-controls')}")
            assert panel.get_attribute("role") == "tabpanel"
            assert panel.get_attribute("aria-labelledby") == button.get_attribute("id")
            assert panel.is_visible() == (number == 0)
        assert page.locator("svg[role=img]").count() > 0
        assert page.locator("svg[role=img]:not([aria-label]), svg[role=img][aria-label='']").count() == 0
        headings = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(e => e.tagName).join('')")
        assert headings.startswith("H1H2")


# themes, widths, paper


@pytest.mark.parametrize(("scheme", "colour"), [("light", "rgb(246, 246, 244)"), ("dark", "rgb(16, 17, 19)")])
def test_it_is_dark_where_the_system_is(tab, one, scheme, colour):
    with opened(tab, one, scheme=scheme) as page:
        until(page, f"getComputedStyle(document.documentElement).backgroundColor === '{colour}'")
        page.keyboard.press("t")
        until(page, f"getComputedStyle(document.documentElement).backgroundColor !== '{colour}'")


def test_a_narrow_window_does_not_scroll_sideways(tab, three):
    with opened(tab, three, width=400) as page:
        for _ in range(3):
            page.locator(".versus.shown .change summary").first.click()
            page.wait_for_selector(".versus.shown .change-body:not([aria-busy])")
            assert page.evaluate("document.scrollingElement.scrollWidth") <= 400
            page.keyboard.press("n")


def test_paper_gets_all_candidates_and_no_controls(tab, three):
    with opened(tab, three) as page:
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator(".versus:visible").count() == 3
        assert page.locator(".detail:visible").count() == page.locator(".detail").count()
        assert page.locator("button:visible, input:visible").count() == 0


def test_without_javascript_everything_but_the_sides_is_there(tab, three):
    context = tab.context.browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(three.as_uri())
    assert page.inner_text("h1") == "Switch to gpt-5-mini"
    assert page.locator(".versus:visible").count() == 3
    assert page.locator(".change:visible").count() > 60
    assert "needs JavaScript" in page.inner_text("noscript")
    context.close()


# hostile text


@pytest.mark.parametrize("payload", sample_runs.PAYLOADS.values(), ids=sample_runs.PAYLOADS)
def test_hostile_text_stays_text(tab, tmp_path, payload):
    comparison, (before, after) = sample_comparisons.hostile(payload)
    turn = after.transcript.turns[0]
    reply = replace(turn.reply, message=replace(turn.reply.message, content=payload + " changed"))
    after = replace(after, transcript=replace(after.transcript, turns=(replace(turn, reply=reply),)))
    with opened(tab, draw(tmp_path, comparison, [before, after])) as page:
        count = "document.querySelectorAll('script, style, meta, link').length"
        elements = page.evaluate(count)
        open_first(page)
        for fold in page.locator(".change-body summary").all():
            fold.click()
        page.fill("input[type=search]", payload.replace("\x00", ""))
        assert page.evaluate("window.pwned") is None
        assert page.evaluate(count) == elements
        assert (
            page.locator("iframe, object, embed, base, form, [onerror], [onclick], svg[onload]").count() == 0
        )
        hrefs = page.evaluate("[...document.querySelectorAll('[href]')].map(e => e.getAttribute('href'))")
        assert all(href.startswith(("#", "data:image/svg+xml,%3Csvg")) for href in hrefs)
        assert not set("\x00\x1b\u202e\u200b") & set(page.evaluate("document.documentElement.innerText"))
        assert "".join(visible(payload).split()) in "".join(page.inner_text(".change-body").split())
