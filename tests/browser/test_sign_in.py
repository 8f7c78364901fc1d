"""Signing in, and the settings of people, keys and the review."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Watch, rows

Visit = Callable[..., Page]
PASSWORD = "correct horse battery"


def test_a_link_signs_in_once(site: Site, visit: Visit, watch: Watch) -> None:
    watch.allowed = {401}
    link = site.sign_in_link()
    page = visit("/login", email=None)

    page.goto(f"{link}?next=/settings")
    expect(page).to_have_url(f"{site.url}/settings")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{site.url}/login")

    page.goto(link)
    expect(page.locator("main")).to_contain_text("This link was used already")


def test_a_password_signs_in_and_a_wrong_one_does_not(
    site: Site, visit: Visit, watch: Watch
) -> None:
    watch.allowed = {401}
    email = site.person("lead")
    page = visit("/settings", email)
    page.get_by_label("Set a password").fill(PASSWORD)
    page.get_by_role("button", name="Save password").click()
    expect(page.get_by_label("New password")).to_be_visible()

    other = visit("/datasets/demo", email=None)
    expect(other).to_have_title("Sign in · Winnow")
    other.get_by_label("E-mail address").fill(email)
    other.get_by_label("Password").fill("wrong password")
    other.keyboard.press("Enter")
    expect(other.get_by_role("alert")).to_contain_text("password")
    expect(other.get_by_label("E-mail address")).to_have_value(email)

    other.get_by_label("Password").fill(PASSWORD)
    other.keyboard.press("Enter")
    expect(other).to_have_url(f"{site.url}/datasets/demo")
    expect(other.get_by_role("heading", level=1)).to_have_text("demo")


def test_a_key_is_shown_once_works_and_ends(site: Site, visit: Visit) -> None:
    page = visit("/settings")
    page.get_by_label("Name", exact=True).fill("cluster")
    page.get_by_role("button", name="Make a key").click()
    key = page.locator("#new-key").inner_text()
    me = f"{site.url}/api/v1/datasets"
    asked = page.context.request.get(me, headers={"Authorization": f"Bearer {key}"})
    assert asked.status == 200

    page.goto("/settings")
    expect(page.locator("#new-key")).to_have_count(0)
    page.get_by_role("button", name="Revoke cluster").click()
    expect(page.locator("tr", has_text="cluster").first).to_contain_text("revoked")
    asked = page.context.request.get(me, headers={"Authorization": f"Bearer {key}"})
    assert asked.status == 401


def test_a_person_is_added_and_comes_in_by_the_link(site: Site, visit: Visit) -> None:
    page = visit("/settings")
    people = page.locator("#people")
    people.get_by_label("E-mail address").fill("new@example.org")
    people.locator("form[action$='/people'] select").select_option("annotator")
    people.get_by_role("button", name="Add a person").click()
    link = page.locator("#new-link").inner_text()

    newcomer = visit("/login", email=None)
    newcomer.goto(link)

    expect(newcomer.get_by_title("new@example.org, annotator")).to_be_visible()
    expect(newcomer.get_by_role("button", name="Make a dataset")).to_have_count(0)


def test_review_keys_can_be_bound_anew(site: Site, visit: Visit) -> None:
    dataset = site.dataset(rows(3))
    page = visit("/settings", site.person("lead"))
    keys = page.locator("#keys-review")
    keys.get_by_label("Approve").fill("j")
    with page.expect_event("load"):
        keys.get_by_role("button", name="Save keys").click()
    expect(keys.get_by_label("Approve")).to_have_value("j")

    page.goto(f"/datasets/{dataset}/review")
    expect(page.get_by_role("button", name="Approve j")).to_be_visible()
    page.keyboard.press("a")
    page.keyboard.press("j")

    expect(page.get_by_text("approved 0 s ago")).to_be_visible()
    assert len(site.samples(dataset, "status:approved")) == 1


def test_a_key_for_two_buttons_is_refused(site: Site, visit: Visit, watch: Watch) -> None:
    watch.allowed = {422}
    page = visit("/settings", site.person("annotator"))
    keys = page.locator("#keys-review")

    keys.get_by_label("Approve").fill("g")
    keys.get_by_role("button", name="Save keys").click()

    expect(page.get_by_text("`g` would press two buttons")).to_be_visible()


def test_the_theme_and_the_row_height_persist(visit: Visit) -> None:
    page = visit("/datasets/demo/samples", color_scheme="light")
    page.get_by_role("button", name="Light or dark").click()
    page.get_by_role("button", name="Row height").click()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")

    page.reload()

    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("html")).to_have_attribute("data-density", "compact")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
