"""Search by meaning in the browser."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.samples.models import Sample
from tests.conftest import browser_of
from tests.factories import fill, instruction, make_dataset, run_job

TEXTS = [
    ("How do I sort a list of numbers?", "Use the quicksort algorithm."),
    ("Order an array ascending", "Merge sort does it in n log n."),
    ("What should I cook tonight?", "Fry onions, add tomatoes and basil."),
    ("A recipe for soup", "Boil carrots and leeks for an hour."),
]


@pytest.fixture
def samples(session: Session, lead: Principal) -> list[Sample]:
    made = make_dataset(session, lead)
    rows = [instruction(*one, domain="code" if at < 2 else "food") for at, one in enumerate(TEXTS)]
    return fill(session, made, lead, rows)


@pytest.fixture
def browser(session: Session, lead: Principal, bells: list[str]) -> TestClient:
    return browser_of(session, lead)


def test_the_words_of_a_search_are_what_is_meant_and_its_conditions_hold(
    session: Session, browser: TestClient, bells: list[str], samples: list[Sample]
) -> None:
    empty = browser.get("/datasets/mix/similar?where=dinner").text
    assert "No sample has a vector yet" in empty
    assert "not embedded yet" in empty
    assert "has no vector" in browser.get(f"/samples/{samples[0].id}/neighbours").text
    assert "Embed by" in browser.post("/datasets/mix/embed").text
    run_job(session, bells[-1])

    dinner = browser.get("/datasets/mix/similar?where=dinner+with+vegetables").text
    ids = [one.id for one in samples]
    assert min(dinner.index(f">{ids[2]}<"), dinner.index(f">{ids[3]}<")) < dinner.index(
        f">{ids[0]}<"
    )
    narrowed = browser.get("/datasets/mix/similar?where=domain:code+dinner+with+vegetables").text
    assert f">{ids[2]}<" not in narrowed
    assert f">{ids[1]}<" in narrowed
    assert "What should the samples be about?" in browser.get("/datasets/mix/similar").text
    assert "Show more" in browser.get("/datasets/mix/similar?where=dinner&limit=2").text


def test_like_a_sample_from_its_page(
    session: Session, browser: TestClient, bells: list[str], samples: list[Sample]
) -> None:
    browser.post("/datasets/mix/embed")
    run_job(session, bells[-1])
    first, second = samples[0].id, samples[1].id

    found = browser.get(f"/samples/{first}/neighbours").text
    assert found.index(TEXTS[1][0]) < found.index(TEXTS[2][0])
    page = browser.get(f"/datasets/mix/similar?like_sample={first}&limit=1").text
    assert f">{second}<" in page
    assert f"/samples/{first}/neighbours" in browser.get(f"/samples/{first}").text


def test_what_is_wrong_is_said_on_the_page(browser: TestClient, samples: list[Sample]) -> None:
    assert "nothing" in browser.get("/datasets/mix/similar?where=nothing>=3").text
