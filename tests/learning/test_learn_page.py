"""Learned signals in the browser."""

import re

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.datasets.models import Dataset
from app.jobs import service as jobs
from app.learning.models import LearnedScorer
from tests.conftest import browser_of
from tests.factories import fill, instruction, make_dataset, run_job
from tests.learning.test_learning import dataset, learn

__all__ = ["dataset"]  # the fixture

pytestmark = pytest.mark.usefixtures("bells")


def test_before_anything_is_learned_it_says_how(session: Session, lead: Principal) -> None:
    make_dataset(session, lead, "empty")

    page = browser_of(session, lead).get("/datasets/empty/learn")

    assert "Nothing was learned yet" in page.text


def test_a_signal_is_learned_and_shown_with_its_cuts(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    browser = browser_of(session, lead)
    form = {"signal": "good", "labels": "grade", "learner": "logistic", "cut": "3"}

    browser.post(f"/datasets/{dataset.name}/learn", data=form)
    run_job(session, jobs.newest(session, dataset.id, 1)[0].id)
    page = browser.get(f"/datasets/{dataset.name}/learn?signal=good")

    assert "Area under ROC" in page.text
    assert "from grade, 3 and up is good" in page.text
    assert "/filters?c=good%3E%3D" in page.text
    assert "length alone" in page.text
    assert "logistic, 1" in page.text
    at = re.findall(r"signal=good&amp;at=([\d.e-]+)#shares", page.text)[-1]
    opened = browser.get(f"/datasets/{dataset.name}/learn?signal=good&at={at}").text
    assert "of 60 samples are kept" in opened
    assert "By length" in opened


def test_versions_of_before_curves_had_intervals_are_shown(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    learn(session, dataset, lead)
    row = session.scalars(select(LearnedScorer)).one()
    row.curve = [[16, 0.5], [32, 0.75]]
    row.metrics = {name: one for name, one in row.metrics.items() if name != "beside"}
    session.flush()

    page = browser_of(session, lead).get(f"/datasets/{dataset.name}/learn")

    assert "32 labels 0.75" in page.text


def test_a_cut_that_is_no_number_is_refused(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    form = {"signal": "good", "labels": "grade", "cut": "high"}

    answer = browser_of(session, lead).post(f"/datasets/{dataset.name}/learn", data=form)

    assert answer.status_code == 422
    assert "The cut is a number, not `high`" in answer.text


def test_where_length_alone_does_as_well_it_says_so(session: Session, lead: Principal) -> None:
    made = make_dataset(session, lead, "long")
    rows = [
        instruction(f"Question {n}?", "word " * (n + 1), scores={"grade": float(n)})
        for n in range(60)
    ]
    fill(session, made, lead, rows)
    learn(session, made, lead, cut=None, learner="ridge")

    page = browser_of(session, lead).get("/datasets/long/learn")

    assert "Length alone agrees as well" in page.text
