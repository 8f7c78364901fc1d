"""A lead's hour: a judge grades some samples, a model carries it to all, a cut is seen first."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.endpoint import Answer, Json, asked, graded, serving

Visit = Callable[..., Page]
_LONG_MS = 120_000  # distilling the embedding model comes first on a new machine

GOOD = "A theorem follows from the axioms by induction, since each step rests on the one before"
BAD = "lol whatever buy cheap pills now, click here to win"


def judged(request: Json) -> Answer:
    return graded(5 if "theorem" in asked(request) else 1, "It says what follows from what.")


def test_a_grade_of_some_is_carried_to_all_and_its_cut_is_seen(site: Site, visit: Visit) -> None:
    rows = [
        {
            "id": f"p-{n}",
            "instruction": f"Write sentence number {n}.",
            "output": f"{GOOD if n % 3 else BAD} ({n}).",
        }
        for n in range(90)
    ]
    dataset = site.dataset(rows, scores="none")
    with serving(judged) as endpoint:
        site.api.post("/providers", {"name": "local", "url": endpoint.url, "model": "tiny"})
        page = visit(f"/datasets/{dataset}/campaigns")
        page.keyboard.press("m")
        form = page.locator("#start")
        form.get_by_label("Name, also the tag").fill("gold")
        form.get_by_label("Samples", exact=True).fill("45")
        form.get_by_label("Clusters of meaning").fill("3")
        form.get_by_label("Rubric").select_option("edu_judge")
        form.get_by_role("button", name="Draw and label").click()
        expect(page.get_by_role("img", name="100.0 % labelled")).to_be_visible(timeout=_LONG_MS)

    assert len(endpoint.requests) == 45
    page.get_by_role("link", name="Learn from it").click()
    page.wait_for_url("**/learn?*")  # a key pressed before this page is there is lost
    page.keyboard.press("m")
    learn = page.locator("#learn")
    expect(learn.get_by_label("Only labels of samples that match")).to_have_value("tag:gold")
    expect(learn.get_by_label("Labels", exact=True)).to_have_value("edu_judge")
    learn.get_by_label("Name of the new signal").fill("quality")
    learn.get_by_label("Labels count as good from").fill("3")
    learn.get_by_label("Learner").select_option("logistic")
    learn.get_by_role("button", name="Learn").click()

    expect(page.get_by_role("heading", name="Where to cut")).to_be_visible(timeout=_LONG_MS)
    page.get_by_role("link", name="See what it does").first.click()
    expect(page.locator("#threshold")).to_be_visible()
    kept = site.samples(dataset, "quality>=0.5")
    assert {one["external_id"] for one in kept} == {f"p-{n}" for n in range(90) if n % 3}


def test_the_queue_shows_first_what_the_model_doubts(site: Site, visit: Visit) -> None:
    rows = [
        {"id": f"d-{n}", "instruction": f"Question {n}?", "output": f"Answer {n}.", "doubt": n / 20}
        for n in range(20)
    ]
    dataset = site.dataset(rows, scores="all")
    page = visit(f"/datasets/{dataset}/review")
    page.locator("[popovertarget=queue-settings]").click()
    page.get_by_label("In which order").fill("uncertain:doubt")
    page.get_by_role("button", name="Set up", exact=True).click()

    # What the lead held meanwhile stays the lead's; the next person is shown the most doubtful one.
    theirs = visit(f"/datasets/{dataset}/review", site.person("annotator"))
    expect(theirs.locator("#card")).to_contain_text("Question 10?")
