"""Looking for duplicates end to end: signatures, pairs, clusters, signals."""

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.datasets.models import Dataset
from app.jobs.models import Job, JobStatus
from app.matching import service
from app.matching.models import MatchCluster, MatchMember, MatchPair, MatchSignature
from tests.factories import fill, make_dataset, run_job
from tests.matching.texts import plain, planted

pytestmark = pytest.mark.usefixtures("bells")


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    return make_dataset(session, lead)


def match(
    session: Session, dataset: Dataset, by: Principal, key: str = "minhash", **given: object
) -> Job:
    params = given.pop("params", {})
    job = service.start(session, dataset, key, params, by=by, **given)  # type: ignore[arg-type]
    return run_job(session, job.id)


def test_planted_pairs_are_found_and_unrelated_ones_are_not(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    fill(session, dataset, lead, [*planted(30, 0.9), *planted(10, 0.3, seed=2)])

    job = match(session, dataset, lead)

    assert (job.status, job.error) == (JobStatus.SUCCEEDED, None)
    assert job.result["clusters"] == job.result["pairs"] == job.result["members"] == 30
