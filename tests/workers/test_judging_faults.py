"""Workers that are killed while they judge: every sample graded once, no reply paid twice."""

import json
import os
import random
import signal
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.client import Json
from app.jobs.models import DeadLetter, JobChunk, JobStatus
from app.llm.models import LlmCall, LlmUsage
from app.samples.models import DatasetSignal, Sample
from tests.endpoint import Answer, Endpoint, asked, graded, serving
from tests.workers.test_faults import SEED, Bench

_ROWS = 600
_AT_ONCE = 8
_DELAY_S = 0.05
_KILLS = 3
# In flight, and answered within the quarter of a second before a write.
_LOST = _AT_ONCE + int(0.25 / _DELAY_S * _AT_ONCE) + _AT_ONCE


def number(request: Json) -> int:
    return int(asked(request).split("Question ")[1].split("?")[0])


def stored(session: Session) -> set[int]:
    """Questions whose replies are kept."""
    texts = session.scalars(select(LlmCall.text)).all()
    return {int(json.loads(text)["reason"].split()[1]) for text in texts}


def kill_the_holder(bench: Bench, job: Json) -> bool:
    """Kill the process that holds the chunk of the job; false when none does."""
    with bench.session() as session:
        held = select(JobChunk.worker).where(
            JobChunk.job_id == job["id"], JobChunk.status == JobStatus.RUNNING
        )
        worker = session.scalar(held)
    if worker is None:
        return False
    os.kill(int(worker.rpartition(":")[2]), signal.SIGKILL)
    return True


def begin(bench: Bench, endpoint: Endpoint, folder: Path) -> Json:
    """Rows, a provider and a job that judges them."""
    rows = [{"instruction": f"Question {n}?", "output": f"Answer {n}."} for n in range(_ROWS)]
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    bench.api.post("/datasets", {"name": "judged"})
    about = {"source": "made", "origin": "synthetic"}
    bench.done(bench.api.upload("/datasets/judged/imports", [path], about, lambda *_: None))
    given = {"name": "local", "url": endpoint.url, "model": "tiny", "concurrency": _AT_ONCE}
    bench.api.post("/providers", {**given, "price_in": 1, "price_out": 2})
    order = {"rubric": "accuracy_judge", "provider": "local"}
    return dict(bench.api.post("/datasets/judged/judge", order))


@pytest.mark.xdist_group("faults")
def test_a_judge_that_is_killed_goes_on_and_pays_no_reply_twice(
    bench: Bench, tmp_path: Path
) -> None:
    dice = random.Random(SEED)

    def answer(request: Json) -> Answer:
        n = number(request)
        reply = graded(n % 11 / 2, f"Because {n}")
        reply.delay = _DELAY_S
        return reply

    with serving(answer) as endpoint:
        job = begin(bench, endpoint, tmp_path)
        kept: dict[int, int] = {}
        kills = 0
        for turn in range(_KILLS):
            wanted = (turn + 1) * _ROWS // (_KILLS + 2) + dice.randrange(40)
            while len(endpoint.requests) < wanted:
                time.sleep(0.01)
            with bench.session() as session:
                known = stored(session)
            counted = Counter(number(one) for one in list(endpoint.requests))
            kept |= {n: counted[n] for n in known - kept.keys()}
            kills += kill_the_holder(bench, job)
            time.sleep(0.2)
        found = bench.done(job)
        requests = Counter(number(one) for one in endpoint.requests)

    what = f"seed {SEED}, {kills} kills"
    assert kills == _KILLS, what
    assert (found["status"], found["done"], found["error"]) == ("succeeded", _ROWS, None), what
    with bench.session() as session:
        slot = session.scalars(
            select(DatasetSignal.slot).where(DatasetSignal.name == "accuracy_judge")
        ).one()
        scores = session.scalars(select(Sample.scores[slot + 1]).order_by(Sample.id)).all()
        assert list(scores) == [n % 11 / 2 for n in range(_ROWS)], what
        assert session.scalar(select(func.count()).select_from(DeadLetter)) == 0
        usage = session.scalars(select(LlmUsage)).one()
        assert stored(session) == set(range(_ROWS)), what
    assert kept, what
    assert {n: requests[n] for n in kept} == kept, what
    assert (usage.calls, usage.tokens_in, usage.tokens_out) == (_ROWS, 100 * _ROWS, 20 * _ROWS)
    assert usage.money == Decimal(140 * _ROWS) / 1_000_000, what
    assert 0 <= requests.total() - usage.calls <= kills * _LOST, what
