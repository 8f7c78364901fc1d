"""What jobs took: seconds of processors per chunk, tokens of endpoints, sums that are exact."""

import sys
import time
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.jobs import energy
from app.jobs import service as jobs
from app.jobs.models import Job, JobChunk, JobKind, JobStatus
from app.judging import service as judging
from app.llm.models import LlmUsage
from app.settings import settings
from tests.conftest import browser_of
from tests.endpoint import graded, serving
from tests.factories import fill, make_dataset, numbered, run_job
from tests.judging.test_judging import provide
from workers import meter
from workers.chunks import Chunk, Handler
from workers.jobs import run as run_by

pytestmark = pytest.mark.usefixtures("bells")


def burn(seconds: float) -> None:
    """Keep one core busy for so long."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        sum(range(1000))


def started(session: Session, by: Principal) -> Job:
    made = jobs.start(session, JobKind.SCORE, "Burn", by=by, params={})
    session.commit()
    return made


def chunks(session: Session, job: Job) -> list[tuple[float, float]]:
    query = select(JobChunk.cpu_s, JobChunk.gpu_s).where(JobChunk.job_id == job.id)
    return [(cpu_s, gpu_s) for cpu_s, gpu_s in session.execute(query.order_by(JobChunk.position))]


def test_seconds_of_each_chunk_are_counted_and_summed(session: Session, lead: Principal) -> None:
    def work(chunk: Chunk) -> None:
        burn(chunk.params["burn"])
        chunk.checkpoint(1)
        burn(chunk.params["burn"])

    job = started(session, lead)
    plan = [{"burn": 0.1}, {"burn": 0.2}]
    run_by(job.id, lambda _: Handler(plan=lambda _s, _j: plan, work=work))
    session.expire_all()

    (first, gpu), (second, _) = chunks(session, job)
    assert first == pytest.approx(0.2, abs=0.08)
    assert second == pytest.approx(0.4, abs=0.08)
    assert gpu == 0
    took = jobs.progress(session, [job])[job.id].energy
    assert took.cpu_s == first + second
    assert took.kwh == pytest.approx((first + second) * settings().cpu_watts / 3.6e6)


def test_what_failed_took_its_seconds_too_and_tries_add_up(
    session: Session, lead: Principal
) -> None:
    def work(_chunk: Chunk) -> None:
        burn(0.1)
        raise ValueError("broken")

    job = started(session, lead)
    handler = Handler(plan=lambda _s, _j: [{}], work=work)
    run_by(job.id, lambda _: handler)
    session.expire_all()
    ((once, _),) = chunks(session, job)
    jobs.retry(session, job.id, by=lead)
    session.commit()
    run_by(job.id, lambda _: handler)
    session.expire_all()

    ((twice, _),) = chunks(session, job)
    assert once >= 0.1
    assert twice >= once + 0.1


def test_a_gpu_counts_while_torch_holds_one(monkeypatch: pytest.MonkeyPatch) -> None:
    held = [True]
    cuda = SimpleNamespace(is_initialized=lambda: held[0])
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    one = meter.Meter()
    time.sleep(0.05)

    _, busy = one.taken()
    held[0] = False
    _, idle = one.taken()

    assert busy >= 0.05
    assert idle == 0
    monkeypatch.delitem(sys.modules, "torch")
    assert not meter.holds_gpu()


def test_tokens_count_with_what_their_endpoint_takes_and_all_sums_agree(
    session: Session,
    lead: Principal,
    admin: Principal,
    api: TestClient,
) -> None:
    made = make_dataset(session, lead)
    fill(session, made, lead, numbered(30))
    order = judging.Order(rubric="accuracy_judge", provider="local")
    with serving(lambda _: graded(3)) as endpoint:
        provide(session, admin, endpoint, kwh=0.5)
        job = run_job(session, judging.start(session, made, order, by=lead).id)
        again = run_job(session, judging.start(session, made, order, by=lead).id)

    assert job.status is JobStatus.SUCCEEDED
    (seconds, _), *_ = chunks(session, job)
    (later, _), *_ = chunks(session, again)
    power = settings().cpu_watts / 3.6e6
    tokens = 30 * 120
    shown = api.get(f"/jobs/{job.id}").json()["energy"]
    assert shown["tokens"] == tokens
    assert shown["cpu_s"] == seconds > 0
    assert shown["kwh"] == pytest.approx(tokens * 0.5 / 1e6 + seconds * power)
    assert api.get(f"/jobs/{again.id}").json()["energy"]["tokens"] == 0
    assert job.result["kwh"] == pytest.approx(tokens * 0.5 / 1e6)
    ledger = session.scalar(select(func.sum(LlmUsage.kwh)))
    assert ledger == pytest.approx(tokens * 0.5 / 1e6)
    (kind,) = api.get("/energy").json()["items"]
    assert (kind["kind"], kind["tokens"]) == ("judge", tokens)
    assert kind["kwh"] == pytest.approx(tokens * 0.5 / 1e6 + (seconds + later) * power)
    assert energy.by_kind(session)[JobKind.JUDGE].cpu_s == pytest.approx(seconds + later)
    page = browser_of(session, lead).get("/settings/providers").text
    assert "Energy of jobs" in page
    assert f"{kind['kwh']:.6f}" in page
