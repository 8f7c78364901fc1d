"""Pair after pair on the page: what comes next, what was just decided, pages of the list."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.contamination import certificate, listing, pages, verdicts
from app.contamination.models import Judgement
from app.contamination.verdicts import Filter, Pair, VerdictIn
from app.datasets import service as datasets
from app.datasets.models import Dataset, Purpose
from app.errors import ConflictError
from app.samples import service as samples
from app.samples.models import Status
from tests.conftest import browser_of
from tests.contamination.test_contamination import LONG, look, status_of
from tests.factories import fill, instruction, make_dataset

pytestmark = pytest.mark.usefixtures("bells")
HERE = "/datasets/mix/contamination"


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    """Five rows that hold the same item."""
    quiz = make_dataset(session, lead, "quiz", Purpose.BENCHMARK)
    fill(session, quiz, lead, [instruction(LONG, "28")])
    made = make_dataset(session, lead)
    fill(session, made, lead, [instruction(f"Solve number {n}. {LONG}", "28") for n in range(5)])
    look(session, made, lead, "ngram13")
    return made


@pytest.fixture
def browser(session: Session, lead: Principal) -> TestClient:
    return browser_of(session, lead)


def pairs_of(session: Session, dataset: Dataset, **wanted: str) -> list[Pair]:
    rows, _ = listing.page(session, dataset, Filter(**wanted), None, 10)
    return [Pair(item=one.item_id, sample=one.sample_id) for one in rows]


def judge(browser: TestClient, pair: Pair, wanted: str, **more: str) -> dict[str, str]:
    """Decide in the browser; what the address says that it goes on to."""
    given = {"wanted": wanted, "item": str(pair.item), "sample": str(pair.sample), **more}
    answer = browser.post(f"{HERE}/verdict", data=given, follow_redirects=False)
    assert answer.status_code == 303
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    return {name: one[0] for name, one in query.items()}


def looked_at(page: str) -> int:
    """The row that stands beside the item."""
    soup = BeautifulSoup(page, "html.parser")
    link = soup.select_one('section[aria-label="Row of this dataset"] a')
    assert link is not None
    return int(link.text.lstrip("#"))


@pytest.mark.parametrize("state", ["", "open"])
def test_a_verdict_goes_on_to_the_next_pair_and_is_undone_from_there(
    session: Session, dataset: Dataset, browser: TestClient, state: str
) -> None:
    first, second, third, *_ = pairs_of(session, dataset)
    judge(browser, second, "remove", state=state)

    query = judge(browser, first, "allow", reason="a proverb", state=state)

    assert query["sample"] == str(third.sample)
    shown = browser.get(HERE, params=query).text
    assert looked_at(shown) == third.sample
    assert f"#{first.sample} allowed" in shown
    undone = judge(browser, first, "undo", state=state)
    assert undone["sample"] == str(first.sample)
    assert first in pairs_of(session, dataset, state="open")


def test_the_last_pair_goes_round_to_what_was_left_out_and_then_stays(
    session: Session, dataset: Dataset, browser: TestClient
) -> None:
    first, *others = pairs_of(session, dataset)
    for one in others[:-1]:
        judge(browser, one, "remove")

    assert judge(browser, others[-1], "remove")["sample"] == str(first.sample)
    assert judge(browser, first, "remove")["sample"] == str(first.sample)


def test_pages_of_the_list_and_pairs_that_stand_behind_them(
    session: Session, dataset: Dataset, browser: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_SHOWN", 2)
    found = [one.sample for one in pairs_of(session, dataset)]

    def listed(page: str) -> list[int]:
        rows = BeautifulSoup(page, "html.parser").select('[aria-label="Pairs"] tbody tr')
        return [int(row.select("td")[1].text.lstrip("#")) for row in rows]

    page = browser.get(HERE).text
    assert (listed(page), looked_at(page)) == (found[:2], found[0])
    more = BeautifulSoup(page, "html.parser").find("a", string=re.compile("Next 2"))
    assert more is not None
    page = browser.get(f"{HERE}{urlsplit(str(more['href']))._replace(path='').geturl()}").text
    assert (listed(page), looked_at(page)) == (found[2:4], found[2])
    item = str(pairs_of(session, dataset)[0].item)
    page = browser.get(HERE, params={"item": item, "sample": str(found[3])}).text
    assert (listed(page), looked_at(page)) == (found[3:], found[3])
    assert browser.get(HERE, params={"item": "1", "sample": "1"}).status_code == 404


def test_back_and_next_go_through_all_pairs_whatever_is_listed(
    session: Session, dataset: Dataset, browser: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_SHOWN", 2)
    found = [one.sample for one in pairs_of(session, dataset)]

    def walked(key: str, at: str) -> list[int]:
        seen = []
        while at:
            page = BeautifulSoup(browser.get(at).text, "html.parser")
            seen.append(looked_at(str(page)))
            link = page.select_one(f'a[data-key="{key}"]')
            at = str(link["href"]) if link else ""
        return seen

    item = pairs_of(session, dataset)[0].item
    assert walked("j", HERE) == found
    assert walked("k", f"{HERE}?item={item}&sample={found[-1]}") == found[::-1]


@pytest.mark.parametrize("asked", [{"state": "judged"}, {"layer": "exact"}, {"finding": "near"}])
def test_a_filter_that_has_no_pair_says_so(
    dataset: Dataset, browser: TestClient, asked: dict[str, str]
) -> None:
    answer = browser.get(HERE, params=asked)

    assert answer.status_code == 200
    assert "No pair matches" in answer.text
    assert "5 hits of all benchmarks wait" in answer.text


def test_a_dataset_without_a_hit_and_one_with_all_settled_say_so(
    session: Session, dataset: Dataset, lead: Principal, browser: TestClient
) -> None:
    clean = make_dataset(session, lead, "clean")
    fill(session, clean, lead, [instruction("How is bread made?", "Slowly.")])
    look(session, clean, lead, "ngram13")
    for one in pairs_of(session, dataset):
        judge(browser, one, "remove", state="open")

    assert "Nothing was found" in browser.get("/datasets/clean/contamination").text
    assert "Nothing is left to settle" in browser.get(HERE, params={"state": "open"}).text


def test_a_row_stays_away_until_the_last_verdict_against_it_is_taken_back(
    session: Session, dataset: Dataset, lead: Principal, browser: TestClient
) -> None:
    second = "Of nine brothers each has one sister; how many children are there in the whole house?"
    fill(session, datasets.get(session, "quiz"), lead, [instruction(second, "Ten")])
    (*_, sample) = fill(
        session, dataset, lead, [instruction(f"{LONG} And: {second}", "28 and ten")]
    )
    look(session, dataset, lead, "ngram13")
    one, other = [pair for pair in pairs_of(session, dataset) if pair.sample == sample.id]
    judge(browser, one, "remove")
    judge(browser, other, "quarantine")
    assert status_of(session, sample) is Status.DROPPED

    judge(browser, one, "undo")
    assert status_of(session, sample) is Status.QUARANTINED
    judge(browser, other, "undo")
    assert status_of(session, sample) is Status.PENDING


def test_a_search_by_fewer_layers_takes_nothing_back(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    judged = pairs_of(session, dataset)[0]
    body = VerdictIn(verdict=Judgement.REMOVE, pairs=[judged])
    verdicts.decide(session, dataset, body, by=lead)

    look(session, dataset, lead, "exact")

    assert len(pairs_of(session, dataset)) == 5
    assert pairs_of(session, dataset, state="judged") == [judged]
    found = certificate.certificate(session, dataset)
    assert (found.open, found.clean) == (4, False)
    assert [one["key"] for run in found.runs for one in run["layers"]] == ["exact", "ngram13"]


def test_approved_rows_that_were_never_searched_hold_a_release_up(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    body = VerdictIn(verdict=Judgement.REMOVE, all_of=Filter())
    verdicts.decide(session, dataset, body, by=lead)
    (*_, row) = fill(session, dataset, lead, [instruction("How is bread made?", "Slowly.")])
    certificate.refuse_open(session, dataset)  # what waits for review is not released
    samples.set_status(session, row, Status.APPROVED, by=lead, action="test")

    with pytest.raises(ConflictError, match=r"In 1 approved rows of mix.* looked for quiz"):
        certificate.refuse_open(session, dataset)
    look(session, dataset, lead, "ngram13")
    certificate.refuse_open(session, dataset)


def test_a_page_keeps_a_pair_that_its_filter_no_longer_has(
    session: Session, dataset: Dataset, browser: TestClient
) -> None:
    first, *others = pairs_of(session, dataset)
    judge(browser, first, "remove")

    asked = {"state": "open", "item": str(first.item), "sample": str(first.sample)}
    shown = browser.get(HERE, params=asked).text

    assert looked_at(shown) == first.sample
    assert f"{len(others)} pairs of item and row" in shown


def test_verdicts_on_all_of_a_filter_are_taken_back_together(
    session: Session, dataset: Dataset, lead: Principal, browser: TestClient, api: TestClient
) -> None:
    rows = fill(session, dataset, lead, [instruction(f"Again. {LONG}", "28")])
    look(session, dataset, lead, "ngram13")
    body = VerdictIn(verdict=Judgement.QUARANTINE, all_of=Filter())
    assert verdicts.decide(session, dataset, body, by=lead) == 6
    assert status_of(session, rows[0]) is Status.QUARANTINED

    assert "Undo all 6" in browser.get(HERE, params={"state": "judged"}).text
    stale = browser.post(
        f"{HERE}/verdict", data={"wanted": "undo", "state": "judged", "confirmed": "5"}
    )
    assert stale.status_code == 409
    browser.post(f"{HERE}/verdict", data={"wanted": "undo", "state": "judged", "confirmed": "6"})

    assert status_of(session, rows[0]) is Status.PENDING
    assert len(pairs_of(session, dataset, state="open")) == 6
    gone = api.post(f"{HERE}/verdicts/undo", json={"all_of": {}})
    assert (gone.status_code, "no verdict" in gone.json()["detail"]) == (404, True)
    nothing = api.post(f"{HERE}/verdicts/undo", json={})
    assert (nothing.status_code, "Name the pairs" in nothing.json()["detail"]) == (422, True)
