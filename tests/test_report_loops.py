"""The report of an agent's loop in a real browser: what tools answered, and where a thing was done twice."""

from browser import chromium, opened
from test_agent_loops import SUITE, calls, play, says

PAY = "refund", {"order_id": "A-1"}
TWICE = """
    from replay import tools
    tools.registry.register("refund", lambda order_id: {"paid": order_id})
"""


def test_the_page_shows_statuses_refusals_and_both_places_of_a_duplicate_effect(sandbox):
    script = [
        calls(PAY),
        calls(PAY, ("lookup_order", {"order_id": "A-1"}), ("drop_table", {})),
        says(),
    ]
    suite = SUITE + "    grants: [refunds]\n"
    line, _ = play(sandbox, script, suite, conftest=TWICE)
    (found,) = [one for one in line["verdicts"] if one.get("kind") == "duplicate_effect"]
    assert [place["turn"] for place in found["actual"]] == [1, 2]
    page = max(sandbox.root.glob("reports/*/index.html"))
    with chromium() as browser, opened(browser, page) as shown:
        shown.locator("text=shop/refund[small]#1").first.click()
        marks = shown.locator(".verdict", has_text="was executed twice").locator("button.tag")
        assert marks.all_inner_texts() == ["turn 1", "turn 2"]
        first = shown.locator('[data-turn="2"] .bubble.tool').first
        assert "success" in first.inner_text()
        assert "function" in first.inner_text()
        refused = shown.locator('[data-turn="2"] .not-executed')
        assert "drop_table was not executed: there is no tool drop_table" in refused.inner_text()
        third = shown.locator('[data-turn="3"] .bubble.tool')
        assert ["not executed" in text for text in third.all_inner_texts()] == [False, False, True]
        shown.locator('[data-turn="1"] .bodies summary', has_text="request").first.click()
        assert "requires" not in shown.locator('[data-turn="1"] .bodies').inner_text()
