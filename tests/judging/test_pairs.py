"""A judge of pairs end to end: both orders, ties, the position probe, people beside it."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.records import Kind, Record
from app.datasets.models import Dataset
from app.jobs.models import JobStatus
from app.judging import service, trying
from app.judging.rubrics import get
from app.samples import registry
from tests.conftest import browser_of
from tests.endpoint import Answer, Json, asked, serving
from tests.factories import fill, instruction, make_dataset
from tests.judging.test_judging import judge, provide, scores

PAIRS = 60


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    """60 pairs, the chosen response better in all but every fifth; one sample that is no pair."""
    made = make_dataset(session, lead)
    pairs = [
        Record(
            Kind.PREFERENCE,
            {
                "prompt": f"Question {n}?",
                "chosen": f"Reply {n} is {'poor' if n % 5 == 0 else 'good'}.",
                "rejected": f"Reply {n} is {'good' if n % 5 == 0 else 'poor'}.",
            },
            scores={"people": 0.0 if n % 5 == 0 else 1.0},
        )
        for n in range(PAIRS)
    ]
    fill(session, made, lead, [*pairs, instruction("No pair?")])
    return made


def biased(request: Json) -> Answer:
    """Right on seven of ten pairs; else it takes what stands first."""
    shown = asked(request)
    number = int(shown.split("Question ")[1].split("?")[0])
    first, second = shown.split("[second response]")
    label = "first" if "good" in first else "second"
    if number % 10 >= 7:
        label = "first"
    if number == 1:
        return Answer("No JSON at all.")
    assert ("good" in first) != ("good" in second)
    return Answer(f'{{"reason": "It is better.", "label": "{label}"}}')


def test_pairs_are_judged_in_both_orders_and_the_probe_finds_the_planted_bias(
    session: Session,
    dataset: Dataset,
    lead: Principal,
    admin: Principal,
    api: TestClient,
    bells: list[str],
) -> None:
    with serving(biased) as endpoint:
        provide(session, admin, endpoint)
        job = judge(session, dataset, lead, rubric="pair_judge")
        shown = trying.on_some(
            session, dataset, get(session, "pair_judge").rubric, "local", by=lead
        )

    assert (job.status, job.error, job.total) == (JobStatus.SUCCEEDED, None, PAIRS)
    found = scores(session, dataset, "pair_judge")
    fair = [n for n in range(PAIRS) if n % 10 < 7 and n != 1]
    assert [found[n] for n in fair] == [0.0 if n % 5 == 0 else 1.0 for n in fair]
    assert {found[n] for n in range(PAIRS) if n % 10 >= 7} == {0.5}
    assert found[1] is None
    assert found[PAIRS] is None
    assert len(endpoint.requests) == 2 * PAIRS  # the pair without a reply: asked, once more, left
    assert len(shown) == 5
    assert all(one.record.kind is Kind.PREFERENCE for one in shown)
    order = next(s for s in registry.signals(session, dataset.id) if s.name == "pair_judge_order")
    assert order.key == service.ORDER_KEY
    report = api.get("/datasets/mix/calibration?signal=pair_judge&against=people&passing=1").json()
    probe = report["position"]
    assert probe["count"] == PAIRS - 1
    assert probe["consistent"][0] == pytest.approx(0.7, abs=0.02)
    assert probe["first"] == pytest.approx(0.3, abs=0.02)
    page = browser_of(session, lead).get(
        "/datasets/mix/calibration?signal=pair_judge&against=people"
    )
    assert "are decided alike when the responses change places" in page.text


def test_other_signals_have_no_position(api: TestClient, dataset: Dataset) -> None:
    report = api.get("/datasets/mix/calibration?signal=people&against=people&passing=1").json()

    assert report["position"] is None


def test_a_filter_is_kept_and_only_pairs_are_asked(
    session: Session, dataset: Dataset, lead: Principal, admin: Principal, bells: list[str]
) -> None:
    with serving(biased) as endpoint:
        provide(session, admin, endpoint)
        job = judge(session, dataset, lead, rubric="pair_judge", where="id:1..1000000 OR people:0")

    assert job.params["where"] == "(id:1..1000000 OR people:0) kind:preference"
    assert job.total == PAIRS


def test_the_form_keeps_a_rubric_of_pairs(
    session: Session, dataset: Dataset, lead: Principal, bells: list[str]
) -> None:
    browser = browser_of(session, lead)
    page = browser.get("/datasets/mix/judges?rubric=pair_judge").text
    assert 'name="pairwise" value="true" checked' in page
    form = {
        "name": "taste",
        "title": "Taste",
        "task": "Which is nicer?",
        "criteria": "Nicer.",
        "labels": "first\nsecond\ntie",
        "pairwise": "true",
    }

    assert browser.post("/datasets/mix/judges/rubric", data=form).status_code == 200
    assert get(session, "taste").rubric.pairwise
