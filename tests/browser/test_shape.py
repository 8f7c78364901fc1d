"""Topics and the map in the browser: found, renamed, read under the pointer, kept as areas."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.test_pages import AXE, FOUND, NARROW, ONLY_COLOURS, WIDE
from tests.topics.texts import planted

Visit = Callable[..., Page]
PATIENCE_MS = 120_000  # the first of them distills the embedding model
HOSTILE = "<img src=x onerror='window.owned = 1'> rocket orbit moon galaxy"

FIRST_POINT = """async () => {
  const { api } = document.getElementById("map").dataset;
  const raw = await (await fetch(api + "/points")).arrayBuffer();
  const count = new DataView(raw).getUint32(0, true), from = 16 + 4 * count;
  return [new Uint16Array(raw, from, 1)[0], new Uint16Array(raw, from + 2 * count, 1)[0]];
}"""


@pytest.fixture
def dataset(site: Site) -> str:
    """Four planted topics and a hostile text."""
    rows: list[dict[str, Any]] = [
        {"id": f"row-{n}", "domain": one.domain, **one.body} for n, one in enumerate(planted(15))
    ]
    hostile = {"id": "hostile", "domain": "space", "instruction": HOSTILE, "output": HOSTILE}
    return site.dataset([*rows, hostile])


def look(page: Page) -> list[str]:
    """What axe finds, light and dark, wide and narrow."""
    page.evaluate(AXE)
    found = []
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        for scheme, rules in (("light", {}), ("dark", ONLY_COLOURS)):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            found += page.evaluate(FOUND, rules)
    return found


def test_topics_are_found_renamed_and_lead_to_their_samples(dataset: str, visit: Visit) -> None:
    page = visit(f"/datasets/{dataset}/topics", bypass_csp=True)
    expect(page.get_by_role("heading", name="Nobody has looked for topics yet")).to_be_visible()
    page.keyboard.press("m")
    page.get_by_label("How many").fill("4")
    page.get_by_role("button", name="Start").click()
    table = page.get_by_role("region", name="Topics by status")
    expect(table.get_by_role("row")).to_have_count(5, timeout=PATIENCE_MS)

    page.get_by_label("Title", exact=True).fill("Outer <b>space")
    page.get_by_role("button", name="Rename").click()

    expect(table).to_contain_text("Outer <b>space")
    assert look(page) == []
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    row = table.get_by_role("row").filter(has_text="Outer <b>space")
    size = row.get_by_role("link").nth(1).inner_text()
    row.get_by_role("link").nth(1).click()
    expect(page.locator("#total")).to_have_text(size)
    expect(page.locator("#facets legend").filter(has_text="Topic")).to_be_visible()
    page.goto(f"/datasets/{dataset}/topics")
    page.keyboard.press("u")
    expect(table).not_to_contain_text("Outer <b>space")
    assert page.evaluate("window.owned") is None


def test_an_area_of_the_map_is_read_kept_and_tagged(dataset: str, visit: Visit) -> None:
    page = visit(f"/datasets/{dataset}/map", bypass_csp=True)
    expect(page.get_by_role("heading", name="No map was drawn yet")).to_be_visible()
    page.keyboard.press("m")
    page.get_by_role("dialog").or_(page.locator("#draw")).get_by_role("button", name="Draw").click()
    drawn = page.locator("#map[data-drawn='61']")
    expect(drawn).to_be_visible(timeout=PATIENCE_MS)

    _find_a_text(page)
    page.get_by_label("Colour by").select_option("domain")
    expect(page.locator("[data-legend] tr")).to_have_count(4)
    page.get_by_label("Show only samples that match").fill("domain:law")
    page.keyboard.press("Enter")
    expect(page.locator("[data-matching]")).to_have_text("15")
    page.locator("canvas").focus()
    page.keyboard.press("v")

    selected = page.locator("[data-selected]")
    expect(selected).to_contain_text("61 samples")
    expect(selected).to_contain_text("map:area-1")
    assert look(page) == []
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    selected.get_by_label("Tag").fill("all-of-it")
    selected.get_by_role("button", name="Tag them").click()
    expect(selected).to_contain_text("Tag all-of-it: 61 samples")
    selected.get_by_role("link", name="Open in the catalog").click()
    expect(page.locator("#total")).to_have_text("61")
    assert page.url.endswith("where=map%3Aarea-1")
    assert page.evaluate("window.owned") is None


def _find_a_text(page: Page) -> None:
    """Move over the map until the text of a sample is shown."""
    box = page.locator("canvas").bounding_box()
    assert box is not None
    tip = page.locator("[data-tip]")
    points = page.evaluate(FIRST_POINT)
    side = min(box["width"], box["height"])
    x, y = (one / 65_535 - 0.5 for one in points)
    page.mouse.move(box["x"] + box["width"] / 2 + x * side, box["y"] + box["height"] / 2 - y * side)
    expect(tip).to_be_visible()
    expect(tip).to_contain_text(re.compile(r"#\d+ · pending"))


def test_a_line_around_points_is_an_area(dataset: str, site: Site, visit: Visit) -> None:
    site.finished(site.api.post(f"/datasets/{dataset}/map"))
    page = visit(f"/datasets/{dataset}/map")
    expect(page.locator("#map[data-drawn='61']")).to_be_visible(timeout=PATIENCE_MS)
    box = page.locator("canvas").bounding_box()
    assert box is not None
    left, top, wide, high = (box[name] for name in ("x", "y", "width", "height"))

    page.keyboard.press("l")
    corners = [(0.1, 0.1), (0.5, 0.08), (0.5, 0.95), (0.1, 0.95), (0.1, 0.12)]
    page.mouse.move(left + 0.1 * wide, top + 0.1 * high)
    page.mouse.down()
    for x, y in corners:
        page.mouse.move(left + x * wide, top + y * high, steps=4)
    page.mouse.up()

    selected = page.locator("[data-selected]")
    expect(selected).to_be_visible()
    where = selected.locator("[data-where]").inner_text()
    inside = site.samples(dataset, where)
    said = selected.locator("[data-count]").inner_text()
    assert 0 < len(inside) < 61
    assert said.startswith(f"{len(inside)} sample")
    page.mouse.move(left + wide / 2, top + high / 2)
    page.mouse.wheel(0, -600)
    page.keyboard.press("-")
    page.keyboard.press("0")
    expect(page.locator("#map[data-drawn='61']")).to_be_visible()
