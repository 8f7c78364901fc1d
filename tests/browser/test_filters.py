"""Filters: conditions, a threshold that is dragged, what applying does, undo."""

import re
from collections.abc import Callable
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Site, Watch, rows

Visit = Callable[..., Page]
COUNT_REQUESTS = """() => {
  const { fetch } = window;
  window.asked = 0;
  window.fetch = (...all) => { window.asked += 1; return fetch(...all); };
}"""


def bench(dataset: str, *conditions: str, at: int = 1) -> str:
    asked = "&".join(f"c={quote(one)}" for one in conditions)
    return f"/datasets/{dataset}/filters?{asked}&at={at}"


def kept(page: Page) -> Locator:
    return page.locator("[data-kept]")


def drag(page: Page, share: float) -> None:
    """Take the threshold where it is and hold it over a share of the plot."""
    box = page.get_by_label("Threshold of judge_score").bounding_box()
    at = page.evaluate(
        "() => { const r = document.querySelector('[data-threshold]');"
        " return (r.value - r.min) / (r.max - r.min); }"
    )
    assert box is not None
    left, width = box["x"] + 10, box["width"] - 20
    page.mouse.move(left + at * width, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(left + share * width, box["y"] + 60, steps=8)


def test_the_threshold_is_dragged_and_counts_follow_before_any_request(visit: Visit) -> None:
    page = visit(bench("demo", "judge_score>=2"))
    page.evaluate(COUNT_REQUESTS)
    before = kept(page).inner_text()

    drag(page, 0.75)

    expect(kept(page)).not_to_have_text(before)
    while_held = kept(page).inner_text()
    assert page.evaluate("window.asked") == 0
    expect(page.get_by_label("Condition 1", exact=True)).to_have_value("judge_score>=2")
    page.mouse.up()
    expect(page.get_by_label("Condition 1", exact=True)).to_have_value(
        re.compile(r"^judge_score>=4(\.\d+)?$")
    )
    expect(page).to_have_url(re.compile("judge_score%3E%3D4"))
    assert page.evaluate("window.asked") == 1
    expect(kept(page)).to_have_text(while_held)
    expect(page.get_by_label("Threshold of judge_score")).to_be_focused()


def test_the_threshold_moves_with_arrow_keys(visit: Visit) -> None:
    page = visit(bench("demo", "judge_score>=2"))
    threshold = page.get_by_label("Threshold of judge_score")
    threshold.focus()

    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(r"judge_score%3E%3D2\.\d"))
    expect(threshold).to_be_focused()
    page.keyboard.press("ArrowRight")

    expect(page.get_by_label("Condition 1", exact=True)).to_have_value("judge_score>=2.04")


@pytest.mark.parametrize(
    ("written", "moved"),
    [
        ("judge_score>=3", r"judge_score>=4(\.\d+)?"),
        ("judge_score<=2.5", r"judge_score<=4(\.\d+)?"),
        ("judge_score:2..", r"judge_score:4(\.\d+)?\.\."),
        ("judge_score:..3", r"judge_score:\.\.4(\.\d+)?"),
        ("judge_score>2", r"judge_score>4(\.\d+)?"),
    ],
)
def test_the_moved_threshold_is_written_as_the_condition_was(
    visit: Visit, written: str, moved: str
) -> None:
    page = visit(bench("demo", "words>=1", written, at=2))

    drag(page, 0.75)
    page.mouse.up()

    condition = page.get_by_label("Condition 2", exact=True)
    expect(condition).to_have_value(re.compile(f"^{moved}$"))
    expect(page.get_by_label("Condition 1", exact=True)).to_have_value("words>=1")
    expect(page.locator("#bad")).to_have_count(0)


def test_a_number_that_is_typed_moves_the_threshold(visit: Visit) -> None:
    page = visit(bench("demo", "judge_score>=2"))
    number = page.get_by_label("Keep from")

    number.fill("4.5")
    page.keyboard.press("Enter")

    expect(page.get_by_label("Condition 1", exact=True)).to_have_value("judge_score>=4.5")
    expect(page.get_by_label("Threshold of judge_score")).to_have_value("4.5")


def test_conditions_are_added_switched_off_and_removed(site: Site, visit: Visit) -> None:
    dataset = site.dataset(rows(10), scores="judge_score")
    page = visit(f"/datasets/{dataset}/filters")
    page.keyboard.press("n")
    page.keyboard.type("judge_score>=3")
    page.keyboard.press("Enter")
    expect(page.get_by_text("4 of 10 rows fail.")).to_be_visible()
    expect(page.get_by_label("Add a condition")).to_have_value("")

    page.get_by_label("Condition 1 is on").uncheck()
    expect(page.get_by_text("0 of 10 rows fail.")).to_be_visible()
    page.get_by_label("Condition 1 is on").check()
    expect(page.get_by_text("4 of 10 rows fail.")).to_be_visible()
    page.get_by_label("Add a condition").fill("domain:math")
    page.get_by_role("button", name="Add n").click()
    expect(page.get_by_text("7 of 10 rows fail.")).to_be_visible()
    page.get_by_role("button", name="Remove condition 1").click()

    expect(page.get_by_text("5 of 10 rows fail.")).to_be_visible()
    expect(page.get_by_label("Condition 1", exact=True)).to_have_value("domain:math")
    page.reload()
    expect(page.get_by_text("5 of 10 rows fail.")).to_be_visible()


def test_a_wrong_condition_is_marked_where_it_stands(visit: Visit, watch: Watch) -> None:
    page = visit(bench("demo", "judge_score>=2"))
    page.get_by_label("Condition 1", exact=True).fill("judge_score>=two")
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Condition 1", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("button", name="Save and apply")).to_be_disabled()


def test_a_rule_set_is_applied_and_undone(site: Site, visit: Visit) -> None:
    dataset = site.dataset(rows(10), scores="judge_score")
    page = visit(bench(dataset, "judge_score>=3"))
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("4 rows dropped")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("version 1", exact=True)).to_be_visible()
    assert len(site.samples(dataset, "status:dropped")) == 4

    page.get_by_role("button", name="Undo version 1").click()

    expect(page.get_by_text("undone")).to_be_visible(timeout=20_000)
    expect(page.get_by_role("button", name="Undo version 1")).to_have_count(0)
    assert site.samples(dataset, "status:dropped") == []


def test_published_thresholds_are_a_start(visit: Visit) -> None:
    page = visit("/datasets/demo/filters")
    page.get_by_role("button", name="keep").click()
    page.locator("#sets").get_by_role("link").nth(1).click()

    expect(page.locator("input.cond").first).not_to_be_empty()
    expect(page.get_by_text("draft")).to_be_visible()
