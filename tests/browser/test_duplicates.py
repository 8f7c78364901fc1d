"""Duplicates in the browser: found, shown side by side, dropped by a key, brought back by one."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site

Visit = Callable[..., Page]


def alike() -> list[dict[str, Any]]:
    """Ten samples of their own, and three that say nearly the same."""
    said = "the quick brown fox jumps over the lazy dog while seven wizards box with jugs of liquor"
    rows = [
        {
            "id": f"own-{n}",
            "instruction": f"Tell story number {n} about the {n * 7}th traveller.",
            "output": f"Traveller {n} went to town {n * 13} and met {n * 5} people on road {n}.",
        }
        for n in range(10)
    ]
    twins = [
        {"id": f"twin-{n}", "instruction": "Write a pangram.", "output": f"{said} {end}"}
        for n, end in enumerate(("today", "tonight", "again"))
    ]
    return rows + twins


def test_a_cluster_is_dropped_and_comes_back(site: Site, visit: Visit) -> None:
    dataset = site.dataset(alike(), scores="none")
    page = visit(f"/datasets/{dataset}/duplicates")
    expect(page.get_by_role("heading", name="Nobody has looked for duplicates yet")).to_be_visible()
    page.keyboard.press("m")
    form = page.locator("#look")
    form.get_by_role("radio", name="MinHash").check()
    form.get_by_role("button", name="Look").click()

    pair = page.get_by_role("region", name="Pair")
    expect(pair).to_contain_text("the quick brown fox", timeout=30_000)
    page.keyboard.press("1")
    expect(page.get_by_role("button", name="Undo")).to_be_visible(timeout=20_000)
    dropped = site.samples(dataset, "status:dropped")
    assert len(dropped) == 2
    assert {one["external_id"] for one in dropped} < {"twin-0", "twin-1", "twin-2"}

    ledger = visit(f"/samples/{dropped[0]['id']}")
    expect(ledger.get_by_text("it says the same as").first).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_role("button", name="Undo")).to_be_hidden(timeout=20_000)
    assert site.samples(dataset, "status:dropped") == []
