"""Learning from ladders end to end: no labels, a signal that grades answers."""

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.datasets.models import Dataset
from app.jobs import service as jobs
from app.jobs.models import JobStatus
from app.learning import service
from app.samples import registry
from app.samples.models import Sample
from tests.conftest import browser_of
from tests.curation.learners.test_ladder import planted
from tests.factories import fill, instruction, make_dataset, run_job

pytestmark = pytest.mark.usefixtures("bells")


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    """Good answers, ten that are swapped, and one without a question."""
    made = make_dataset(session, lead)
    good = planted(150)
    pairs = dict(zip(good.prompts, good.answers, strict=True))
    rows = [instruction(one, other) for one, other in pairs.items()]
    asked, said = list(pairs)[:10], list(pairs.values())[20:30]
    swapped = [instruction(f"{one} Say!", other) for one, other in zip(asked, said, strict=True)]
    fill(session, made, lead, [*rows, *swapped])
    fill(session, made, lead, [instruction("", "Nobody asked for this answer, which is here.")])
    return made


def test_a_signal_grades_answers_and_says_how_well(
    session: Session, dataset: Dataset, api: TestClient, lead: Principal
) -> None:
    body = {"signal": "grade", "labels": "ladder"}
    started = api.post(f"/datasets/{dataset.name}/learn", json=body)

    job = run_job(session, started.json()["id"])

    assert (job.status, job.error) == (JobStatus.SUCCEEDED, None)
    slot = next(one for one in registry.signals(session, dataset.id) if one.name == "grade")
    query = select(Sample.scores[slot.slot + 1]).order_by(Sample.id)
    *answers, nobody_asked = session.scalars(query)
    good, swapped = np.array(answers[:-10], float), np.array(answers[-10:], float)
    assert nobody_asked is None
    assert np.median(good) > np.median(swapped) + 0.3
    assert "made worse" in slot.help
    assert job.result["best_of_4"][0] >= 0.55
    assert "held_out" not in job.result
    (learned,) = api.get(f"/datasets/{dataset.name}/learned").json()["items"]
    assert learned["labels"] == "ladder"
    again = run_job(session, api.post(f"/datasets/{dataset.name}/learn", json=body).json()["id"])
    assert again.result["version"] == 1
    page = browser_of(session, lead).get(f"/datasets/{dataset.name}/learn?signal=grade")
    assert "Best of 4" in page.text


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"cut": 0.5}, "Ladders have grades of their own"),
        ({"learner": "logistic"}, "ladders have grades"),
    ],
)
def test_what_ladders_can_t_teach_is_refused(
    session: Session, dataset: Dataset, api: TestClient, order: dict[str, object], words: str
) -> None:
    body = {"signal": "grade", "labels": "ladder", **order}

    answer = api.post(f"/datasets/{dataset.name}/learn", json=body)

    assert answer.status_code == 422
    assert words in answer.json()["detail"]


def test_too_few_answers_are_refused_at_once(
    session: Session, lead: Principal, api: TestClient
) -> None:
    few = make_dataset(session, lead, "few")
    fill(session, few, lead, [instruction("Why?", "Because it is so, as all of us know.")])

    answer = api.post("/datasets/few/learn", json={"signal": "grade", "labels": "ladder"})

    assert answer.status_code == 422
    assert "Of 1 samples, 1 have a question" in answer.json()["detail"]
    assert jobs.newest(session, few.id, 1) == []
    assert service.of_dataset(session, few.id) == []
