"""Workers that are killed while they verify programs: every verdict is there, nothing runs on."""

import os
import random
import signal
import time
from contextlib import suppress

import psutil
import pytest
from sqlalchemy import func, select

from app.client import Json
from app.jobs.models import JobChunk, JobStatus
from app.samples.models import DatasetSignal, Sample
from app.scoring.models import ScoreNote
from tests.workers.test_faults import SEED, Bench

_ROWS, _KILLS = 120, 1


def program(number: int) -> Json:
    """An exercise; every third solution is wrong."""
    solution = f"def add(a):\n    return a + {number + (number % 3 == 0)}\n"
    body = {"signature": "def add(a):", "docstring": "", "solution": solution}
    body["tests"] = f"assert add(1) == {number + 1}"
    return {"kind": "completion", "body": body, "external_id": str(number)}


def sandboxes() -> list[psutil.Process]:
    """What runs in sandboxes now, of this test and no other."""
    mine = psutil.Process()
    return [one for one in mine.children(recursive=True) if "/sandbox" in " ".join(_words(one))]


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


@pytest.mark.xdist_group("faults")
def test_a_worker_that_is_killed_while_it_runs_programs_loses_no_verdict(bench: Bench) -> None:
    dice = random.Random(SEED)
    bench.api.post("/datasets", {"name": "programs"})
    rows = [program(n) for n in range(_ROWS)]
    bench.api.post("/datasets/programs/samples", rows)  # type: ignore[arg-type]
    job = bench.api.post("/datasets/programs/verify", {"verifier": "code_tests"})

    kills = 0
    while kills < _KILLS:
        time.sleep(0.2 + dice.random() / 4)
        with bench.session() as session:
            held = select(JobChunk.worker).where(
                JobChunk.job_id == job["id"], JobChunk.status == JobStatus.RUNNING
            )
            worker = session.scalar(held)
            over = session.scalar(
                select(func.count()).where(
                    JobChunk.job_id == job["id"], JobChunk.status == JobStatus.SUCCEEDED
                )
            )
        if worker is None:
            assert not over, "the job was done before it was killed often enough"
            continue
        with suppress(ProcessLookupError):  # it is dead, and its chunk not given back yet
            os.kill(int(worker.rpartition(":")[2]), signal.SIGKILL)
            kills += 1
    found = bench.done(job)

    what = f"seed {SEED}, {kills} kills"
    assert (found["status"], found["done"], found["error"]) == ("succeeded", _ROWS, None), what
    wrong = sum(n % 3 == 0 for n in range(_ROWS))
    with bench.session() as session:
        slot = session.scalars(
            select(DatasetSignal.slot).where(DatasetSignal.name == "code_tests")
        ).one()
        query = select(Sample.scores[slot + 1]).order_by(Sample.id)
        found_values = list(session.scalars(query))
        assert found_values == [float(n % 3 != 0) for n in range(_ROWS)], what
        assert session.scalar(select(func.count()).select_from(ScoreNote)) == _ROWS
    assert found["result"]["refuted"] == wrong
    assert bench.soon(lambda: not sandboxes()), what
