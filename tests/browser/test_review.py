"""Reviewing with keys alone."""

import statistics
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Watch, rows

Visit = Callable[..., Page]
TIME_A_KEY = """async (key) => {
  const name = () => document.querySelector("#card").ariaLabel;
  const before = name(), start = performance.now();
  const painted = () => new Promise((done) => requestAnimationFrame(done));
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  do await painted(); while (name() === before);
  return performance.now() - start;
}"""


def card(page: Page, number: int) -> None:
    """The sample with this number is on the page, confirmed by the server, and has the focus."""
    expect(page.locator("#card")).to_contain_text(f"Explain the number {number}.")
    expect(page.locator(".review[aria-busy]")).to_have_count(0)
    expect(page.locator("#card")).to_be_focused()


def test_each_decision_has_its_key_and_undo_brings_the_sample_back(
    site: Site, visit: Visit
) -> None:
    dataset = site.dataset(rows(6))
    page = visit(f"/datasets/{dataset}/review")
    card(page, 1)
    for key, then in [("a", 2), ("r", 3), ("s", 4), ("f", 5)]:
        page.keyboard.press(key)
        card(page, then)
    expect(page.locator("#progress")).to_contain_text("3 of")

    statuses = {one["external_id"]: one["status"] for one in site.samples(dataset)}
    assert statuses["row-1"] == "approved"
    assert statuses["row-2"] == "rejected"
    assert statuses["row-3"] not in {"approved", "rejected"}
    assert statuses["row-4"] == "quarantined"

    page.keyboard.press("u")
    card(page, 4)
    page.keyboard.press("z")
    card(page, 3)
    statuses = {one["external_id"]: one["status"] for one in site.samples(dataset)}
    assert statuses["row-4"] not in {"quarantined", "approved"}


def test_a_sample_is_edited_and_approved_without_the_mouse(site: Site, visit: Visit) -> None:
    dataset = site.dataset(rows(3))
    page = visit(f"/datasets/{dataset}/review")
    card(page, 1)
    page.keyboard.press("e")
    expect(page.get_by_label("Instruction")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Output")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("Far and fair: a r s f")
    page.keyboard.press("Control+Enter")
    card(page, 2)

    (approved,) = site.samples(dataset, "status:approved")
    assert approved["body"]["output"] == "Far and fair: a r s f"
    assert approved["revision"] == 2


def test_an_edit_is_saved_to_decide_later_and_one_is_discarded(site: Site, visit: Visit) -> None:
    dataset = site.dataset(rows(2))
    page = visit(f"/datasets/{dataset}/review")
    card(page, 1)
    page.keyboard.press("e")
    page.get_by_label("Output").fill("Better.")
    page.keyboard.press("Control+s")
    card(page, 1)
    expect(page.locator("#card ins").first).to_be_visible()

    page.keyboard.press("e")
    page.get_by_label("Output").fill("Worse.")
    page.keyboard.press("Escape")

    card(page, 1)
    expect(page.locator("#card")).to_contain_text("Better.")
    assert site.samples(dataset)[0]["body"]["output"] == "Better."


def test_a_note_goes_with_the_decision(site: Site, visit: Visit) -> None:
    dataset = site.dataset(rows(2))
    page = visit(f"/datasets/{dataset}/review")
    card(page, 1)
    page.keyboard.press("n")
    expect(page.get_by_label("Note")).to_be_focused()
    page.keyboard.type("far from sure")
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    card(page, 2)

    (flagged,) = site.samples(dataset, "status:quarantined")
    ledger = site.api.get(f"/samples/{flagged['id']}/ledger")["items"]
    assert "far from sure" in ledger[0]["detail"]


def test_guidelines_scores_and_keys_open_and_close(visit: Visit) -> None:
    page = visit("/datasets/demo/review")
    scores = page.locator("#scores h2")
    expect(scores).to_be_visible()
    page.keyboard.press("g")
    expect(page.locator("#guidelines").get_by_role("heading").first).to_be_visible()
    page.keyboard.press("g")
    expect(page.locator("#guidelines")).to_be_hidden()
    page.keyboard.press("b")
    expect(scores).to_be_hidden()
    page.keyboard.press("b")
    expect(scores).to_be_visible()

    page.keyboard.press("?")
    keys = page.locator("#keys")
    expect(keys).to_contain_text("Approve")
    expect(keys).to_contain_text("Undo") if page.locator(".undo").count() else None
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()


def test_scores_that_were_put_away_stay_away(site: Site, visit: Visit) -> None:
    dataset = site.dataset(rows(3), scores="judge_score")
    page = visit(f"/datasets/{dataset}/review")
    card(page, 1)
    page.keyboard.press("b")
    expect(page.locator("#scores h2")).to_be_hidden()

    page.keyboard.press("a")

    card(page, 2)
    expect(page.locator("#scores h2")).to_be_hidden()


def test_a_conflict_keeps_the_decision_and_the_text(site: Site, visit: Visit, watch: Watch) -> None:
    watch.allowed = {409}
    dataset = site.dataset(rows(2))
    sample = site.samples(dataset)[0]
    page = visit(f"/datasets/{dataset}/review")
    card(page, 1)
    page.keyboard.press("e")
    page.get_by_label("Output").fill("My own words.")
    other = visit(f"/samples/{sample['id']}?edit=true")
    other.get_by_label("Output").fill("The words of somebody else.")
    other.get_by_role("button", name="Save revision 2").click()
    expect(other.locator("article")).to_contain_text("somebody else")

    page.keyboard.press("Control+Enter")

    conflict = page.locator("#conflict")
    expect(conflict).to_contain_text("The words of somebody else.")
    expect(page.get_by_label("Output")).to_have_value("My own words.")
    assert site.samples(dataset, "status:approved") == []
    conflict.get_by_role("button", name="Approve revision 2 as it reads now").click()
    card(page, 2)
    (approved,) = site.samples(dataset, "status:approved")
    assert approved["body"]["output"] == "The words of somebody else."


def test_a_conflict_without_an_edit_shows_the_sample_again(
    site: Site, visit: Visit, watch: Watch
) -> None:
    watch.allowed = {409}
    dataset = site.dataset(rows(3))
    sample = site.samples(dataset)[0]
    page = visit(f"/datasets/{dataset}/review")
    card(page, 1)
    other = visit(f"/samples/{sample['id']}?edit=true")
    other.get_by_label("Output").fill("New words.")
    other.get_by_role("button", name="Save revision 2").click()
    expect(other.locator("article")).to_contain_text("New words.")

    page.keyboard.press("a")

    expect(page.locator("#conflict")).to_contain_text("New words.")
    expect(page.locator("#card")).to_contain_text("Explain the number 1.")
    page.get_by_role("button", name="Go on with the next").click()
    expect(page.locator("#conflict")).to_be_empty()
    assert site.samples(dataset, "status:approved") == []


def test_two_quick_keys_decide_on_two_samples(site: Site, visit: Visit) -> None:
    dataset = site.dataset(rows(4))
    page = visit(f"/datasets/{dataset}/review")
    card(page, 1)

    page.keyboard.press("a")
    page.keyboard.press("r")

    card(page, 3)
    statuses = {one["external_id"]: one["status"] for one in site.samples(dataset)}
    assert statuses["row-1"] == "approved"
    assert statuses["row-2"] == "rejected"


def test_the_next_sample_is_there_at_once(site: Site, visit: Visit) -> None:
    dataset = site.dataset(rows(12))
    page = visit(f"/datasets/{dataset}/review")
    times = []
    for number in range(1, 10):
        card(page, number)
        times.append(page.evaluate(TIME_A_KEY, "a"))

    assert statistics.median(times) < 100, times


def test_when_nothing_is_left_the_page_says_so(site: Site, visit: Visit) -> None:
    page = visit(f"/datasets/{site.dataset(rows(1))}/review")
    card(page, 1)

    page.keyboard.press("a")

    expect(page.get_by_role("heading", name="Nothing left to review")).to_be_visible()
    page.keyboard.press("u")
    card(page, 1)


def test_blind_review_sends_no_scores(site: Site, visit: Visit) -> None:
    dataset = site.dataset(rows(2), scores="judge_score", source="secret-source")
    page = visit(f"/datasets/{dataset}/review")
    page.get_by_role("button", name="Set up the queue").click()
    page.get_by_label("Blind").check()
    page.get_by_role("button", name="Set up", exact=True).click()

    expect(page.locator("#scores")).to_contain_text("Scores and source are hidden")
    assert "judge_score" not in page.locator(".review").inner_html()
    assert "secret-source" not in page.content()
