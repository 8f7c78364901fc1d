"""The catalog: searching, sorting, choosing, and acting on many samples."""

import re
from collections.abc import Callable
from urllib.parse import quote

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Watch, rows

Visit = Callable[..., Page]
DEMO = "/datasets/demo/samples"
ROWS = ".catalog tbody tr:has(input)"


def test_the_search_completes_with_arrows_and_tab(visit: Visit) -> None:
    page = visit(DEMO)
    page.keyboard.press("/")
    search = page.get_by_label("Search samples")
    expect(search).to_be_focused()

    page.keyboard.type("judge_s")
    options = page.locator("#complete [role=option]")
    expect(options.first).to_contain_text("judge_score")
    expect(search).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")
    expect(search).to_have_value(re.compile("^judge_score"))
    search.fill("stat")
    page.keyboard.press("End")
    expect(options.first).to_contain_text("status")
    page.keyboard.press("Tab")
    expect(options.nth(1)).to_be_visible()
    second = options.nth(1).locator(".mono").inner_text()
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Tab")
    expect(search).to_have_value(f"status:{second} ")
    page.keyboard.press("Escape")
    expect(page.locator("#complete")).to_be_hidden()
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile("where=status"))
    expect(page.locator("#total")).to_have_text("0")


def test_a_wrong_expression_says_what_would_be_right(visit: Visit, watch: Watch) -> None:
    watch.allowed = {422}
    page = visit(DEMO)
    page.get_by_label("Search samples").fill("judge_scor>=3")

    page.keyboard.press("Enter")

    expect(page.get_by_role("alert")).to_contain_text("judge_scor")
    expect(page.get_by_role("alert")).to_contain_text("judge_score")
    expect(page.get_by_label("Search samples")).to_have_value("judge_scor>=3")


def test_a_facet_narrows_and_is_taken_back(visit: Visit) -> None:
    page = visit(DEMO)
    page.get_by_role("group", name="Domain").get_by_label("math").click()
    expect(page.locator("#total")).to_have_text("80")
    expect(page.get_by_label("Search samples")).to_have_value("domain:math")

    page.get_by_role("group", name="Domain").get_by_label("math").click()

    expect(page.locator("#total")).to_have_text("400")


def test_rows_are_sorted_by_a_column_and_by_the_list(visit: Visit) -> None:
    page = visit(f"{DEMO}?columns=judge_score")
    page.get_by_role("link", name="judge_score").click()
    header = page.get_by_role("columnheader", name="judge_score")
    expect(header).to_have_attribute("aria-sort", "descending")
    expect(page.locator(ROWS).first.locator("td").nth(4)).to_have_text("5")

    page.get_by_label("Sort").select_option("judge_score")

    expect(header).to_have_attribute("aria-sort", "ascending")
    expect(page.locator(ROWS).first.locator("td").nth(4)).to_have_text("1")


def test_columns_are_chosen(visit: Visit) -> None:
    page = visit(DEMO)
    page.get_by_role("button", name="Columns").click()
    while page.locator("[data-column]:checked").count():
        page.locator("[data-column]:checked").first.uncheck()
    page.get_by_label("response_words").check()
    page.get_by_role("button", name="Show these").click()

    expect(page.get_by_role("columnheader", name="response_words")).to_be_visible()
    expect(page.get_by_role("columnheader", name="judge_score")).to_have_count(0)


def test_more_rows_come_when_the_last_is_seen(visit: Visit) -> None:
    page = visit(DEMO)
    found = page.locator(ROWS)
    expect(found).to_have_count(50)

    found.last.scroll_into_view_if_needed()
    expect(found).to_have_count(100)
    found.last.scroll_into_view_if_needed()

    expect(found).to_have_count(150)
    ids = page.locator("input[name=ids]").evaluate_all("all => all.map((one) => one.value)")
    assert len(set(ids)) == 150


def test_a_view_is_saved_and_found_again(site: Site, visit: Visit) -> None:
    dataset = site.dataset(rows(6))
    page = visit(f"/datasets/{dataset}/samples?where={quote('judge_score>=3')}&sort=id")
    page.get_by_role("button", name="Save view").click()
    page.get_by_label("Name of this view").fill("good ones")
    with page.expect_event("load"):
        page.get_by_role("button", name="Save", exact=True).click()

    page.goto(f"/datasets/{dataset}/samples")
    page.get_by_role("navigation", name="Saved views").get_by_role("link", name="good ones").click()

    expect(page.get_by_label("Search samples")).to_have_value("judge_score>=3")
    expect(page.get_by_role("link", name="good ones")).to_have_attribute("aria-current", "true")


def test_all_matches_are_changed_after_their_count_is_confirmed_and_undone(
    site: Site, visit: Visit
) -> None:
    dataset = site.dataset(rows(10))
    page = visit(f"/datasets/{dataset}/samples?where={quote('judge_score>=4')}")
    page.keyboard.press("a")
    dialog = page.locator("#bulk-dialog")
    expect(dialog.get_by_role("heading")).to_have_text("Approve: 4 samples?")
    expect(dialog).to_contain_text("Of the 4 that match")

    dialog.get_by_role("button", name="Approve 4").click()
    expect(page.get_by_text("4 samples: approve")).to_be_visible(timeout=20_000)
    assert len(site.samples(dataset, "status:approved")) == 4

    page.get_by_role("button", name="Undo").click()
    expect(page.locator(ROWS).first).to_contain_text("Pending", timeout=20_000)
    assert site.samples(dataset, "status:approved") == []


def test_chosen_rows_are_tagged(site: Site, visit: Visit) -> None:
    dataset = site.dataset(rows(6))
    page = visit(f"/datasets/{dataset}/samples?sort=id")
    boxes = page.locator("input[name=ids]")
    boxes.nth(0).check()
    boxes.nth(2).check()
    expect(page.get_by_label("Selected 2")).to_be_checked()

    page.get_by_label("Tag", exact=True).fill("keep")
    page.get_by_role("button", name="Tag t").click()
    page.locator("#bulk-dialog").get_by_role("button", name="Tag 2").click()

    expect(page.get_by_text("2 samples: tag keep")).to_be_visible(timeout=20_000)
    tagged = site.samples(dataset, "tag:keep")
    assert [one["external_id"] for one in tagged] == ["row-1", "row-3"]


def test_a_count_that_is_not_confirmed_changes_nothing(site: Site, visit: Visit) -> None:
    dataset = site.dataset(rows(5))
    page = visit(f"/datasets/{dataset}/samples")
    page.keyboard.press("r")
    expect(page.locator("#bulk-dialog")).to_be_visible()

    page.keyboard.press("Escape")

    expect(page.locator("#bulk-dialog")).to_be_hidden()
    assert site.samples(dataset, "status:rejected") == []


def test_rows_are_walked_with_keys(visit: Visit) -> None:
    page = visit(DEMO)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("input[name=ids]").nth(1)).to_be_checked()
    page.keyboard.press("k")
    first = page.locator(ROWS).first.get_by_role("link")
    expect(first).to_be_focused()
    sample = page.locator("input[name=ids]").first.get_attribute("value")

    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text(f"#{sample}")


def test_facets_open_as_a_drawer_where_the_window_is_narrow(visit: Visit) -> None:
    page = visit(DEMO, viewport={"width": 900, "height": 900})
    expect(page.locator("#facets")).to_be_hidden()

    page.get_by_role("button", name="Facets").click()
    page.get_by_role("group", name="Domain").get_by_label("code").click()

    expect(page.locator("#total")).to_have_text("80")
