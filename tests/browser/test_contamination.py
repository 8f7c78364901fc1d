"""Items of benchmarks beside rows: programs as programs, the verdict in reach, no column cut."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site

Visit = Callable[..., Page]
_STEPS = "\n".join(f"    total = total + rows[{n}] * {n + 2}" for n in range(80))
CODE = f"def weigh(rows):\n    total = 0\n{_STEPS}\n    return total"


def test_a_long_program_keeps_its_verdict_in_reach(site: Site, visit: Visit) -> None:
    item = {"prompt": "def weigh(rows):\n", "canonical_solution": CODE.partition("\n")[2]}
    bench = site.dataset([item], "benchmark", scores="none")
    answer = f"# As asked.\n{CODE}\nprint(weigh([1]))"
    rows = [{"instruction": f"Write it, {n}.", "output": answer} for n in range(2)]
    dataset = site.dataset(rows, scores="none")
    order = {"against": [bench], "layers": ["exact", "ngram13", "ast"]}
    site.finished(site.api.post(f"/datasets/{dataset}/decontaminations", order))
    viewport = {"width": 900, "height": 700}
    page = visit(f"/datasets/{dataset}/contamination", viewport=viewport)

    row = page.get_by_role("region", name="Row of this dataset")
    assert "JetBrains" in row.locator("p").evaluate("(one) => getComputedStyle(one).fontFamily")
    expect(row.locator("mark").first).to_contain_text("def weigh")
    expect(row.locator("mark").last).not_to_contain_text("print(weigh")
    for table in page.locator(".tbl-x").all():
        assert table.evaluate("(one) => one.scrollWidth <= one.clientWidth")
    row.scroll_into_view_if_needed()
    remove = page.get_by_role("button", name="Remove d", exact=True)
    expect(remove).to_be_in_viewport()

    page.get_by_role("button", name="Allow a", exact=True).click()
    assert page.get_by_label("Reason", exact=True).evaluate("(one) => !one.validity.valid")
    first = row.get_by_role("link").inner_text()
    with page.expect_event("load"):
        remove.click()
    expect(page.get_by_text(f"{first} removed")).to_be_in_viewport()
    second = row.get_by_role("link")
    expect(second).not_to_have_text(first)
    expect(second).to_be_in_viewport()
    with page.expect_event("load"):
        page.keyboard.press("u")
    expect(second).to_have_text(first)
    expect(page.get_by_role("region", name="Pairs")).not_to_contain_text("remove")
