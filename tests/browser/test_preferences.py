"""Preference pairs in a browser: built from scores, compared side by side with keys alone."""

import statistics
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Watch, ready
from tests.browser.test_review import TIME_A_KEY

Visit = Callable[..., Page]
ANSWERS = (
    "It is the number {n}, which follows {before} and comes before {after}, as counting goes.",
    "It is the number {n}, which follows {before} and comes after {after}, as counting goes.",
)


def answers(count: int) -> list[dict[str, Any]]:
    """Two answers to each question, the right one scored 5, the wrong one 2."""
    return [
        {
            "id": f"{n}-{score}",
            "instruction": f"Explain the number {n}.",
            "input": "",
            "output": text.format(n=n, before=n - 1, after=n + 1),
            "judge_score": score,
        }
        for n in range(1, count + 1)
        for text, score in zip(ANSWERS, (5, 2), strict=True)
    ]


def paired(site: Site, count: int) -> str:
    """A dataset of answers with their pairs, of which pairs alone come to review."""
    dataset = site.dataset(answers(count), scores="judge_score")
    order = {"by": "scores:judge_score"}
    site.finished(site.api.post(f"/datasets/{dataset}/preferences", order))
    site.api.put(f"/datasets/{dataset}/review-queue", {"where": "kind:preference"})
    return dataset


def side(page: Page, *, right: bool) -> str:
    """The key of the right or the wrong answer, found by reading them."""
    first = page.locator("section[aria-label='Answer A']").inner_text()
    return "1" if ("comes before" in first) == right else "2"


def settled(page: Page, number: int) -> None:
    expect(page.locator("#card")).to_contain_text(f"Explain the number {number}.")
    expect(page.locator(".review[aria-busy]")).to_have_count(0)
    expect(page.locator("#card")).to_be_focused()


def test_answers_are_compared_with_keys_and_each_preference_is_undone(
    site: Site, visit: Visit
) -> None:
    dataset = paired(site, 4)
    page = visit(f"/datasets/{dataset}/review")
    settled(page, 1)
    marks = page.locator(".ab-side mark")
    assert sorted(one.strip() for one in marks.all_inner_texts()) == ["after", "before"]
    beside = [page.locator(".ab-side").nth(at).bounding_box() for at in (0, 1)]
    assert beside[0] is not None
    assert beside[1] is not None
    assert beside[0]["y"] == beside[1]["y"]
    assert beside[0]["x"] + beside[0]["width"] <= beside[1]["x"] + 1
    for word in ("chosen", "rejected", "margin"):
        assert word not in page.locator(".review").inner_html().lower()

    page.keyboard.press(side(page, right=True))
    settled(page, 2)
    page.keyboard.press(side(page, right=False))
    settled(page, 3)
    page.keyboard.press("3")
    settled(page, 4)

    pairs = site.samples(dataset, "kind:preference")
    assert [(one["status"], one["revision"]) for one in pairs] == [
        ("approved", 1),
        ("approved", 2),
        ("rejected", 1),
        ("in_review" if pairs[3]["status"] == "in_review" else "pending", 1),
    ]
    assert "comes after" in pairs[1]["body"]["chosen"]
    people = site.api.get(f"/datasets/{dataset}/preferences")["people"]
    assert (people["agreed"], people["disagreed"], people["tied"]) == (1, 1, 1)

    page.keyboard.press("u")
    settled(page, 3)
    page.keyboard.press("u")
    settled(page, 2)
    back = site.samples(dataset, "kind:preference")[1]
    assert back["status"] in {"pending", "in_review"}
    assert "comes before" in back["body"]["chosen"]


def test_the_next_pair_is_there_at_once(site: Site, visit: Visit) -> None:
    dataset = paired(site, 10)
    page = visit(f"/datasets/{dataset}/review")
    times = []
    for number in range(1, 9):
        settled(page, number)
        times.append(page.evaluate(TIME_A_KEY, "1"))

    assert statistics.median(times) < 100, times


def test_the_order_of_the_answers_stays_the_same_for_a_person(site: Site, visit: Visit) -> None:
    dataset = paired(site, 1)
    email = site.person("annotator")
    seen = []
    for _ in range(2):
        page = visit(f"/datasets/{dataset}/review", email)
        settled(page, 1)
        seen.append(page.locator(".ab-side").all_inner_texts())

    assert seen[0] == seen[1]
    assert len(set(seen[0])) == 2


def test_an_answer_is_edited_without_being_told_which_it_is(site: Site, visit: Visit) -> None:
    dataset = paired(site, 1)
    page = visit(f"/datasets/{dataset}/review")
    settled(page, 1)
    key = side(page, right=False)
    page.keyboard.press("e")
    expect(page.get_by_role("button", name="Save and approve")).to_have_count(0)
    page.get_by_label("A" if key == "1" else "B", exact=True).fill("It is a number, no more.")
    page.keyboard.press("Control+s")
    expect(page.locator(".ab")).to_contain_text("It is a number, no more.")

    (pair,) = site.samples(dataset, "kind:preference")
    assert pair["body"]["rejected"] == "It is a number, no more."
    assert pair["status"] in {"pending", "in_review"}


def test_pairs_are_tried_built_and_taken_back_on_their_page(
    site: Site, visit: Visit, watch: Watch
) -> None:
    dataset = site.dataset(answers(3), scores="judge_score")
    page = visit(f"/datasets/{dataset}/preferences")
    expect(page.get_by_role("heading", name="No pairs yet")).to_be_visible()
    page.keyboard.press("m")
    page.get_by_label("Margin").fill("4")
    page.get_by_role("button", name="Try it first").click()
    expect(page.locator("#trial")).to_contain_text("0 pairs would be built")
    expect(page.locator("#trial")).to_contain_text("the scores are closer than the margin")
    page.get_by_label("Margin").fill("2")
    page.get_by_role("button", name="Try it first").click()
    expect(page.locator("#trial")).to_contain_text("3 pairs would be built")
    page.get_by_role("button", name="Build", exact=True).click()

    expect(page.get_by_role("heading", name="Margins")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("region", name="Runs")).to_contain_text("scores:judge_score")
    page.get_by_role("button", name="Take back the newest run").click()
    ready(page)
    expect(page.get_by_role("heading", name="No pairs yet")).to_be_visible(timeout=30_000)
    assert {one["status"] for one in site.samples(dataset, "kind:preference")} == {"dropped"}
