"""Real workers on both brokers: a job is done, and goes on after its worker was killed."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, func, select, text
from sqlalchemy.orm import Session, sessionmaker

from app import db
from app.accounts import service as accounts
from app.accounts.models import Role
from app.accounts.policies import SYSTEM
from app.curation.records import Origin
from app.datasets import imports, looking
from app.datasets import service as datasets
from app.jobs import queue
from app.jobs.models import Job, JobChunk, JobStatus
from app.samples.models import Sample, SampleBody
from app.settings import settings
from app.sources import service as sources
from app.web.render import ROOT

_ROWS = 30_000
_PATIENCE = 90
Start = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture(scope="module")
def other_database(engine: Engine, database_url: str) -> str:
    """A database that other processes write to, beside the one of the tests."""
    url = database_url.replace("@/winnow?", "@/brokers?")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE IF EXISTS brokers WITH (FORCE)"))
        connection.execute(text("CREATE DATABASE brokers"))
    made = create_engine(db.sqlalchemy_url(url))
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    with made.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    made.dispose()
    return url


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    """A Redis of our own on a free port."""
    server = shutil.which("redis-server")
    if server is None:
        pytest.skip("redis-server is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    process = subprocess.Popen([server, *options], stdout=subprocess.DEVNULL)
    yield f"redis://127.0.0.1:{port}/0"
    process.terminate()
    process.wait(10)


@pytest.fixture(params=["filesystem", "redis"])
def start_worker(
    request: pytest.FixtureRequest,
    other_database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Start]:
    """Starts workers of this broker; all are gone at the end."""
    broker = request.getfixturevalue("redis") if request.param == "redis" else ""
    env = {
        "WINNOW_HOME": str(tmp_path),
        "WINNOW_DATABASE_URL": other_database,
        "WINNOW_BROKER_URL": broker,
        "WINNOW_HEARTBEAT_S": "0.5",
        "WINNOW_STALE_AFTER_S": "3",
        "WINNOW_UPKEEP_EVERY_S": "1",
    }
    if db.engine.cache_info().currsize:
        db.engine().dispose()
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    for cached in (settings, queue.celery, db.engine, db.session_factory):
        cached.cache_clear()
    running: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command_line = [sys.executable, "-m", "celery", "-A", "workers.app", "worker", "--beat"]
        options = ["--concurrency=2", "--queues=cpu", f"--schedule={tmp_path / 'beat'}"]
        log = (tmp_path / "worker.log").open("ab")
        process = subprocess.Popen(
            [*command_line, *options], cwd=ROOT, stderr=log, stdout=log, start_new_session=True
        )
        log.close()
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
    db.engine().dispose()
    monkeypatch.undo()
    for cached in (settings, queue.celery, db.engine, db.session_factory):
        cached.cache_clear()


def begin_import(name: str, folder: Path, rows: int) -> str:
    """An import of so many rows, as a lead starts it."""
    path = folder / f"{name}.jsonl"
    with path.open("w") as file:
        for n in range(rows):
            words = " ".join(f"word{n * 7 + k}" for k in range(30))
            file.write(json.dumps({"instruction": f"Task {n}", "output": words}) + "\n")
    with db.session_scope() as session:
        lead = accounts.as_principal(
            accounts.add_user(session, email=f"{name}@example.org", role=Role.LEAD, by=SYSTEM)
        )
        dataset = datasets.create(session, name=name, by=lead)
        source = sources.find_or_add(
            session, name=name, origin=Origin.SYNTHETIC, license_="", by=lead
        )
        entry = {"name": path.name, "path": str(path), "bytes": path.stat().st_size}
        batch = imports.create(session, dataset, source, [entry], by=lead)
        return str(imports.start(session, dataset, batch, looking.Options(), by=lead).id)


def wait_for(condition: Callable[[Session], object], what: str) -> None:
    factory = sessionmaker(db.engine())
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        with factory() as session:
            if condition(session):
                return
        time.sleep(0.1)
    pytest.fail(f"waited {_PATIENCE} s for {what}")


def finished(job_id: str) -> Callable[[Session], bool]:
    return lambda session: session.get_one(Job, job_id).finished_at is not None


@pytest.mark.xdist_group("brokers")
def test_a_killed_worker_loses_and_doubles_nothing(
    request: pytest.FixtureRequest, start_worker: Start, tmp_path: Path
) -> None:
    name = f"killed-{'redis' if settings().broker_url else 'files'}"
    first = start_worker()
    job_id = begin_import(name, tmp_path, _ROWS)
    progress = select(func.sum(JobChunk.done)).where(JobChunk.job_id == job_id)
    wait_for(lambda session: session.scalar(progress), "the first rows")
    os.killpg(first.pid, signal.SIGKILL)
    with sessionmaker(db.engine())() as session:
        done = session.scalar(progress) or 0
    assert 0 < done < _ROWS

    start_worker()
    wait_for(finished(job_id), "the second worker to finish")

    with sessionmaker(db.engine())() as session:
        job = session.get_one(Job, job_id)
        assert (job.status, job.error) == (JobStatus.SUCCEEDED, None)
        assert job.result["created"] == _ROWS
        assert (job.result["existing"], job.result["rejected"]) == (0, 0)
        mine = select(Sample.id).where(Sample.dataset_id == job.dataset_id)
        count = select(func.count()).select_from(SampleBody)
        assert session.scalar(count.where(SampleBody.sample_id.in_(mine))) == _ROWS
        lines = select(func.count(Sample.line.distinct()))
        assert session.scalar(lines.where(Sample.dataset_id == job.dataset_id)) == _ROWS


@pytest.mark.xdist_group("brokers")
def test_a_worker_answers_a_ping(start_worker: Start) -> None:
    start_worker()

    wait_for(lambda _session: queue.workers(), "the worker to answer")
