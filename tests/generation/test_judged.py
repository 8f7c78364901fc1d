"""A judge beside the teacher: it is asked by the gates alone, and both are paid from one budget."""

import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.records import Kind, Record
from app.datasets.models import Dataset
from app.errors import InvalidError, NotFoundError
from app.generation import finishing, guards, released, service, trying
from app.generation.guards import CapIn
from app.generation.models import GenerationDraft
from app.generation.service import Order
from app.jobs.models import Job, JobStatus, Queue
from app.llm import service as llm
from app.llm.models import LlmUsage
from app.llm.service import ProviderIn
from app.providers import local_models
from app.releases import service as releases
from app.samples import service as samples
from app.samples.models import Sample, Status
from app.settings import settings
from tests.conftest import browser_of
from tests.endpoint import Answer, Json, serving
from tests.factories import fill, make_dataset, run_job
from tests.generation.test_runs import STORIES
from tests.shell import Here, winnow

pytestmark = pytest.mark.usefixtures("bells")


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    made = make_dataset(session, lead)
    fill(session, made, lead, [Record(Kind.TEXT, {"text": one}) for one in STORIES])
    return made


def teaches(request: Json) -> Answer:
    """A question on the document, answered in its own words."""
    asked = str(request["messages"][-1]["content"])
    told = next(one for one in STORIES if one in asked)
    question = f"What is told of {' and '.join(told.split()[1:4])}?"
    return Answer(json.dumps({"question": question, "answer": told}), tokens=(100, 10))


def judges(request: Json) -> Answer:
    """Everything is supported but what speaks of a bridge."""
    asked = str(request["messages"][-1]["content"])
    said = "no" if "bridge" in asked else "yes"
    return Answer(json.dumps({"explanation": "Read.", "supported": said}), tokens=(200, 5))


def providers(
    session: Session, admin: Principal, *urls: str, model: str = "severe", price: str = "10"
) -> None:
    for name, one, url, price_out in zip(
        ("teacher", "judge"), ("tiny", model), urls, (price, "1000"), strict=True
    ):
        given = {"name": name, "url": url, "model": one, "price_out": price_out}
        llm.save(session, ProviderIn.model_validate(given), by=admin)


@pytest.fixture
def order(session: Session, dataset: Dataset, lead: Principal) -> Callable[..., Job]:
    def start(**more: object) -> Job:
        given = {"generator": "questions", "provider": "teacher", "judge": "judge", **more}
        job = service.start(session, dataset, Order.model_validate(given), by=lead)
        return run_job(session, job.id)

    return start


def test_gates_ask_the_judge_and_nobody_else_does(
    session: Session, admin: Principal, order: Callable[..., Job]
) -> None:
    with serving(teaches) as teacher, serving(judges) as judge:
        providers(session, admin, teacher.url, judge.url)
        job = order()
        asked = (len(teacher.requests), len(judge.requests))

    assert (job.status, job.error, job.queue) == (JobStatus.SUCCEEDED, None, Queue.LLM)
    assert asked == (5, 5)
    assert {one["model"] for one in judge.requests} == {"severe"}
    assert job.result["outcomes"] == {"accepted": 4, "failed a gate": 1}
    assert "judged_by_same_model" not in job.result
    run = service.get(session, job.params["run"])
    assert (run.provider, run.judge, run.judge_model) == ("teacher", "judge", "severe")
    drafts = session.scalars(select(GenerationDraft)).all()
    assert {one.money for one in drafts} == {Decimal("0.0051")}  # 10 at 10, 5 at 1,000 a million
    assert all('"supported"' in one.raw for one in drafts)
    spent = {one.provider_id: one.money for one in session.scalars(select(LlmUsage))}
    assert sorted(spent.values()) == [Decimal("0.0005"), Decimal("0.025")]
    made = session.scalars(select(Sample).where(Sample.kind == Kind.INSTRUCTION)).first()
    assert made is not None
    assert samples.body(session, made).sample_metadata["judge"] == "severe"


def test_both_are_paid_from_one_budget(
    session: Session, admin: Principal, order: Callable[..., Job]
) -> None:
    with serving(teaches) as teacher, serving(judges) as judge:
        providers(session, admin, teacher.url, judge.url, price="1000")
        job = order(budget="0.06", max_tokens=16)  # all takes 0.05 and 0.025, a reply 0.016 at most

    assert job.status is JobStatus.PAUSED
    spent = sum(one.money for one in session.scalars(select(LlmUsage)))
    assert Decimal("0.044") < spent <= Decimal("0.06")
    assert "is spent" in str(job.error)


def test_a_pilot_says_what_both_would_take(
    session: Session, admin: Principal, order: Callable[..., Job]
) -> None:
    with serving(teaches) as teacher, serving(judges) as judge:
        providers(session, admin, teacher.url, judge.url)
        pilot = order(pilot=True)

    assert pilot.result["estimate"]["rows"] == 5
    assert pilot.result["estimate"]["money"] == ["0.025500"] * 3


def test_the_same_model_behind_another_name_is_told(
    session: Session, admin: Principal, order: Callable[..., Job]
) -> None:
    def both(request: Json) -> Answer:
        return (judges if "supported (yes" in str(request["messages"]) else teaches)(request)

    with serving(both) as teacher, serving(judges) as judge:
        providers(session, admin, teacher.url, judge.url, model="tiny")
        other = order()
        alone = order(judge="", where="words>10")

    assert other.result["judged_by_same_model"] == ["Is the answer supported?"]
    assert alone.result["judged_by_same_model"] == ["Is the answer supported?"]
    run = service.get(session, other.params["run"])
    run.params = {**run.params, "judge": False}
    assert finishing.judged_by_itself(run) == []


def test_a_trial_asks_the_judge_too(
    session: Session, dataset: Dataset, lead: Principal, admin: Principal
) -> None:
    with serving(teaches) as teacher, serving(judges) as judge:
        providers(session, admin, teacher.url, judge.url)
        order = Order(generator="questions", provider="teacher", judge="judge")
        tried = trying.on_three(session, dataset, order, {}, by=lead)

    assert len(judge.requests) == 3
    assert all('"supported"' in one.raw for one in tried)


def test_a_judge_that_is_of_no_use_is_refused(
    session: Session,
    dataset: Dataset,
    lead: Principal,
    admin: Principal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start(**given: str) -> Job:
        return service.start(session, dataset, Order.model_validate(given), by=lead)

    with pytest.raises(InvalidError, match="No gate of `errors` asks a model"):
        start(generator="errors", judge="judge")
    with serving(teaches) as teacher:
        providers(session, admin, teacher.url, teacher.url)
        with pytest.raises(InvalidError, match="leave the judge out"):
            start(generator="paraphrase", provider="teacher", judge="judge")
        with pytest.raises(NotFoundError, match="no provider `nobody`"):
            start(generator="questions", provider="teacher", judge="nobody")
        monkeypatch.setattr(local_models, "fingerprint", lambda _model: "files")
        local = {"name": "own", "kind": "local", "model": "/models/judge"}
        llm.save(session, ProviderIn.model_validate(local), by=admin)
        job = start(generator="questions", provider="teacher", judge="own")
        assert job.queue is Queue.GPU


def test_the_judge_is_named_through_every_door(
    session: Session,
    dataset: Dataset,
    lead: Principal,
    admin: Principal,
    api: TestClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.cli_generation.from_environment", lambda: Here(api, session))
    path = f"/datasets/{dataset.name}"
    with serving(teaches) as teacher, serving(judges) as judge:
        providers(session, admin, teacher.url, judge.url)
        body = {"generator": "questions", "provider": "teacher", "judge": "judge", "pilot": True}
        assert run_job(session, api.post(f"{path}/generate", json=body).json()["id"]).error is None
        words = ("--provider", "teacher", "--judge", "judge", "--pilot", "--wait")
        assert winnow("generate", dataset.name, "questions", *words)[0] == 0
        browser = browser_of(session, lead)
        page = browser.get(f"{path}/generate?generator=questions").text
        assert 'name="judge"' in page
        assert 'name="judge"' not in browser.get(f"{path}/generate?generator=paraphrase").text
        form = {"generator": "questions", "provider": "teacher", "judge": "judge"}
        form |= {"questions.judge": "true", "pilot": "true"}
        made = browser.post(f"{path}/generate", data=form, follow_redirects=False)

    runs = api.get(f"{path}/runs").json()["items"]
    assert [(one["judge"], one["judge_model"]) for one in runs] == [("judge", "severe")] * 3
    assert "judged by severe" in browser.get(made.headers["Location"]).text


def test_a_release_names_each_template_once_and_what_its_runs_paid_for(
    session: Session, dataset: Dataset, admin: Principal, lead: Principal, order: Callable[..., Job]
) -> None:
    with serving(teaches) as teacher, serving(judges) as judge:
        providers(session, admin, teacher.url, judge.url)
        order(pilot=True)
        job = order(review_share=0)
        guards.set_cap(session, dataset, CapIn(override_reason="That is the test."), by=lead)
        assert (len(teacher.requests), len(judge.requests)) == (5, 5)
    session.execute(update(Sample).values(status=Status.APPROVED))
    session.commit()
    made, work = releases.start(session, dataset, name="r", where="", formats=["jsonl"], by=lead)
    assert run_job(session, work.id).status is JobStatus.SUCCEEDED

    found = released.told(session, made.id, made.dataset_id)
    run = service.get(session, job.params["run"])
    assert found["prompts"] == [
        {
            "generator": "questions",
            "prompt": name,
            "version": one["version"],
            "hash": one["hash"],
            "rows": 4,
        }
        for name, one in sorted(run.prompts.items())
    ]
    assert [(one["money"], one["tokens_in"]) for one in found["runs"]] == [("0", 0)]
    card = (settings().home / "releases" / str(made.id) / "README.md").read_text()
    for one in run.prompts.values():
        assert card.count(one["hash"][:12]) == 1
