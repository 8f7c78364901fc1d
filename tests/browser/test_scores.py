"""Scores: measuring through the form, the histogram, samples at both ends."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Watch, rows

Visit = Callable[..., Page]


def test_a_signal_is_measured_through_the_form(site: Site, visit: Visit) -> None:
    dataset = site.dataset(rows(12), scores="none")
    page = visit(f"/datasets/{dataset}/scores")
    expect(page.get_by_role("heading", name="Nothing is measured yet")).to_be_visible()

    page.keyboard.press("m")
    form = page.locator("#measure")
    chosen = form.locator("input[name^='signal.']:checked")
    while chosen.count():
        chosen.first.uncheck()
    form.get_by_role("checkbox", name="Lengths").check()
    form.get_by_label("Only samples that match").fill("domain:math")
    form.get_by_role("button", name="Measure").click()

    expect(page.get_by_role("link", name="response_words")).to_be_visible(timeout=20_000)
    page.get_by_role("link", name="response_words").click()
    expect(page.get_by_role("img", name="Histogram of response_words")).to_be_visible()
    expect(page.get_by_text("6 samples; 6 have no value")).to_be_visible()
    measured = site.samples(dataset, "response_words>=1")
    assert {one["domain"] for one in measured} == {"math"}


def test_a_parameter_out_of_bounds_never_leaves_the_form(site: Site, visit: Visit) -> None:
    page = visit(f"/datasets/{site.dataset(rows(2), scores='none')}/scores")
    page.get_by_role("button", name="Measure").click()
    form = page.locator("#measure")
    form.locator("summary", has_text="Parameters").first.click()
    field = form.locator("input[type=number][min]:visible").first

    field.fill("-5")
    form.get_by_role("button", name="Measure").click()

    assert field.evaluate("(el) => !el.validity.valid")
    expect(form).to_be_visible()


def test_a_wrong_filter_is_told(site: Site, visit: Visit, watch: Watch) -> None:
    watch.allowed = {422}
    page = visit(f"/datasets/{site.dataset(rows(2), scores='none')}/scores")
    page.keyboard.press("m")
    page.locator("#measure").get_by_label("Only samples that match").fill("nothing_like_it>3")
    page.locator("#measure").get_by_role("button", name="Measure").click()

    expect(page.locator("main")).to_contain_text("nothing_like_it")


def test_both_ends_of_a_signal_lead_to_their_samples(visit: Visit) -> None:
    page = visit("/datasets/demo/scores?signal=judge_score")
    lowest = page.locator("section", has=page.get_by_role("heading", name="Lowest"))
    expect(lowest.locator(".cutlist li").first).to_contain_text("1")

    page.get_by_role("link", name="Set a threshold").click()

    expect(page.get_by_label("Threshold of judge_score")).to_be_visible()
