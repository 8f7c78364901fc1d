"""Splits: nothing that is alike or made of each other crosses, and the seed decides."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.datasets.models import Dataset
from app.errors import ConflictError, NotFoundError
from app.jobs.models import Job
from app.matching import splitting
from app.matching.splitting import SplitOrder
from app.samples.models import SampleParent
from tests.conftest import browser_of
from tests.factories import fill, make_dataset, run_job
from tests.matching.test_matching import match, scores
from tests.matching.texts import plain, planted
from tests.shell import Here, winnow_json

pytestmark = pytest.mark.usefixtures("bells")


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    made = make_dataset(session, lead)
    singles = [plain(f"{number} alone") for number in range(60)]
    rows = fill(session, made, lead, [*planted(20, 0.9), *singles])
    for number in range(10):
        child, parent = rows[2 * number].id, rows[-1 - number].id
        session.add(SampleParent(child_id=child, parent_id=parent, relation="evolved"))
    session.commit()
    match(session, made, lead)
    return made


def divided(session: Session, dataset: Dataset, by: Principal, **order: object) -> Job:
    made = SplitOrder.model_validate(order)
    return run_job(session, splitting.start(session, dataset, made, by=by).id)


def test_nothing_that_belongs_together_crosses(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    job = divided(session, dataset, lead, dev=0.2, test=0.1)

    found = scores(session, dataset, "split")
    assert job.result["crossing"] == 0
    assert [job.result[name] for name in splitting.NAMES] == [70, 20, 10]
    assert found[0:40:2] == found[1:40:2]
    assert found[0:20:2] == found[:-11:-1]


def test_the_seed_decides_and_nothing_else(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    drawn = []
    for seed in (1, 1, 2):
        divided(session, dataset, lead, seed=seed)
        drawn.append(scores(session, dataset, "split"))

    assert drawn[0] == drawn[1] != drawn[2]


def test_a_source_may_stay_whole(session: Session, dataset: Dataset, lead: Principal) -> None:
    job = divided(session, dataset, lead, by_source=True)

    assert job.result["groups"] == 1


def test_what_can_not_be_split_is_refused(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    with pytest.raises(ValueError, match="together"):
        SplitOrder(dev=0.5, test=0.5)
    with pytest.raises(NotFoundError, match="winnow match"):
        splitting.start(session, make_dataset(session, lead, "bare"), SplitOrder(), by=lead)
    splitting.start(session, dataset, SplitOrder(), by=lead)
    with pytest.raises(ConflictError, match="right now"):
        splitting.start(session, dataset, SplitOrder(), by=lead)


def test_it_is_offered_everywhere(
    session: Session,
    dataset: Dataset,
    lead: Principal,
    api: TestClient,
    bells: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.cli_duplicates.from_environment", lambda: Here(api, session))

    by_verb = winnow_json("split", "mix", "--dev", "0.2", "--wait")
    browser = browser_of(session, lead)
    browser.post("/datasets/mix/duplicates/split", data={"dev": "0.3", "signal": "parts"})
    by_page = run_job(session, bells[-1])

    assert by_verb["result"]["dev"] == 20
    assert by_page.result["dev"] == 30
    assert "/datasets/mix/duplicates/split" in browser.get("/datasets/mix/duplicates").text
