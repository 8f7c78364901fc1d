"""Every page: readable for all, reachable by keyboard, calm without data, deaf to hostile text."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import ROOT, Site, Watch, ready, rows

Visit = Callable[..., Page]
AXE = (ROOT / "node_modules/axe-core/axe.min.js").read_text()
FOUND = """async (rules) => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"], ...rules });
  const html = (all) => all.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ");
  return violations.map((one) => `${one.id}: ${html(one.nodes)}`);
}"""
FOCUS = """() => {
  const el = document.activeElement, label = el.labels?.[0]?.innerText ?? "";
  const outlined = (one) => one && getComputedStyle(one).outlineStyle !== "none";
  const name = `${el.ariaLabel ?? ""} ${label} ${el.innerText ?? ""}`.replace(/\\s+/g, " ").trim();
  return [name, [el, el.closest(".q-wrap")].some(outlined) || el.matches("body, .thr")];
}"""
ONLY_COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 900, "height": 900}


@dataclass(frozen=True)
class State:
    """A page as somebody meets it: where it is, and what was pressed there."""

    path: str
    keys: tuple[str, ...] = ()
    clicks: tuple[str, ...] = ()
    waits: str = "main h1"
    allowed: frozenset[int] = field(default_factory=frozenset)


STATES = {
    "start": State("/"),
    "home": State("/datasets/demo"),
    "switch": State(
        "/datasets/demo", clicks=("[popovertarget=switch-dataset]",), waits="#switch-dataset a"
    ),
    "import": State("/datasets/demo/import"),
    "catalog": State("/datasets/demo/samples", waits="#facets legend"),
    "catalog-search": State("/datasets/demo/samples?where=sort", waits="mark.hit"),
    "catalog-complete": State(
        "/datasets/demo/samples", keys=("/", "d"), waits="#complete [role=option]"
    ),
    "catalog-columns": State("/datasets/demo/samples", clicks=("[popovertarget=columns]",)),
    "catalog-bulk": State("/datasets/demo/samples", keys=("a",), waits="#bulk-dialog h2"),
    "catalog-wrong": State(
        "/datasets/demo/samples?where=nothing_like_it%3E3",
        waits="[role=alert]",
        allowed=frozenset({422}),
    ),
    "sample": State("/samples/1"),
    "sample-edit": State("/samples/1?edit=true"),
    "scores": State("/datasets/demo/scores?signal=judge_score"),
    "scores-form": State("/datasets/demo/scores", keys=("m",), waits="#measure h2"),
    "filters": State("/datasets/demo/filters"),
    "filters-plot": State("/datasets/demo/filters?c=judge_score%3E%3D2.5&at=1", waits="#threshold"),
    "filters-wrong": State("/datasets/demo/filters?c=judge_score%3E%3Dx", waits="#bad"),
    "review": State("/datasets/demo/review", waits="#card"),
    "review-edit": State("/datasets/demo/review", keys=("e",), waits="#card textarea"),
    "review-note": State("/datasets/demo/review", keys=("n",), waits="#note"),
    "review-guidelines": State("/datasets/demo/review", keys=("g",), waits="#guidelines h2"),
    "review-queue": State("/datasets/demo/review", clicks=("[popovertarget=queue-settings]",)),
    "review-keys": State("/datasets/demo/review", keys=("?",), waits="#keys h2"),
    "releases": State("/datasets/demo/releases"),
    "personal-data": State("/datasets/demo/personal-data"),
    "topics": State("/datasets/demo/topics"),
    "topics-form": State("/datasets/demo/topics", keys=("m",), waits="#find h2"),
    "map": State("/datasets/demo/map"),
    "map-form": State("/datasets/demo/map", keys=("m",), waits="#draw h2"),
    "duplicates": State("/datasets/demo/duplicates"),
    "duplicates-form": State("/datasets/demo/duplicates", keys=("m",), waits="#look h2"),
    "contamination": State("/datasets/demo/contamination"),
    "contamination-form": State("/datasets/demo/contamination", keys=("l",), waits="#look h2"),
    "judges": State("/datasets/demo/judges"),
    "judges-pair": State("/datasets/demo/judges?rubric=pair_judge"),
    "select": State("/datasets/demo/select"),
    "select-form": State("/datasets/demo/select", keys=("m",), waits="#choose h2"),
    "combine-form": State("/datasets/demo/select", keys=("c",), waits="#combine h2"),
    "campaigns": State("/datasets/demo/campaigns"),
    "campaigns-form": State("/datasets/demo/campaigns", keys=("m",), waits="#start h2"),
    "similar": State("/datasets/demo/similar?where=sort"),
    "league": State("/datasets/demo/scores?signal=judge_score&by=domain"),
    "ratings": State(
        "/datasets/demo/scores", clicks=("[popovertarget=ratings]",), waits="#ratings h2"
    ),
    "learn": State("/datasets/demo/learn"),
    "learn-form": State("/datasets/demo/learn", keys=("m",), waits="#learn h2"),
    "calibration": State("/datasets/demo/calibration?signal=judge_score&against=response_words"),
    "calibration-empty": State("/datasets/demo/calibration?signal=judge_score"),
    "providers": State("/settings/providers"),
    "verify": State("/datasets/demo/verify"),
    "verify-form": State("/datasets/demo/verify", keys=("m",), waits="#run h2"),
    "generate": State("/datasets/demo/generate"),
    "generate-errors": State("/datasets/demo/generate?generator=errors"),
    "preferences-form": State("/datasets/demo/preferences", keys=("m",), waits="#build h2"),
    "perplexity": State("/datasets/demo/perplexity"),
    "classify-form": State(
        "/datasets/demo/scores", clicks=("[popovertarget=classify]",), waits="#classify h2"
    ),
    "perplexity-form": State("/datasets/demo/perplexity", keys=("m",), waits="#read h2"),
    "jobs": State("/datasets/demo/jobs"),
    "settings": State("/settings"),
    "rest": State("/api/docs"),
    "missing": State("/datasets/nowhere", allowed=frozenset({404})),
}
PLACES = (
    *("", "/samples", "/review", "/scores", "/filters", "/judges", "/learn"),
    *(
        "/calibration",
        "/personal-data",
        "/select",
        "/campaigns",
        "/similar",
        "/contamination",
        "/duplicates",
        "/topics",
        "/map",
        "/verify",
        "/generate",
        "/preferences",
        "/taxonomy",
    ),
    *("/import", "/releases", "/jobs"),
)


@pytest.fixture
def seen(chromium: Browser, site: Site, watch: Watch, visit: Visit) -> Callable[..., list[str]]:
    """What axe finds on a page, light and dark, wide and narrow; only here the CSP is off."""

    def look(state: State, email: str | None = "admin@localhost") -> list[str]:
        watch.allowed = set(state.allowed)
        page = visit(state.path, email, bypass_csp=True, color_scheme="light")
        for key in state.keys:
            page.keyboard.press(key)
        for selector in state.clicks:
            page.locator(selector).click()
        expect(page.locator(state.waits).first).to_be_visible()
        page.evaluate(AXE)
        found = []
        for size in (WIDE, NARROW):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            for scheme, rules in (("light", {}), ("dark", ONLY_COLOURS)):
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                heard = page.evaluate(FOUND, rules)
                found += [f"{scheme}, {size['width']}: {one}" for one in heard]
            wide = page.evaluate("document.documentElement.scrollWidth")
            found += [f"{wide} pixels wide at {size['width']}"] * (wide > size["width"])
        return found

    return look


@pytest.mark.parametrize("name", STATES)
def test_axe_finds_nothing(name: str, seen: Callable[..., list[str]]) -> None:
    assert seen(STATES[name]) == []


def test_axe_finds_nothing_before_the_login(seen: Callable[..., list[str]]) -> None:
    assert seen(State("/login"), None) == []


def test_axe_finds_nothing_on_a_mapping_a_release_and_a_failed_job(
    site: Site, seen: Callable[..., list[str]]
) -> None:
    dataset = site.dataset([*rows(4), {"id": "x", "instruction": "", "output": ""}])
    site.approve(dataset, 2)
    site.release(dataset, "v1")
    site.approve(dataset, 4)
    release = site.release(dataset, "v2")
    jobs = site.api.get("/jobs", dataset=dataset)["items"]
    job = next(one for one in jobs if one["kind"] == "import")
    (batch,) = site.api.get(f"/datasets/{dataset}/imports")["items"]
    against = site.api.get(f"/datasets/{dataset}/releases")["items"][1]["id"]

    assert seen(State(f"/releases/{release['id']}?against={against}")) == []
    assert seen(State(f"/datasets/{dataset}/jobs?job={job['id']}")) == []
    assert seen(State(f"/datasets/{dataset}/imports/{batch['id']}")) == []


def test_axe_finds_nothing_on_pairs_and_their_review(
    site: Site, seen: Callable[..., list[str]]
) -> None:
    answers = [
        {"id": f"{n}", "instruction": "Why?", "output": text, "judge_score": n}
        for n, text in enumerate(["No idea at all.", "Since it is so, as they say."], 1)
    ]
    dataset = site.dataset(answers, scores="judge_score")
    order = {"by": "scores:judge_score"}
    site.finished(site.api.post(f"/datasets/{dataset}/preferences", order))
    site.api.put(f"/datasets/{dataset}/review-queue", {"where": "kind:preference"})

    assert seen(State(f"/datasets/{dataset}/preferences", waits="[aria-label=Runs]")) == []
    assert seen(State(f"/datasets/{dataset}/review", waits=".ab")) == []
    tried = State(
        f"/datasets/{dataset}/preferences",
        keys=("m",),
        clicks=("[hx-target='#trial']",),
        waits="#trial h3",
    )
    assert seen(tried) == []


def test_pages_without_data_are_whole(site: Site, seen: Callable[..., list[str]]) -> None:
    dataset = site.empty()

    found = {place: seen(State(f"/datasets/{dataset}{place}")) for place in PLACES}

    assert not any(found.values()), found


def test_what_a_page_does_is_reached_with_the_tab_key(visit: Visit) -> None:
    wanted = {
        "/datasets/demo": {"Import", "Score", "New release"},
        "/datasets/demo/samples?where=kind%3Acompletion": {
            "Approve a",
            "Columns",
            "Save view",
            "code",
        },
        "/datasets/demo/scores": {"Measure m", "Set a threshold"},
        "/datasets/demo/filters": {"Threshold", "Add n", "Save and apply"},
        "/datasets/demo/review": {"Approve a", "Reject r", "Edit e", "Guidelines g"},
        "/settings": {"Save password", "Make a key", "Save keys"},
    }
    page = visit("/")
    for path, names in wanted.items():
        page.goto(path)
        ready(page)
        if "/samples" in path:
            expect(page.locator("#facets legend").first).to_be_visible()
        reached = _tab_through(page)
        missing = {name for name in names if not any(name in one for one in reached)}
        assert missing == set(), (path, reached)


def _tab_through(page: Page) -> list[str]:
    """Names of all that gets the focus, in order; each shows that it has it."""
    reached = []
    page.evaluate("document.activeElement.blur()")
    for _ in range(250):
        page.keyboard.press("Tab")
        name, ring = page.evaluate(FOCUS)
        assert ring, f"{name} does not show that it has the focus"
        reached.append(name)
        if page.evaluate("document.activeElement === document.body"):
            break
    return reached


def test_no_key_fires_in_a_field(site: Site, visit: Visit) -> None:
    page = visit(f"/datasets/{site.dataset(rows(3))}/samples")
    page.keyboard.press("/")

    page.keyboard.type("arqt/?")

    expect(page.get_by_label("Search samples")).to_have_value("arqt/?")
    expect(page.locator("#bulk-dialog")).to_be_hidden()
    expect(page.locator("#keys")).to_be_hidden()


HOSTILE = {
    "script": "<script>window.owned = 1</script>",
    "image": '<img src=x onerror="window.owned = 1"> **bold** `code`',
    "closing": "</textarea></template></pre><svg onload='window.owned = 1'>",
    "entities": "&lt;script&gt;window.owned = 1&lt;/script&gt; {{ 7 * 7 }} ${7 * 7}",
    "link": "[click](javascript:window.owned=1) ![x](https://example.org/x.png)",
    "overrides": "abc\u202edcba\u2066 \u200b\ufeff\u00ad",
    "nested": "> " * 400 + "deep\n\n" + "- " * 300 + "list\n\n" + "**" * 3_000,
    "long": "word " * 40_000,
    "formula": "$\\href{javascript:window.owned=1}{x^2}$ $$\\frac{1}{0$$",
    "one-word": "x" * 20_000,
}


def test_hostile_text_is_shown_and_runs_nothing(site: Site, visit: Visit) -> None:
    dataset = site.dataset(
        [
            {"instruction": f"{name} {text}", "input": text, "output": f"{text}!", "id": name}
            for name, text in HOSTILE.items()
        ]
    )
    samples = site.samples(dataset)
    page = visit(f"/datasets/{dataset}/review")
    for sample, (name, text) in zip(samples, HOSTILE.items(), strict=True):
        expect(page.get_by_label(f"Sample {sample['id']}", exact=True)).to_be_visible()
        expect(page.locator(".review[aria-busy]")).to_have_count(0)
        _nothing_ran(page)
        page.keyboard.press("a")
        other = page.context.new_page()
        for place in (f"/samples/{sample['id']}", f"/datasets/{dataset}/samples?where={name}"):
            other.goto(place)
            _nothing_ran(other)
        other.goto(f"/samples/{sample['id']}?edit=true")
        assert other.get_by_label("Output").input_value() == f"{text}!"
        other.close()
    expect(page.get_by_role("heading", name="Nothing left to review")).to_be_visible()


def _nothing_ran(page: Page) -> None:
    """No script of a sample ran, nothing of it became an element, nothing sticks out."""
    assert page.evaluate("window.owned") is None
    assert (
        page.locator("main :is(script:not([type='application/json']), img, a[href^=java])").count()
        == 0
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url


def test_direction_overrides_are_made_visible(site: Site, visit: Visit) -> None:
    dataset = site.dataset([{"instruction": "Read \u202ethis", "output": "zero\u200bwidth"}])

    page = visit(f"/datasets/{dataset}/review")

    expect(page.locator("#card .inv")).to_have_text(["RO", "ZWSP"])


def test_a_long_text_is_folded_with_its_length_told(site: Site, visit: Visit) -> None:
    dataset = site.dataset([{"instruction": "Count.", "output": "word " * 40_000}])
    page = visit(f"/datasets/{dataset}/review")

    fold = page.locator("#card summary")
    expect(fold).to_contain_text("more characters")
    fold.click()

    expect(page.locator("#card .unfold > div")).to_be_visible()
