"""How a run asks: what was begun is finished first, limits hold, silence is no success."""

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.ports import ModelError, Question, Reply
from app.curation.records import Kind, Record
from app.datasets.models import Dataset
from app.generation import account, service
from app.generation.models import GenerationDraft
from app.generation.service import Order
from app.jobs import service as jobs
from app.jobs.models import Job, JobStatus
from app.llm import service as llm
from app.llm.models import LlmCall
from app.llm.running import finished
from app.llm.service import ProviderIn
from app.llm.slots import Slots
from tests.endpoint import Answer, Json, serving
from tests.factories import fill, make_dataset, run_job
from workers import requesting
from workers.requesting import Requests

pytestmark = pytest.mark.usefixtures("bells")
Start = Callable[..., Job]
_GRID = {"topics": "loops, gravity, tides, rivers", "audiences": "all", "length": 30}


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    return make_dataset(session, lead)


@pytest.fixture
def start(session: Session, dataset: Dataset, lead: Principal) -> Start:
    def run(generator: str, **more: object) -> Job:
        order = Order.model_validate({"generator": generator, "provider": "local", **more})
        return service.start(session, dataset, order, by=lead)

    return run


def add_provider(session: Session, admin: Principal, url: str, **more: object) -> None:
    given = {"name": "local", "url": url, "model": "tiny", "price_out": "10", **more}
    llm.save(session, ProviderIn.model_validate(given), by=admin)


def questions(request: Json) -> Answer:
    """A question on a document and its answer, or the verdict on both."""
    said = str(request["messages"][-1]["content"])
    if "supported (yes" in str(request["messages"]):
        return Answer(json.dumps({"explanation": "Read.", "supported": "yes"}), tokens=(100, 10))
    number = said.split("Story ")[1].split(maxsplit=1)[0]
    told = {"question": f"What is story {number} about?", "answer": f"About matter {number}."}
    return Answer(json.dumps(told), tokens=(100, 10), delay=0.01)


def test_money_that_ends_in_the_middle_leaves_few_halves(
    session: Session, dataset: Dataset, lead: Principal, admin: Principal, start: Start
) -> None:
    texts = [f"Story {n} tells of matter {n}, and of many a thing beside it." for n in range(60)]
    fill(session, dataset, lead, [Record(Kind.TEXT, {"text": one}) for one in texts])
    with serving(questions) as endpoint:
        add_provider(session, admin, endpoint.url, concurrency=4)
        job = run_job(session, start("questions", seeds=60, budget=Decimal("0.0130")).id)
        asked = len(endpoint.requests)

    written = session.scalar(select(func.count()).select_from(GenerationDraft))
    assert (job.status, "budget" in str(job.error)) == (JobStatus.PAUSED, True)
    assert 12 <= asked < 100
    assert written is not None
    assert written >= (asked - 3 * 4) // 2 - 1


def test_teacher_and_judge_at_one_provider_keep_its_limit(
    session: Session, dataset: Dataset, lead: Principal, admin: Principal, start: Start
) -> None:
    texts = [f"Story {n} tells of matter {n}, and of many a thing beside it." for n in range(30)]
    fill(session, dataset, lead, [Record(Kind.TEXT, {"text": one}) for one in texts])
    with serving(questions) as endpoint:
        add_provider(session, admin, endpoint.url, concurrency=4)
        job = run_job(session, start("questions", seeds=30, judge="local").id)

    assert (job.status, job.result["requests"]) == (JobStatus.SUCCEEDED, 30)
    assert endpoint.most_at_once == 4


class Silent:
    """A model that gives no reply, at once or after an hour."""

    def __init__(self, seconds: float) -> None:
        self.asked, self._seconds = 0, seconds

    async def ask(self, _question: Question) -> Reply:
        self.asked += 1
        await asyncio.sleep(self._seconds)
        raise ModelError("The endpoint does not answer.", fatal=False)

    async def close(self) -> None:
        """Nothing is held."""


def test_a_run_to_which_nobody_answers_waits_once_and_then_says_so(
    session: Session,
    lead: Principal,
    admin: Principal,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add_provider(session, admin, "http://127.0.0.1:9/v1")
    model = Silent(0)
    monkeypatch.setattr(llm, "model_of", lambda _provider, **_more: model)

    job = run_job(session, start("textbook", params=_GRID).id)

    assert (job.status, model.asked) == (JobStatus.PAUSED, 4)
    assert "nothing is lost" in str(job.error)
    assert session.scalar(select(func.count()).select_from(GenerationDraft)) == 0
    jobs.retry(session, job.id, by=lead)
    done = run_job(session, job.id)
    assert (done.status, model.asked) == (JobStatus.SUCCEEDED, 8)
    assert done.result["outcomes"] == {"no reply": 4}


def test_a_run_is_cancelled_while_the_model_is_silent(
    session: Session, admin: Principal, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_provider(session, admin, "http://127.0.0.1:9/v1")
    monkeypatch.setattr(llm, "model_of", lambda _provider, **_more: Silent(3600))
    monkeypatch.setattr(requesting, "_LOOK_S", 0.05)
    look, looks = Requests.look, []

    def cancels(of: Requests) -> None:
        looks.append(1)
        if len(looks) == 3:
            session.execute(update(Job).values(cancel_requested=True))
        look(of)

    monkeypatch.setattr(Requests, "look", cancels)

    job = run_job(session, start("textbook", params=_GRID).id)

    assert job.status is JobStatus.CANCELLED
    assert session.scalar(select(func.count()).select_from(LlmCall)) == 0


class Slow:
    """A model that answers all but the first question, until it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.quick = False

    async def ask(self, _question: Question) -> Reply:
        self.asked += 1
        if self.asked == 1 and not self.quick:
            await asyncio.sleep(3600)
        return Reply("Too short.", "stop", 50, 100, 0.1)

    async def close(self) -> None:
        """Nothing is held."""


def test_what_was_paid_when_a_run_is_cancelled_is_accounted_for_until_it_is_made_anew(
    session: Session,
    lead: Principal,
    admin: Principal,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add_provider(session, admin, "http://127.0.0.1:9/v1", price_out="10")
    model = Slow()
    monkeypatch.setattr(llm, "model_of", lambda _provider, **_more: model)
    monkeypatch.setattr(requesting, "_LOOK_S", 0.05)
    look = Requests.look

    def cancels(of: Requests) -> None:
        if model.asked == 4:
            session.execute(update(Job).values(cancel_requested=True))
        look(of)

    monkeypatch.setattr(Requests, "look", cancels)
    job = run_job(session, start("textbook", params=_GRID).id)

    run = service.get(session, job.params["run"])
    lines = account.of_run(session, run).lines
    assert job.status is JobStatus.CANCELLED
    assert [(one.outcome, one.count) for one in lines] == [("run cancelled", 3)]
    taken = select(GenerationDraft.tokens_out).where(GenerationDraft.run_id == run.id)
    assert session.scalars(taken).all() == [100, 100, 100]

    assert session.scalar(select(func.count()).select_from(LlmCall)) == 3
    monkeypatch.setattr(Requests, "look", look)
    model.quick = True
    jobs.retry(session, job.id, by=lead)
    done = run_job(session, job.id)
    assert (done.status, model.asked) == (JobStatus.SUCCEEDED, 5)
    assert sum(done.result["outcomes"].values()) == 4
    assert "run cancelled" not in done.result["outcomes"]


def test_replies_of_no_use_are_asked_for_anew_by_the_next_run_alone(
    session: Session, admin: Principal, start: Start
) -> None:
    texts = iter(
        [
            Answer("I'm sorry, but I can't help with that request."),
            *[Answer("Too short to be kept.")] * 8,
        ]
    )

    with serving(lambda _: next(texts)) as endpoint:
        add_provider(session, admin, endpoint.url, concurrency=1)
        first = run_job(session, start("textbook", params=_GRID).id)
        again = run_job(session, start("textbook", params=_GRID).id)

    assert first.result["outcomes"]["refused"] == 1
    assert "refused" not in again.result["outcomes"]
    assert len(endpoint.requests) == 5


def test_the_lowest_turn_goes_first_and_one_that_left_is_passed_over() -> None:
    order: list[int] = []

    async def ask(slots: Slots, turn: int) -> None:
        async with slots.held(turn):
            order.append(turn)
            await asyncio.sleep(0.01)

    async def all_of_them() -> None:
        slots = Slots(1)
        tasks = [asyncio.create_task(ask(slots, turn)) for turn in (9, 5, 7, 3, 1)]
        await asyncio.sleep(0.001)
        tasks[2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with slots.held(0):  # all were given back
            order.append(0)

    finished(all_of_them())
    assert order == [9, 1, 3, 5, 0]
