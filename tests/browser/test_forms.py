"""Forms that the server refuses: they stay with what was typed, and say in themselves why."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Watch, rows
from tests.taxonomy.archives import TREE, zipped

Visit = Callable[..., Page]
_RUN = re.compile(r"/generate/runs/\d+$")


def test_a_refused_run_keeps_its_form(site: Site, visit: Visit, watch: Watch) -> None:
    watch.allowed = {422}
    dataset = site.dataset(rows(4), scores="none")
    page = visit(f"/datasets/{dataset}/generate?generator=errors")
    page.get_by_label("Seeds: samples that match").fill("nothing_like_it>3")
    page.get_by_label("So many seeds at most").fill("3")
    page.get_by_label("People must review, in percent").fill("55")

    page.get_by_role("button", name="Generate", exact=True).click()

    note = page.locator("#order [role=alert]")
    expect(note).to_contain_text("nothing_like_it")
    expect(note).to_be_focused()
    expect(note).to_be_in_viewport()
    expect(page).to_have_url(f"{site.url}/datasets/{dataset}/generate?generator=errors")
    expect(page.get_by_label("So many seeds at most")).to_have_value("3")
    expect(page.get_by_label("People must review, in percent")).to_have_value("55")

    with page.expect_response("**/generate"):
        page.get_by_role("button", name="Generate", exact=True).click()
    expect(page.locator("#order")).not_to_have_attribute("aria-busy", "true")
    expect(page.locator("#order [role=alert]")).to_have_count(1)
    page.get_by_label("Seeds: samples that match").fill("")
    page.keyboard.press("Enter")
    expect(page).to_have_url(_RUN)


def test_a_refused_file_stays_chosen_in_its_dialog(
    site: Site, visit: Visit, watch: Watch, tmp_path: Path
) -> None:
    watch.allowed = {422}
    bad, good = tmp_path / "bad.zip", tmp_path / "good.zip"
    bad.write_bytes(b"no archive")
    good.write_bytes(zipped(TREE).getvalue())
    page = visit(f"/datasets/{site.empty('tree')}/taxonomy")
    page.keyboard.press("m")
    form = page.locator("#take-in")
    file = form.get_by_label("A .zip or .tar.gz of its folders")
    file.set_input_files(bad)
    form.get_by_label("Source").fill("our tree")

    form.get_by_role("button", name="Import").click()

    expect(form.get_by_role("alert")).to_contain_text("bad.zip")
    expect(form.get_by_role("alert")).to_be_focused()
    expect(form.get_by_label("Source")).to_have_value("our tree")
    assert file.evaluate("(one) => one.files[0].name") == "bad.zip"

    file.set_input_files(good)
    form.get_by_role("button", name="Import").click()
    expect(page.locator("#report")).to_contain_text("3 leaves are new")
    page.get_by_role("link", name="Close").click()
    expect(page.locator("#newest")).to_contain_text("good.zip")


def test_a_line_in_a_table_tells_above_the_table(site: Site, visit: Visit, watch: Watch) -> None:
    """The last admin can't become something else, and the choice stays to be seen."""
    watch.allowed = {403, 409, 422}
    page = visit("/settings")
    row = page.locator("tr", has_text="admin@localhost").filter(has=page.locator("select"))
    row.locator("select").select_option("annotator")

    row.get_by_role("button", name="Save").click()

    note = page.get_by_role("alert")
    expect(note).to_contain_text("admin")
    assert note.evaluate("(one) => one.closest('table')") is None
    expect(row.locator("select")).to_have_value("annotator")


def test_a_form_on_its_way_is_not_sent_twice(site: Site, visit: Visit, watch: Watch) -> None:
    watch.allowed = {422}
    dataset = site.dataset(rows(4), scores="none")
    page = visit(f"/datasets/{dataset}/generate?generator=errors")
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.url) if one.method == "POST" else None)

    page.get_by_role("button", name="Generate", exact=True).dblclick()

    expect(page).to_have_url(_RUN)
    assert len(sent) == 1
    page.go_back()
    page.get_by_label("Seeds: samples that match").fill("nothing_like_it>3")
    page.get_by_role("button", name="Generate", exact=True).click()
    expect(page.locator("#order [role=alert]")).to_contain_text("nothing_like_it")


def test_what_is_shown_once_is_shown(visit: Visit, site: Site) -> None:
    page = visit("/settings", site.person("lead"))

    page.get_by_role("button", name="Make a key").click()

    expect(page.locator("#new-key")).to_contain_text("wnw_")
    expect(page).to_have_url(f"{site.url}/settings")


def test_a_field_that_is_wrong_is_marked(site: Site, visit: Visit, watch: Watch) -> None:
    watch.allowed = {422}
    page = visit("/settings", site.person("lead"))
    days = page.locator("form[action$='/keys'] [name=days]")
    days.evaluate("(one) => { one.removeAttribute('max'); one.value = 99999; }")

    page.get_by_role("button", name="Make a key").click()

    expect(page.get_by_role("alert")).to_contain_text("days")
    expect(days).to_have_attribute("aria-invalid", "true")
    expect(days).to_have_value("99999")


def test_when_the_server_is_gone_nothing_is_lost(site: Site, visit: Visit, watch: Watch) -> None:
    page = visit(f"/datasets/{site.dataset(rows(1))}/generate?generator=errors")
    page.get_by_label("So many seeds at most").fill("7")
    page.route("**/generate", lambda route: route.abort())

    page.get_by_role("button", name="Generate", exact=True).click()

    expect(page.get_by_role("alert")).to_contain_text("did not answer")
    expect(page.get_by_label("So many seeds at most")).to_have_value("7")
    assert len(watch.heard) == 1  # the browser's own word on the request
    watch.heard.clear()


def test_without_the_script_there_is_a_page_with_a_way_back(
    site: Site, visit: Visit, watch: Watch
) -> None:
    watch.allowed = {422}
    path = f"/datasets/{site.dataset(rows(1))}/generate?generator=errors"
    page = visit("/")
    page.route("**/static/forms.js*", lambda route: route.fulfill(content_type="text/javascript"))
    page.goto(path)
    page.get_by_label("Seeds: samples that match").fill("nothing_like_it>3")

    page.get_by_role("button", name="Generate", exact=True).click()

    expect(page.locator("main")).to_contain_text("nothing_like_it")
    page.get_by_role("link", name="Back to the form").click()
    expect(page).to_have_url(f"{site.url}{path}")
