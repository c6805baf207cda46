"""The report in a real browser.

Every test also fails on a console message, an uncaught error, a dialog, or a request beyond the page.
"""

import json
from dataclasses import replace

import pytest
import sample_runs
from browser import chromium, opened, until

from replay.report.render import render
from replay.report.text import visible
from replay.run import Result
from replay.verdict import Verdict

LOOP = "support/refund-broken-bell[gpt-4o-mini]#1"


@pytest.fixture(scope="module")  # a running Playwright holds an event loop, which other modules must not meet
def tab():
    with chromium() as page:
        yield page


@pytest.fixture(scope="module")
def showcase(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("showcase"), sample_runs.showcase(400))


def draw(folder, results, header=sample_runs.HEADER):
    render(sample_runs.write(folder / "run.jsonl", header, results), folder / "index.html")
    return folder / "index.html"


def shows(page, cases):
    """Wait until the list has that many cases: a changed address is followed a moment later."""
    until(page, f"document.getElementById('found').textContent.startsWith('{cases:,} of ')")


def wait_until_searched(page):
    until(page, "document.getElementById('searched').textContent === 'every message searched'")


def focused(page):
    return page.evaluate("document.activeElement.querySelector('.row-id')?.textContent")


def title(page):
    return page.inner_text("#case h1 span:last-child")


# the whole run


def test_it_opens_on_what_failed_and_why(tab, showcase):
    with opened(tab, showcase) as page:
        assert page.inner_text("h1") == "9 of 411 cases failed"
        assert page.title() == f"✗ {showcase.parent.name} · Replay"
        group = page.locator(".group").first
        assert group.locator("summary").inner_text().split("\n") == ["baseline changed", "2 cases"]
        assert "the reply is not one of the accepted ones" in group.inner_text()
        assert 'pytest "suites/support.yaml::support/where-is-it[prod-eu]#1"' in group.inner_text()
        shows(page, 411)
        assert page.locator(".row").first.inner_text().startswith("failed")


def test_only_the_rows_in_view_are_elements(tab, showcase):
    with opened(tab, showcase) as page:
        assert 0 < page.locator(".row").count() < 60
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        until(page, "[...document.querySelectorAll('[aria-posinset]')].at(-1).ariaPosInSet === '411'")
        assert page.locator(".row").count() < 60


def test_it_filters_by_status_suite_target_and_tag(tab, showcase):
    with opened(tab, showcase) as page:
        page.click("button[data-status=failed]")
        shows(page, 8)
        page.click("button[data-status=error]")
        shows(page, 9)
        assert page.evaluate("location.hash") == "#status=failed,error"
        page.select_option("[data-pick=suite]", "wire")
        shows(page, 4)
        page.select_option("[data-pick=tag]", "stream")
        shows(page, 1)
        assert page.inner_text(".row-id") == "wire/cut[gpt-4o-mini]#1"
        page.click("#clear")
        shows(page, 411)
        page.select_option("[data-pick=target]", "local-llama")
        shows(page, 135)
        page.select_option("[data-sort]", "slow")
        times = page.locator(".row .row-number:last-child").all_inner_texts()
        assert (
            times
            == sorted(times, key=lambda t: float(t.split()[0]) * (1000 if t.endswith(" s") else 1))[::-1]
        )


def test_a_group_and_a_cell_of_the_table_lead_to_their_cases(tab, showcase):
    with opened(tab, showcase) as page:
        page.click(".count.skipped")
        shows(page, 1)
        page.click(".brand")
        page.click(".matrix tbody tr:nth-child(3) a >> nth=0")
        assert page.evaluate("location.hash") == "#suite=wire&target=gpt-4o-mini"
        shows(page, 5)


def test_it_searches_names_at_once_and_messages_after(tab, showcase):
    with opened(tab, showcase) as page:
        page.fill("#search", "WHERE-IS")
        shows(page, 2)
        page.fill("#search", "already refunded")  # only a tool's answer says so
        wait_until_searched(page)
        assert page.locator(".row-id").all_inner_texts() == [LOOP]
        page.fill("#search", "open from nine to six")
        wait_until_searched(page)
        shows(page, 400)
        page.fill("#search", "nothing says this")
        wait_until_searched(page)
        shows(page, 0)


def test_a_link_with_filters_opens_filtered(tab, showcase):
    with opened(tab, showcase, "#status=failed&tag=errors&q=stream") as page:
        wait_until_searched(page)
        assert page.locator(".row-id").all_inner_texts() == ["wire/cut[gpt-4o-mini]#1"]
        assert page.input_value("#search") == "stream"
        assert page.get_attribute("button[data-status=failed]", "aria-pressed") == "true"


# one case


def test_a_click_opens_a_case_and_back_returns_to_the_same_place(tab, showcase):
    with opened(tab, showcase) as page:
        row = page.locator(f".row:has-text('{LOOP}')")
        row.scroll_into_view_if_needed()
        before = page.evaluate("scrollY")
        assert before > 0
        row.click()
        assert title(page) == LOOP
        assert page.is_hidden(".headline")
        page.go_back()
        page.wait_for_selector(".headline")
        assert page.is_hidden("#case")
        until(page, f"scrollY === {before}")
        page.go_forward()
        page.wait_for_selector("#case h1")
        assert title(page) == LOOP


@pytest.mark.parametrize(
    "address", [f"#case={LOOP}", "#case=support%2Frefund-broken-bell%5Bgpt-4o-mini%5D%231"]
)
def test_a_deep_link_opens_its_case(tab, showcase, address):
    with opened(tab, showcase, address) as page:
        page.wait_for_selector(".turn")
        assert title(page) == LOOP
        assert page.title() == f"{LOOP} · Replay"
        assert (
            page.get_attribute(".permalink", "href")
            == "#case=support/refund-broken-bell%5Bgpt-4o-mini%5D%231"
        )


def test_filtering_beside_an_open_case_leaves_it_and_the_search_field_alone(tab, showcase):
    with opened(tab, showcase, f"#case={LOOP}") as page:
        page.wait_for_selector(".turn")
        page.evaluate("document.querySelector('.turn').dataset.kept = 'yes'")
        page.click("#search")
        page.keyboard.type("where-is")
        shows(page, 2)
        assert page.input_value("#search") == "where-is"
        assert page.get_attribute(".back", "href") == "#q=where-is"
        assert page.get_attribute(".turn >> nth=0", "data-kept") == "yes"
        page.keyboard.press("Escape")
        page.keyboard.press("j")
        assert title(page) == "support/where-is-it[prod-eu]#1"
        assert page.inner_text(".at") == "1 of 2"
        page.keyboard.press("Escape")
        page.wait_for_selector(".headline")
        assert focused(page) == "support/where-is-it[prod-eu]#1"


def test_a_link_to_no_case_says_so(tab, showcase):
    with opened(tab, showcase, "#case=gone") as page:
        assert page.inner_text("#found") == "No case is called gone"
        assert page.is_visible(".headline")


def test_a_tool_loop_reads_as_a_conversation(tab, showcase):
    with opened(tab, showcase, f"#case={LOOP}") as page:
        page.wait_for_selector(".turn")
        roles = page.locator(".bubble > header > b").all_inner_texts()
        assert roles == ["system", "user", "assistant", "tool", "assistant", "tool", "tool", "assistant"]
        assert page.locator("[data-turn='2'] .call header b").all_inner_texts() == ["issue_refund"] * 2
        assert (
            page.locator("[data-turn='2'] .call pre").first.inner_text()
            == '{\n  "order_id": "A-1001",\n  "amount": 84.9\n}'
        )
        assert page.locator("[data-turn='3'] .bubble.tool .name").all_inner_texts() == ["issue_refund"] * 2
        assert '"already refunded"' in page.locator("[data-turn='3'] .bubble.tool >> nth=1").inner_text()
        assert page.inner_text("[data-turn='3'] figcaption").startswith("26 chunks from 310 ms")
        assert page.locator("[data-turn='3'] .timeline .tick").count() == 26
        assert "590 → 33 tokens (295 cached)" in page.inner_text("[data-turn='3'] .turn-head")
        assert "$0.00231" in page.inner_text("#case .facts")


def test_the_raw_request_and_response_unfold(tab, showcase):
    with opened(tab, showcase, f"#case={LOOP}") as page:
        page.wait_for_selector(".turn")
        assert page.locator("[data-turn='2'] .bodies pre").count() == 0
        page.click("[data-turn='2'] summary:text-is('request')")
        request = json.loads(page.inner_text("[data-turn='2'] .bodies pre"))
        assert [message["role"] for message in request["messages"]] == ["system", "user", "assistant", "tool"]
        assert [tool["function"]["name"] for tool in request["tools"]] == ["lookup_order", "issue_refund"]
        page.click("[data-turn='2'] summary:has-text('raw response')")
        raw = json.loads(page.locator("[data-turn='2'] .bodies pre").nth(1).inner_text())
        assert raw["choices"][0]["finish_reason"] == "tool_calls"


def test_a_changed_baseline_is_shown_side_by_side_word_for_word(tab, showcase):
    with opened(tab, showcase, "#case=support/where-is-it[prod-eu]#1") as page:
        page.wait_for_selector(".turn")
        assert page.locator(".verdict .field h4").all_inner_texts() == ["content"]
        assert page.locator("table.diff del").all_inner_texts() == ["Thanks", "Monday", "3"]
        assert page.locator("table.diff ins").all_inner_texts() == ["Thank", "you ", "Tuesday", "5", "·"]
        assert page.inner_text(".equal") == "the same: finish_reason"
        assert page.locator("pre.lines .gone").inner_text() == (
            "- content:4: Is there anything else I can help you with?"
        )


def test_every_kind_of_part_is_shown(tab, showcase):
    with opened(tab, showcase, "#case=research/describe[gpt-4o-mini]#1") as page:
        page.wait_for_selector(".turn")
        images = page.locator(".bubble img")
        assert images.count() == 1
        until(page, "document.querySelector('.bubble img').naturalWidth === 24")
        link = page.locator("a.chip")
        assert (link.get_attribute("href"), link.get_attribute("rel")) == (
            "https://images.example/cat.png",
            "noreferrer noopener",
        )
        chips = page.locator(".bubble.user .chip").all_inner_texts()
        assert [chip.split("\n")[0].split()[0] for chip in chips] == [
            "image",
            "image",
            "audio",
            "file",
            "video_url",
        ]
        page.click("summary:text-is('anthropic: search_result')")
        assert "shelf 3" in page.inner_text(".bubble.user .fold pre")
        assert page.inner_text(".refusal") == "refused I can't help with that."
        assert page.locator(".bubble.fresh .note").all_inner_texts() == ["choice 1", "choice 2"]
        page.click("summary:text-is('reasoning')")
        assert "The second could not be loaded." in page.inner_text(".bubble.fresh .fold pre")
        page.click("summary:text-is('token probabilities')")
        page.wait_for_selector(".token")
        assert page.locator(".token.unsure-4").all_inner_texts() == [" test"]


def test_an_error_shows_its_kind_status_and_message(tab, showcase):
    with opened(tab, showcase, "#case=wire/limit[gpt-4o-mini]#1") as page:
        page.wait_for_selector(".error-card")
        assert page.locator(".error-card header").inner_text().split("\n") == [
            "rate_limit", "HTTP 429", "rate_limit_exceeded", "RateLimitError", "retry after 20 s"
        ]  # fmt: skip
        assert page.inner_text(".error-card p") == "Rate limit reached for requests"
        assert "3 attempts" in page.inner_text(".turn-head")
        assert page.locator(".turn .note").all_inner_texts()[:2] == [
            "attempt 1: overloaded, HTTP 503, req_7f, tried again after 700 ms",
            "attempt 2: connection, tried again",
        ]


def test_a_cut_stream_shows_what_had_arrived(tab, showcase):
    with opened(tab, showcase, "#case=wire/cut[gpt-4o-mini]#1") as page:
        page.wait_for_selector(".error-card")
        assert page.inner_text(".bubble.fresh .note") == "reply, what had arrived"
        assert page.inner_text(".bubble.fresh .prose") == "The manual has three parts: first"
        assert "never reached [DONE]" in page.inner_text("figcaption")


def test_arguments_that_are_not_json_are_shown_as_they_are(tab, showcase):
    with opened(tab, showcase, "#case=support/invoice[local-llama]#1") as page:
        page.wait_for_selector(".call.broken")
        assert page.inner_text(".call.broken pre") == '{"order_id": "A-77'
        assert "arguments are not JSON" in page.inner_text(".call.broken header")
        assert "length" in page.inner_text(".turn-head .warn >> nth=0")


def test_every_case_opens(tab, tmp_path):
    path = draw(tmp_path, sample_runs.showcase(3))
    with opened(tab, path) as page:
        page.keyboard.press("j")
        for number in range(1, 15):
            page.keyboard.press("o" if number == 1 else "j")
            page.wait_for_selector(".case-body:not([aria-busy])")
            assert page.inner_text(".at") == f"{number} of 14"
            assert not page.locator("#case .notice").count()


def odd(content="x", verdicts=(), **changes):
    one = sample_runs.turn((sample_runs.user(content),), sample_runs.Message("assistant", "ok"), **changes)
    return sample_runs.result("odd/case", sample_runs.MINI, (one,), verdicts, suite="odd")


def test_numbers_that_json_cannot_say_do_not_hide_a_case(tab, tmp_path):
    large = {"id": 12345678901234567890, "limit": float("nan"), "top": float("-inf"), "said": "NaN, Infinity"}
    path = draw(tmp_path, [odd(verdicts=[Verdict("equals", "failed", "differs", "no", large, {"id": 1})])])
    with opened(tab, path, "#case=odd/case[gpt-4o-mini]#1") as page:
        page.wait_for_selector(".diff")
        text = page.inner_text(".verdict")
        assert "12345678901234567890" in text
        assert "NaN, Infinity" in text
        assert "-Infinity" in text


def test_a_difference_in_white_space_or_spelling_is_visible(tab, tmp_path):
    verdicts = [
        Verdict("equals", "failed", "a", "", "same words", "same  words"),
        Verdict("equals", "failed", "b", "", "a line", "a line\n"),
        Verdict("equals", "failed", "c", "", "café now", "cafe\u0301 now"),
    ]
    path = draw(tmp_path, [odd(verdicts=verdicts)])
    with opened(tab, path, "#case=odd/case[gpt-4o-mini]#1") as page:
        page.wait_for_selector(".diff")
        changed = page.locator(".diff ins, .diff .hidden-character")
        assert changed.all_inner_texts() == ["·", "⏎ empty line", "cafe⟨U+0301⟩"]


def test_a_very_long_message_is_folded(tab, tmp_path):
    long = "word " * 200_000 + "the end"
    path = draw(tmp_path, [odd(long)])
    with opened(tab, path, "#case=odd/case[gpt-4o-mini]#1") as page:
        page.wait_for_selector(".bubble.user")
        assert len(page.inner_text(".bubble.user")) < 8000
        page.click(".bubble.user .more")
        assert page.inner_text(".bubble.user .prose").endswith("the end")


def test_a_stream_of_many_chunks_is_drawn_as_counts(tab, tmp_path):
    path = draw(tmp_path, [odd(chunks=tuple(float(t) for t in range(100, 100_100)))])
    with opened(tab, path, "#case=odd/case[gpt-4o-mini]#1") as page:
        page.wait_for_selector(".timeline")
        assert page.locator(".timeline .tick").count() <= 200
        assert page.inner_text("figcaption").startswith("100,000 chunks")


def test_a_reply_as_recorded_is_told_from_the_reply_judged(tab, tmp_path):
    said = [sample_runs.user("1"), sample_runs.Message("assistant", "recorded"), sample_runs.user("2")]
    turns = [
        sample_runs.turn(said[:1], sample_runs.Message("assistant", "new")),
        sample_runs.turn(said, sample_runs.Message("assistant", "newer")),
    ]
    made = sample_runs.result("odd/case", sample_runs.MINI, turns, messages=said, play="every_turn")
    path = draw(tmp_path, [made])
    with opened(tab, path, "#case=odd/case[gpt-4o-mini]#1") as page:
        page.wait_for_selector("[data-turn='2']")
        notes = page.locator(".bubble.assistant").all_inner_texts()
        assert [note.split("\n") for note in notes] == [
            ["assistant", "reply", "new"],
            ["assistant", "as recorded", "recorded"],
            ["assistant", "reply", "newer"],
        ]


def test_a_case_that_cannot_be_read_says_so_and_the_others_open(tab, tmp_path):
    lines = sample_runs.write(tmp_path / "run.jsonl", {}, [odd(), odd()]).read_text().splitlines()
    broken = json.loads(lines[1])
    broken["case"]["id"] = "odd/broken"
    broken["transcript"]["turns"][0]["request"]["messages"] = 3
    (tmp_path / "run.jsonl").write_text("\n".join([lines[0], json.dumps(broken), lines[2], ""]))
    render(tmp_path, tmp_path / "index.html")
    with opened(tab, tmp_path / "index.html", "#case=odd/broken") as page:
        page.wait_for_selector("#case .notice")
        assert page.inner_text("#case .notice").startswith("This case could not be shown")
        page.click(".row >> nth=1")
        page.wait_for_selector(".turn")


# keyboard, themes, widths, paper


def test_the_keyboard_does_it_all(tab, showcase):
    with opened(tab, showcase) as page:
        page.keyboard.press("j")
        assert focused(page) == LOOP
        page.keyboard.press("j")
        page.keyboard.press("k")
        assert focused(page) == LOOP
        page.keyboard.press("Enter")
        page.wait_for_selector(".turn")
        assert title(page) == LOOP
        page.keyboard.press("j")
        assert title(page) == "support/where-is-it[prod-eu]#1"
        page.keyboard.press("Escape")
        page.wait_for_selector(".headline")
        page.keyboard.press("/")
        page.keyboard.type("jot")
        assert page.input_value("#search") == "jot"
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.id") != "search"
        page.click("#clear")
        page.keyboard.press("f")
        shows(page, 9)
        page.keyboard.press("?")
        assert page.is_visible("dialog")
        page.keyboard.press("Escape")
        assert page.is_hidden("dialog")


def test_the_list_follows_the_keyboard_far_down(tab, showcase):
    with opened(tab, showcase, f"#case={LOOP}") as page:
        page.wait_for_selector(".turn")
        for _ in range(25):
            page.keyboard.press("j")
        until(page, "document.querySelector('.at').textContent === '26 of 411'")
        current = page.locator(".row[aria-current]")
        box, around = current.bounding_box(), page.locator("#list").bounding_box()
        assert around["y"] <= box["y"] <= around["y"] + around["height"] - box["height"]
        assert current.locator(".row-id").inner_text() == title(page)


def painted(page, colour):
    """Wait until the page's background is of this colour."""
    page.wait_for_function(
        "colour => getComputedStyle(document.documentElement).backgroundColor === colour", arg=colour
    )


def test_it_is_dark_where_the_system_is_and_on_request(tab, showcase):
    light, dark = "rgb(246, 246, 244)", "rgb(16, 17, 19)"
    with opened(tab, showcase) as page:
        painted(page, light)
        page.keyboard.press("t")
        painted(page, dark)
        page.reload()
        painted(page, dark)
    with opened(tab, showcase, scheme="dark") as page:
        painted(page, dark)
        page.click("[data-theme-switch]")
        painted(page, light)


@pytest.mark.parametrize("address", ["", f"#case={LOOP}", "#case=wire/miss[gpt-4o-mini]#1"])
def test_a_narrow_window_does_not_scroll_sideways(tab, showcase, address):
    with opened(tab, showcase, address, width=380) as page:
        page.wait_for_selector("h1 >> visible=true")
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 380


def test_the_same_case_in_two_suites_is_two_cases(tab, tmp_path):
    one = odd(verdicts=[Verdict("equals", "failed", "a", "first")])
    other = replace(
        odd(verdicts=[Verdict("equals", "failed", "b", "second")]), case=replace(one.case, suite="two")
    )
    with opened(tab, draw(tmp_path, [one, other])) as page:
        page.click(".case-link >> nth=1")
        page.wait_for_selector(".turn")
        assert page.inner_text(".verdict .message") == "second"
        page.keyboard.press("k")
        until(page, "document.querySelector('.verdict .message')?.textContent === 'first'")
        page.keyboard.press("j")
        until(page, "document.querySelector('.verdict .message')?.textContent === 'second'")


def test_paper_gets_the_list_and_no_controls(tab, showcase):
    with opened(tab, showcase) as page:
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator(".row").count() == 411
        assert page.is_hidden("#search")


def test_without_javascript_the_failures_and_their_commands_are_there(tab, showcase):
    context = tab.context.browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(showcase.as_uri())
    assert "The list of cases needs JavaScript" in page.inner_text("noscript")
    assert "9 of 411 cases failed" in page.inner_text("h1")
    assert 'pytest "suites/support.yaml::support/where-is-it[prod-eu]#1"' in page.inner_text("main")
    context.close()


def test_a_page_that_was_cut_says_so(tab, showcase, tmp_path):
    html = showcase.read_text("utf-8")
    cut = tmp_path / "index.html"
    cut.write_text(html[: html.index('<script type="application/octet-stream"')], "utf-8")
    with opened(tab, cut, f"#case={LOOP}") as page:
        page.wait_for_selector("#case .notice")
        assert "draw it again with `replay report`" in page.inner_text("#case .notice")


# hostile text

INTRUDERS = (
    "iframe, object, embed, base, form, audio, video, script[src], link[rel=stylesheet], "
    "meta[http-equiv=refresh], svg[onload], [onerror], [onclick], style:not(head > style), "
    "img:not([src^='data:image/png;base64,'])"
)
COUNT = "[...document.querySelectorAll('script, style, meta, link')].length"


@pytest.mark.parametrize("payload", sample_runs.PAYLOADS.values(), ids=sample_runs.PAYLOADS)
def test_hostile_text_stays_text(tab, tmp_path, payload):
    evil = sample_runs.hostile(payload)
    path = draw(tmp_path, [evil, sample_runs.tool_loop()], sample_runs.hostile_header(payload))
    with opened(tab, path) as page:
        page.wait_for_selector(".row")
        before = page.evaluate(COUNT)
        page.click(".row >> nth=0")
        page.wait_for_selector(".turn")
        assert not page.locator("#case .notice").count()
        for fold in page.locator("#case summary").all():
            fold.click()
        for select in page.locator("select:visible").all():
            select.select_option(index=1)
        page.fill("#search", payload.replace("\x00", ""))
        page.wait_for_timeout(300)
        assert page.evaluate("window.pwned") is None
        assert page.locator(INTRUDERS).count() == 0
        assert page.evaluate(COUNT) == before
        hrefs = page.evaluate("[...document.querySelectorAll('[href]')].map(e => e.getAttribute('href'))")
        assert all(href.startswith(("#", "data:image/svg+xml,%3Csvg")) for href in hrefs)
        assert not set("\x00\x1b\u202e\u200b") & set(page.evaluate("document.documentElement.innerText"))
        assert "".join(visible(payload).split()) in "".join(page.inner_text("#case").split())


def test_hostile_text_can_be_linked_to_and_found(tab, tmp_path):
    payload = sample_runs.PAYLOADS["controls"]
    results = [sample_runs.hostile(payload), *sample_runs.showcase(2)]
    path = draw(tmp_path, results)
    with opened(tab, path) as page:
        page.click(".group:has-text('U+202E') .case-link >> nth=0")
        page.wait_for_selector(".turn")
        assert "⟨U+202E⟩" in title(page)
        page.reload()
        page.wait_for_selector(".turn")
        assert "⟨U+D83D⟩" in title(page)
        page.click(".back")
        page.select_option("[data-pick=suite]", index=1)
        shows(page, 1)


def test_the_nouns_of_the_samples_are_whole():
    for result in (*sample_runs.showcase(3), *map(sample_runs.hostile, sample_runs.PAYLOADS.values())):
        assert Result.from_json(json.loads(json.dumps(result.to_json()))).case == result.case
