"""A lead's way from a tree of tasks to samples for each of its leaves."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.test_pages import State, seen
from tests.endpoint import serving
from tests.generation.lab_model import HOPELESS, Model
from tests.generation.test_lab_runs import tree
from tests.taxonomy.archives import zipped

__all__ = ["seen"]
Visit = Callable[..., Page]
_LONG_MS = 60_000


def test_from_the_tree_to_what_is_short(
    site: Site, visit: Visit, seen: Callable[..., list[str]], tmp_path: Path
) -> None:
    dataset = site.empty("tree")
    file = tmp_path / "tree.zip"
    file.write_bytes(zipped({**tree(), "knowledge/a/bad/qna.yaml": "a: ["}).getvalue())
    page = visit(f"/datasets/{dataset}/taxonomy")
    page.keyboard.press("m")
    form = page.locator("#take-in")
    form.get_by_label("A .zip or .tar.gz of its folders").set_input_files(file)
    form.get_by_role("button", name="Import").click()
    expect(page.locator("#report")).to_contain_text("12 leaves are new")
    expect(page.locator("#report")).to_contain_text("knowledge/a/bad/qna.yaml")

    knowledge = page.locator(".tree > li").filter(has_text="knowledge").first
    known = page.get_by_role("link", name="known0")
    expect(known).to_be_visible()
    toggle = knowledge.locator("summary").first
    toggle.focus()
    page.keyboard.press("Enter")
    expect(known).to_be_hidden()
    page.keyboard.press("Enter")
    expect(known).to_be_visible()

    with serving(Model()) as endpoint:
        provider = {"name": "planted", "url": endpoint.url, "model": "tiny"}
        site.api.post("/providers", provider)
        page.get_by_role("link", name="free", exact=True).click()
        page.get_by_label("Target of each leaf below").fill("5")
        page.get_by_role("button", name="Set", exact=True).click()
        expect(page.locator(".tree-r[aria-current]")).to_contain_text("30")
        page.get_by_label("Teacher").select_option("planted")
        page.get_by_label("Rounds at most").fill("3")
        page.get_by_role("button", name="Generate").click()
        site.finished(site.api.get("/jobs", dataset=dataset)["items"][0])
        expect(page.locator("#leaves")).to_contain_text("6, of which 1 are short", timeout=_LONG_MS)

    page.locator("#leaves").get_by_role("link", name=HOPELESS).click()
    expect(page.get_by_label("The leaf")).to_contain_text("Short by 5")
    page.keyboard.press("s")
    expect(page.get_by_role("link", name="free0")).to_be_hidden()
    path = f"/datasets/{dataset}/taxonomy"
    assert seen(State(f"{path}?node=compositional_skills/free/{HOPELESS}")) == []
    assert seen(State(f"{path}?node=knowledge/science/known0")) == []
    assert seen(State(path, keys=("m",), waits="#take-in h2")) == []
    assert seen(State(f"/datasets/{dataset}/generate?generator=lab")) == []
