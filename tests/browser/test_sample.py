"""The page of one sample: reading, editing, its ledger and its revisions."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Watch, rows

Visit = Callable[..., Page]


def test_an_edit_stands_in_the_ledger_with_its_words_and_is_taken_back(
    site: Site, visit: Visit
) -> None:
    sample = site.samples(site.dataset(rows(2)))[0]
    page = visit(f"/samples/{sample['id']}")
    page.keyboard.press("e")
    output = page.get_by_label("Output")
    output.fill("It follows zero and comes before 2.")
    page.get_by_label("Why").fill("say zero")
    page.keyboard.press("Control+Enter")

    ledger = page.get_by_label("Ledger")
    expect(ledger.locator("ins")).to_have_text("zero")
    expect(ledger.locator("del")).to_have_text("0")
    expect(ledger).to_contain_text("say zero")
    expect(ledger).to_contain_text("the chain of hashes is whole")
    page.get_by_role("navigation", name="Revisions").get_by_role("link", name="1").click()
    expect(page.locator("article")).to_contain_text("It follows 0")

    page.get_by_role("button", name="Restore revision 1").click()

    expect(page.locator("article")).to_contain_text("It follows 0")
    expect(page.get_by_role("navigation", name="Revisions")).to_contain_text("3, now")
    assert site.api.get(f"/samples/{sample['id']}")["body"] == sample["body"]


def test_an_edit_of_an_older_revision_is_refused(site: Site, visit: Visit, watch: Watch) -> None:
    watch.allowed = {409}
    sample = site.samples(site.dataset(rows(1)))[0]
    page = visit(f"/samples/{sample['id']}?edit=true")
    other = visit(f"/samples/{sample['id']}?edit=true")
    other.get_by_label("Output").fill("Somebody was first.")
    other.get_by_role("button", name="Save revision 2").click()
    expect(other.locator("article")).to_contain_text("Somebody was first.")

    page.get_by_label("Output").fill("I was second.")
    page.get_by_role("button", name="Save revision 2").click()

    expect(page.locator("main")).to_contain_text("edited")
    expect(page.get_by_label("Output")).to_have_value("I was second.")
    assert site.api.get(f"/samples/{sample['id']}")["body"]["output"] == "Somebody was first."


def test_a_discarded_edit_changes_nothing(site: Site, visit: Visit) -> None:
    sample = site.samples(site.dataset(rows(1)))[0]
    page = visit(f"/samples/{sample['id']}?edit=true")
    expect(page.get_by_label("Instruction")).to_be_focused()
    page.get_by_label("Output").fill("Never.")

    page.keyboard.press("Escape")

    expect(page.locator("article")).to_contain_text("It follows 0")
    assert site.api.get(f"/samples/{sample['id']}")["revision"] == 1


def test_a_dropped_sample_says_why_and_comes_back(site: Site, visit: Visit) -> None:
    dataset = site.dataset(rows(5), scores="judge_score")
    rule = site.api.post(f"/datasets/{dataset}/rules", {"name": "keep", "where": "judge_score>=2"})
    site.finished(site.api.post(f"/rules/{rule['id']}/apply"))
    (dropped,) = site.samples(dataset, "status:dropped")
    page = visit(f"/samples/{dropped['id']}")
    expect(page.get_by_text("it fails judge_score>=2, it has 1").first).to_be_visible()

    page.get_by_role("button", name="Restore").click()

    expect(page.get_by_label("Ledger")).to_contain_text("Restored")
    assert site.samples(dataset, "status:dropped") == []
