"""Candidates put to a judge: verdicts with its reasons, undone like those of people."""

import re

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.contamination import certificate, confirming, verdicts
from app.contamination.confirming import Order
from app.contamination.models import ContaminationVerdict
from app.contamination.verdicts import Filter, Pair, UndoIn
from app.datasets.models import Dataset
from app.errors import ForbiddenError, InvalidError, NotFoundError
from app.jobs.models import DeadLetter, Job, JobStatus
from app.llm import service as llm
from app.llm.models import LlmUsage
from app.llm.service import ProviderIn
from app.samples.models import Sample, Status
from tests.conftest import browser_of
from tests.contamination.test_contamination import benchmark, dataset, look
from tests.endpoint import Answer, Endpoint, Json, serving
from tests.factories import fill, instruction, run_job
from tests.shell import Here, winnow

__all__ = ["benchmark", "dataset"]  # the fixtures

pytestmark = pytest.mark.usefixtures("bells")

ROWS = [
    instruction("Tell me the longest river in the southern half of the earth, please.", "Amazon"),
    instruction("Name the longest road of the southern half of the moon.", "There is none"),
    instruction("Name a long river of the northern half of the earth, or its longest.", "Ob"),
]
OPEN = Filter(finding="candidate", state="open")


def said(label: str, why: str = "Both ask for it.") -> Answer:
    return Answer(f'{{"reason": "{why}", "label": "{label}"}}')


def row_of(request: Json) -> str:
    found = re.search(r"\[row\]\n(.*)", request["messages"][1]["content"])
    assert found is not None
    return found.group(1)


def by_row(request: Json) -> Answer:
    return said("same" if "please" in row_of(request) else "different", "It asks for a river.")


@pytest.fixture
def candidates(session: Session, dataset: Dataset, benchmark: Dataset, lead: Principal) -> int:
    """Rows that layers list and nobody is sure of."""
    fill(session, dataset, lead, ROWS)
    look(session, dataset, lead, "tfidf")
    count = verdicts.count(session, dataset, OPEN)
    assert count >= 2
    return count


def provide(session: Session, admin: Principal, endpoint: Endpoint, **more: object) -> None:
    given = {"name": "judge", "url": endpoint.url, "model": "tiny", **more}
    llm.save(session, ProviderIn.model_validate(given), by=admin)
    session.commit()


def ask(session: Session, dataset: Dataset, by: Principal, **more: object) -> Job:
    order = Order.model_validate({"provider": "judge", **more})
    return run_job(session, confirming.start(session, dataset, order, by=by).id)


def test_a_judge_of_whom_nothing_can_be_read_has_confirmed_nothing(
    session: Session, dataset: Dataset, lead: Principal, admin: Principal, candidates: int
) -> None:
    with serving(lambda _: Answer('{"verdict": "same"}')) as endpoint:
        provide(session, admin, endpoint)
        job = ask(session, dataset, lead)

    assert job.status is JobStatus.FAILED
    assert f"None of the {candidates} replies of the judge could be read" in str(job.error)
    assert verdicts.count(session, dataset, OPEN) == candidates


def test_the_same_is_moved_and_the_others_are_allowed_with_a_reason(
    session: Session, dataset: Dataset, lead: Principal, admin: Principal, candidates: int
) -> None:
    with serving(by_row) as endpoint:
        provide(session, admin, endpoint, price_in="1", price_out="1")
        job = ask(session, dataset, lead)

    assert (job.status, job.error, job.total) == (JobStatus.SUCCEEDED, None, candidates)
    assert len(endpoint.requests) == candidates
    assert (job.result["same"], job.result["different"]) == (1, candidates - 1)
    assert (job.result["unsaid"], job.result["moved_before"]) == (0, 0)
    assert verdicts.count(session, dataset, OPEN) == 0
    moved = session.scalars(select(Sample).where(Sample.status == Status.QUARANTINED)).one()
    given = session.scalars(select(ContaminationVerdict)).all()
    assert {one.verdict for one in given} == {"quarantine", "allow"}
    assert {one.reason for one in given} == {"It asks for a river."}
    assert {one.model for one in given} == {"judge (tiny)"}
    known = certificate.certificate(session, dataset)
    assert known.note.endswith(f"named here. {candidates} of the model judge (tiny).")
    assert session.scalars(select(LlmUsage)).one().purpose == "same_problem"
    (verdict,) = (one for one in given if one.sample_id == moved.id)
    pair = Pair(item=verdict.item_id, sample=moved.id)
    verdicts.undo(session, dataset, UndoIn(pairs=[pair]), by=lead)
    assert moved.status is Status.PENDING
    assert verdicts.count(session, dataset, OPEN) == 1


def test_what_the_judge_does_not_say_stays_open(
    session: Session, dataset: Dataset, lead: Principal, admin: Principal, candidates: int
) -> None:
    with serving(
        lambda request: Answer("Hm.") if "please" in row_of(request) else by_row(request)
    ) as endpoint:
        provide(session, admin, endpoint)
        job = ask(session, dataset, lead, same="remove")

    assert job.status is JobStatus.SUCCEEDED
    assert len(endpoint.requests) == candidates + 1  # asked once more what was wrong with it
    assert verdicts.count(session, dataset, OPEN) == 1
    letter = session.scalars(select(DeadLetter).where(DeadLetter.job_id == job.id)).one()
    assert "no JSON" in letter.reason
    assert job.result["unsaid"] == 1


def test_an_endpoint_that_is_down_holds_the_job_which_goes_on_without_paying_twice(
    session: Session,
    dataset: Dataset,
    lead: Principal,
    admin: Principal,
    candidates: int,
    api: TestClient,
) -> None:
    broken = True

    def answer(request: Json) -> Answer:
        return (
            Answer(status=401, body=b"{}")
            if broken and "please" in row_of(request)
            else by_row(request)
        )

    with serving(answer) as endpoint:
        provide(session, admin, endpoint)
        job = ask(session, dataset, lead)
        assert (job.status, "refused the key" in str(job.error)) == (JobStatus.PAUSED, True)
        assert verdicts.count(session, dataset, OPEN) == 1  # what was answered is settled
        broken = False
        api.post(f"/jobs/{job.id}/retry")
        job = run_job(session, job.id)

    assert job.status is JobStatus.SUCCEEDED
    assert len(endpoint.requests) == candidates + 1
    assert verdicts.count(session, dataset, OPEN) == 0


def test_a_budget_is_not_passed(
    session: Session, dataset: Dataset, lead: Principal, admin: Principal, candidates: int
) -> None:
    with serving(by_row) as endpoint:
        provide(session, admin, endpoint, price_in="1000", price_out="1000")
        job = ask(session, dataset, lead, budget="0.0001")

    assert (job.status, endpoint.requests) == (JobStatus.PAUSED, [])
    assert "budget of 0.0001" in str(job.error)


def test_who_may_ask_and_about_what(
    session: Session,
    dataset: Dataset,
    benchmark: Dataset,
    lead: Principal,
    annotator: Principal,
    admin: Principal,
) -> None:
    with pytest.raises(ForbiddenError):
        ask(session, dataset, annotator)
    with pytest.raises(NotFoundError, match="judge"):
        ask(session, dataset, lead)
    with serving(by_row) as endpoint:
        provide(session, admin, endpoint)
        with pytest.raises(InvalidError, match="no open candidate"):
            ask(session, dataset, lead)


def test_over_rest_in_the_browser_and_on_the_command_line(
    session: Session,
    dataset: Dataset,
    lead: Principal,
    admin: Principal,
    candidates: int,
    api: TestClient,
    bells: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.cli_contamination.from_environment", lambda: Here(api, session))
    browser = browser_of(session, lead)
    page = f"/datasets/{dataset.name}/contamination"
    with serving(by_row) as endpoint:
        provide(session, admin, endpoint)
        assert f"Ask a judge about {candidates} candidates" in browser.get(page).text
        sent = browser.post(f"{page}/confirm", data={"provider": "judge"}, follow_redirects=False)
        twice = api.post(f"{page}/confirm", json={"provider": "judge"})
        run_job(session, bells[-1])
        code, printed = winnow("confirm", dataset.name, "--provider", "judge", "--wait")

    assert (sent.status_code, twice.status_code) == (303, 409)
    assert (code, "no open candidate" in printed) == (1, True)
    assert "Ask a judge about" not in browser.get(page).text
