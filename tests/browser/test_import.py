"""From nothing to samples: a dataset, files, a mapping, the job, what was refused."""

import json
from collections.abc import Callable

from playwright.sync_api import FilePayload, Page, expect

from tests.browser.conftest import Site, Watch

Visit = Callable[..., Page]
LINES = [
    *(
        json.dumps(
            {"ask": f"How much is {n} + {n}?", "reply": f"{2 * n}.", "grade": n, "year": 2026}
        )
        for n in range(1, 9)
    ),
    '{"ask": "cut off',
    json.dumps({"ask": "", "reply": "", "grade": 1, "year": 2026}),
]


def test_a_file_is_imported_with_a_mapping_by_hand(site: Site, visit: Visit) -> None:
    page = visit("/")
    page.get_by_label("Name").fill("by-hand")
    page.get_by_label("For").select_option("sft")
    page.get_by_role("button", name="Make a dataset").click()
    expect(page).to_have_url(f"{site.url}/datasets/by-hand/import")

    file = FilePayload(name="sums.jsonl", mimeType="", buffer="\n".join(LINES).encode())
    page.get_by_label("Files: JSONL").set_input_files([file])
    page.get_by_label("Licence").fill("cc0-1.0")
    page.get_by_role("button", name="Look at the first rows").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("sums.jsonl")
    expect(page.get_by_text("Line 9")).to_be_visible()

    page.get_by_label("instruction", exact=True).select_option("ask")
    page.get_by_label("output", exact=True).select_option("reply")
    page.get_by_label("grade").check()
    page.get_by_label("year").uncheck()
    page.get_by_role("button", name="Import this file").click()

    expect(page.get_by_text("8 new, 0 there already, 2 refused")).to_be_visible(timeout=20_000)
    page.get_by_role("link", name="see which and why").click()
    failed = page.locator("#failed")
    expect(failed.locator("tbody tr")).to_have_count(2)
    expect(failed).to_contain_text("line 9")
    expect(failed).to_contain_text("cut off")
    page.goto("/datasets/by-hand/samples?columns=grade")
    expect(page.locator(".catalog tbody tr")).to_have_count(8)
    expect(page.get_by_role("columnheader", name="grade")).to_be_visible()
    sample = site.samples("by-hand")[0]
    assert sample["body"] == {"instruction": "How much is 1 + 1?", "input": "", "output": "2."}


def test_a_kind_is_chosen_and_nothing_is_written_before(site: Site, visit: Visit) -> None:
    dataset = site.empty()
    page = visit(f"/datasets/{dataset}/import")
    file = FilePayload(name="lines.jsonl", mimeType="", buffer=b'{"ask": "Who?", "reply": "Me."}\n')
    page.get_by_label("Files: JSONL").set_input_files([file])
    page.get_by_role("button", name="Look at the first rows").click()

    page.get_by_role("link", name="text", exact=True).click()

    expect(page.get_by_label("text", exact=True)).to_be_visible()
    assert site.samples(dataset) == []


def test_an_upload_without_a_file_says_what_is_missing(
    site: Site, visit: Visit, watch: Watch
) -> None:
    watch.allowed = {422}
    page = visit(f"/datasets/{site.empty()}/import")

    page.get_by_role("button", name="Look at the first rows").click()

    expect(page.get_by_text("Choose a file")).to_be_visible()


def test_a_file_that_nothing_can_read_is_refused_in_place(
    site: Site, visit: Visit, watch: Watch
) -> None:
    watch.allowed = {422}
    page = visit(f"/datasets/{site.empty()}/import")
    file = FilePayload(
        name="picture.png", mimeType="", buffer=b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
    )
    page.get_by_label("Files: JSONL").set_input_files([file])

    page.get_by_role("button", name="Look at the first rows").click()

    expect(page.locator("#sent-text")).to_have_class("no")
    expect(page.locator("#sent-text")).not_to_be_empty()
