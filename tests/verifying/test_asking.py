"""Verifiers that ask a model: on account, within a budget, with what failed kept to be retried."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.datasets.models import Dataset
from app.errors import InvalidError
from app.jobs import service as jobs
from app.jobs.models import DeadLetter, Job, JobStatus, Queue
from app.llm import service as llm
from app.llm.models import LlmUsage
from app.llm.service import ProviderIn
from app.samples import registry
from app.samples.models import Sample
from app.verifying import service
from app.verifying.service import Order
from tests.endpoint import Answer, Endpoint, Json, serving
from tests.factories import fill, instruction, make_dataset, run_job

pytestmark = pytest.mark.usefixtures("bells")
Verify = Callable[..., Job]


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    made = make_dataset(session, lead)
    records = [
        instruction(f"What is {n} plus {n}?", str(2 * n + (n == 3)), metadata={"model": "tiny"})
        for n in range(6)
    ]
    fill(session, made, lead, records)
    return made


@pytest.fixture
def verify(session: Session, dataset: Dataset, lead: Principal, admin: Principal) -> Verify:
    def run(endpoint: Endpoint, **more: object) -> Job:
        given = {"name": "local", "url": endpoint.url, "model": "tiny", "price_out": "10"}
        llm.save(session, ProviderIn.model_validate(given), by=admin)
        order = {"verifier": "consistency", "provider": "local", "params": {"k": 2}, **more}
        return run_job(
            session, service.start(session, dataset, Order.model_validate(order), by=lead).id
        )

    return run


def solves(request: Json) -> Answer:
    number = int(str(request["messages"][1]["content"]).split()[2])
    return Answer(f"Let me see.\n#### {2 * number}")


def verdicts(session: Session, dataset: Dataset) -> list[float | None]:
    slot = next(one.slot for one in registry.signals(session, dataset.id))
    query = select(Sample.scores[slot + 1]).where(Sample.dataset_id == dataset.id)
    return list(session.scalars(query.order_by(Sample.id)))


def test_answers_are_compared_with_those_of_a_model_on_account(
    session: Session, dataset: Dataset, verify: Verify
) -> None:
    with serving(solves) as endpoint:
        job = verify(endpoint)

    assert (job.status, job.error, job.queue) == (JobStatus.SUCCEEDED, None, Queue.LLM)
    assert verdicts(session, dataset) == [1, 1, 1, 0, 1, 1]
    assert len(endpoint.requests) == 12
    usage = session.scalars(select(LlmUsage)).one()
    assert (usage.calls, usage.purpose) == (12, "verify consistency")
    assert job.result["money"] == "0.002400"


def test_a_model_that_wrote_the_rows_itself_is_told(dataset: Dataset, verify: Verify) -> None:
    with serving(solves) as endpoint:
        job = verify(endpoint)

    assert job.result["by_same_model"] == 6


def test_of_the_rows_that_a_model_wrote_those_count_that_are_verified(
    session: Session, dataset: Dataset, lead: Principal, verify: Verify
) -> None:
    fill(
        session, dataset, lead, [instruction("What is 9 plus 9?", "18", metadata={"model": "big"})]
    )
    with serving(solves) as endpoint:
        job = verify(endpoint, where='metadata.model:big OR "4 plus 4"')

    assert (job.result["by_same_model"], job.result["rows"]) == (1, 2)


def test_the_budget_holds_and_more_money_goes_on_from_there(
    session: Session, dataset: Dataset, lead: Principal, verify: Verify
) -> None:
    with serving(solves) as endpoint:
        job = verify(endpoint, budget="0.011")
        assert job.status is JobStatus.PAUSED
        assert "is spent" in str(job.error)
        paid = len(endpoint.requests)
        assert 0 < paid < 12

        jobs.retry(session, job.id, by=lead, budget=Decimal(5))
        done = run_job(session, job.id)

    assert done.status is JobStatus.SUCCEEDED
    assert len(endpoint.requests) == 12
    assert verdicts(session, dataset) == [1, 1, 1, 0, 1, 1]


def test_a_row_whose_question_fails_has_no_verdict_and_is_kept(
    session: Session, dataset: Dataset, verify: Verify
) -> None:
    def fails(request: Json) -> Answer:
        if "4 plus" in str(request["messages"][1]["content"]):
            return Answer(status=413)
        return solves(request)

    with serving(fails) as endpoint:
        job = verify(endpoint)
        if job.status is JobStatus.PAUSED:
            pytest.fail(str(job.error))
        assert verdicts(session, dataset) == [1, 1, 1, 0, None, 1]
        assert len(session.scalars(select(DeadLetter)).all()) == 1


def test_an_endpoint_that_is_gone_pauses(dataset: Dataset, verify: Verify) -> None:
    with serving(lambda _: Answer(status=401)) as endpoint:
        job = verify(endpoint)

    assert job.status is JobStatus.PAUSED
    assert "nothing is lost" in str(job.error)


def test_a_verifier_that_asks_needs_a_provider(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    with pytest.raises(InvalidError, match="name the provider to ask"):
        service.start(session, dataset, Order(verifier="round_trip"), by=lead)
