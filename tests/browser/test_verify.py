"""Verify in the browser: a run through the form, its verdicts with reasons, the gate, a release."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Watch
from tests.browser.test_pages import State, seen

Visit = Callable[..., Page]
Seen = Callable[..., list[str]]

__all__ = ["seen"]  # the fixture


def programs() -> list[dict[str, Any]]:
    """Answers with code and their tests; the second is wrong, the third lies."""
    codes = (
        "def add(a, b):\n    return a + b",
        "def add(a, b):\n    return a - b",
        "import os\ndef add(a, b):\n    print('passed')\n    os._exit(0)",
    )
    return [
        {
            "id": f"program-{n}",
            "instruction": f"Write a function that adds, variant {n}.",
            "output": f"Here it is:\n```python\n{code}\n```",
            "tests": "assert add(2, 3) == 5",
        }
        for n, code in enumerate(codes)
    ]


def test_programs_are_run_through_the_form_and_a_gate_holds_a_release(
    site: Site, visit: Visit, watch: Watch
) -> None:
    watch.allowed = {409}
    dataset = site.dataset(programs(), scores="none")
    page = visit(f"/datasets/{dataset}/verify")
    expect(page.get_by_role("heading", name="Nothing is verified yet")).to_be_visible()

    page.keyboard.press("m")
    form = page.locator("#run")
    form.get_by_role("radio", name="Code passes its tests").check()
    form.get_by_role("button", name="Verify").click()

    table = page.get_by_role("region", name="Refuted")
    expect(table).to_contain_text("AssertionError", timeout=30_000)
    expect(table).to_contain_text("the program ended")
    expect(page.get_by_role("region", name="How much is verified")).to_contain_text("33.3 %")
    page.get_by_label("Verified, in percent").fill("90")
    page.get_by_role("button", name="Save gate").click()
    expect(page.get_by_label("Verified, in percent")).to_have_value("90.0")

    site.approve(dataset, 3)
    page = visit(f"/datasets/{dataset}/releases")
    page.get_by_role("button", name="Release 3 rows").click()
    expect(page.locator("body")).to_contain_text("33.3% of the 3 approved rows are verified")


def test_axe_finds_nothing_among_verdicts(site: Site, seen: Seen) -> None:
    dataset = site.dataset(programs(), scores="none")
    order = {"verifier": "code_tests"}
    site.finished(site.api.post(f"/datasets/{dataset}/verify", order))
    sample = site.samples(dataset, "code_tests:0")[0]["id"]

    for path in (
        f"/datasets/{dataset}/verify",
        f"/samples/{sample}",
        f"/datasets/{dataset}/review",
    ):
        assert seen(State(path)) == []
