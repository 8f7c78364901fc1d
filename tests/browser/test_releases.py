"""Releases: made, compared, and downloaded in the browser; jobs that are watched and steered."""

import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Watch, rows

Visit = Callable[..., Page]


def test_a_release_is_made_and_downloaded(site: Site, visit: Visit) -> None:
    dataset = site.dataset(rows(6))
    site.approve(dataset, 4)
    page = visit(f"/datasets/{dataset}/releases")
    page.get_by_label("Name").fill("v1")
    page.get_by_role("button", name="Release 4 rows").click()

    made = page.locator("tr", has=page.get_by_role("link", name="v1", exact=True))
    expect(made).to_contain_text("Ready", timeout=20_000)
    with page.expect_download() as started:
        page.get_by_role("link", name=".jsonl").first.click()
    lines = Path(started.value.path()).read_text().splitlines()
    assert [json.loads(line)["instruction"] for line in lines] == [
        f"Explain the number {n}." for n in range(1, 5)
    ]
    page.get_by_role("link", name="v1", exact=True).click()
    expect(page.locator("article")).to_contain_text("4")


def test_only_rows_of_a_filter_are_counted_and_released(site: Site, visit: Visit) -> None:
    dataset = site.dataset(rows(6), scores="judge_score")
    site.approve(dataset, 6)
    page = visit(f"/datasets/{dataset}/releases")

    page.get_by_label("Which approved rows").fill("judge_score>=4")
    page.get_by_role("button", name="Count").click()

    expect(page.get_by_role("button", name="Release 2 rows")).to_be_visible()


def test_two_releases_are_compared(site: Site, visit: Visit) -> None:
    dataset = site.dataset(rows(6))
    site.approve(dataset, 2)
    site.release(dataset, "v1")
    site.approve(dataset, 5)
    second = site.release(dataset, "v2")
    page = visit(f"/releases/{second['id']}")

    page.get_by_role("button", name="Compare").click()

    expect(page.get_by_role("heading", name="3 added")).to_be_visible()
    expect(page.get_by_role("heading", name="0 removed")).to_be_visible()
    page.locator(".ids a").first.click()
    expect(page.get_by_label("Ledger")).to_contain_text("v2")


def test_a_wrong_filter_of_a_release_is_told(site: Site, visit: Visit, watch: Watch) -> None:
    watch.allowed = {422}
    page = visit(f"/datasets/{site.empty()}/releases")
    page.get_by_label("Which approved rows").fill("nothing_like_it>3")

    page.get_by_role("button", name="Count").click()

    expect(page.locator("main")).to_contain_text("nothing_like_it")


def test_a_job_is_cancelled_and_run_again(site: Site, visit: Visit) -> None:
    dataset = site.empty()
    path = site.home / "many.jsonl"
    with path.open("w") as file:
        for n in range(60_000):
            file.write(json.dumps({"instruction": f"Say {n}.", "output": f"{n} " * 20}) + "\n")
    about = {"source": "many", "license": "cc0-1.0"}
    site.api.upload(f"/datasets/{dataset}/imports", [path], about, lambda *_: None)
    page = visit(f"/datasets/{dataset}/jobs")
    row = page.locator("tr[id^=job-]")

    row.get_by_role("button", name="Cancel").click()
    expect(row.get_by_role("button", name="Retry")).to_be_visible(timeout=20_000)
    expect(row.locator(".st-cancelled")).to_be_visible()
    row.get_by_role("button", name="Retry").click()

    expect(row.get_by_role("button", name="Cancel")).to_be_visible(timeout=20_000)
    row.get_by_role("button", name="Cancel").click()
    expect(row.get_by_role("button", name="Retry")).to_be_visible(timeout=20_000)


def test_what_failed_in_a_job_is_listed_and_saved(site: Site, visit: Visit) -> None:
    good = {"instruction": "Who?", "output": "I."}
    dataset = site.dataset([good, {"instruction": "", "output": ""}, {**good, "output": "You."}])
    page = visit(f"/datasets/{dataset}/jobs")
    page.get_by_role("link", name="1 failed").click()
    expect(page.locator("#failed tbody tr")).to_have_count(1)

    with page.expect_download() as started:
        page.get_by_role("link", name="CSV").click()

    saved = Path(started.value.path()).read_text()
    assert saved.startswith("place,line,column,sample,reason,row")
    assert len(saved.splitlines()) == 2
