"""Whatever is killed in the middle of a job: it goes on by itself, and the counts are exact."""

import gzip
import hashlib
import json
import logging
import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
import pytest
from sqlalchemy import NullPool, create_engine, func, select, update
from sqlalchemy.orm import Session

from app import db
from app.accounts import audit
from app.client import Client, Json, NoAnswerError
from app.datasets.models import Dataset
from app.embedded import postmaster
from app.jobs.models import OPEN_STATUSES, DeadLetter, Job, JobChunk, JobKind, JobStatus
from app.releases.models import Release
from app.samples.models import DatasetSignal, Sample, SampleBody, Status
from tests.live import free_port, line_of, start, stop

T = TypeVar("T")
_log = logging.getLogger(__name__)
ROUNDS = int(os.environ.get("WINNOW_FAULT_ROUNDS", "5"))
SEED = int(os.environ.get("WINNOW_FAULT_SEED", str(random.SystemRandom().randrange(10**6))))
_ALPACA = Path(os.environ.get("WINNOW_TEST_DATA", "nowhere")) / "alpaca_52k/alpaca_data.json.gz"
_ROWS = 12_000  # two checkpoints of an import, three chunks of a scoring job
_BROKEN = '{"instruction": "cut\n'
_SIGNALS = ["lengths", "refusal", "gopher_quality"]
_FORMATS = ["jsonl-alpaca", "parquet-alpaca"]
_PATIENCE_S = 60.0
_HASTE = {
    "WINNOW_HEARTBEAT_S": "0.3",
    "WINNOW_STALE_AFTER_S": "2",
    "WINNOW_UPKEEP_EVERY_S": "0.5",
}


class Bench:
    """A workbench that is killed in parts, and its truth as the database has it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.start()

    def start(self) -> None:
        """As a user does, with the same home and port."""
        self.up = start(self.home, "--workers", "2", port=self.port, env=_HASTE)
        assert line_of(self.up), self.log()
        key = json.loads((self.home / "winnow.json").read_text())["api_key"]
        self.api = Client(f"http://127.0.0.1:{self.port}", key)

    def stop(self) -> None:
        """Ctrl-C."""
        self.api.close()
        assert stop(self.up) == 0

    def log(self) -> str:
        """The end of what it said."""
        return (self.home / "up.log").read_text()[-6000:]

    def soon(self, look: Callable[[], T | None]) -> T:
        """What is looked for, once it is there."""
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            with suppress(httpx.TransportError, NoAnswerError, psutil.Error):
                if found := look():
                    return found
            time.sleep(0.05)
        raise AssertionError(self.log())

    def part(self, verb: str) -> psutil.Process:
        """The process of this verb."""

        def look() -> psutil.Process | None:
            parts = psutil.Process(self.up.pid).children()
            return next((one for one in parts if verb in one.cmdline()[:6]), None)

        return self.soon(look)

    def postgres(self) -> psutil.Process:
        """The postmaster."""
        return self.soon(lambda: postmaster(self.home / "postgres"))

    def ready(self) -> None:
        """Wait until pages can be read again."""
        self.soon(lambda: httpx.get(f"{self.api.url}/readyz").is_success)

    def session(self) -> Session:
        """A look into its database."""
        lines = (self.home / "postgres" / "postmaster.pid").read_text().splitlines()
        url = f"postgresql://postgres:@/winnow?host={lines[4]}"
        return Session(create_engine(db.sqlalchemy_url(url), poolclass=NullPool))

    def done(self, job: Json) -> Json:
        """The job at its end."""

        def look() -> Json | None:
            found: Json = self.api.get(f"/jobs/{job['id']}")
            return found if found["status"] not in OPEN_STATUSES else None

        found = self.soon(look)
        self.ready()
        return found

    def delete(self, dataset: str) -> None:
        """Take a dataset away; its rows go while other jobs run."""
        key = json.loads((self.home / "winnow.json").read_text())["api_key"]
        path = f"{self.api.url}/api/v1/datasets/{dataset}"
        assert httpx.delete(path, headers={"Authorization": f"Bearer {key}"}).is_success


# --- what is killed -----------------------------------------------------------------------------


def _kill(*processes: psutil.Process) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _worker(bench: Bench, _dice: random.Random) -> None:
    os.killpg(bench.part("worker").pid, signal.SIGKILL)


def _worker_without_its_children(bench: Bench, _dice: random.Random) -> None:
    _kill(bench.part("worker"))


def _child_of_the_worker(bench: Bench, dice: random.Random) -> None:
    _kill(dice.choice(bench.soon(lambda: bench.part("worker").children())))


def _web(bench: Bench, _dice: random.Random) -> None:
    _kill(bench.part("web"))


def _beat(bench: Bench, _dice: random.Random) -> None:
    _kill(bench.part("beat"))


def _postmaster(bench: Bench, _dice: random.Random) -> None:
    _kill(bench.postgres())


def _postgres(bench: Bench, _dice: random.Random) -> None:
    server = bench.postgres()
    _kill(server, *server.children())


def _backend(bench: Bench, dice: random.Random) -> None:
    _kill(dice.choice(bench.soon(lambda: bench.postgres().children())))


def _everything(bench: Bench, _dice: random.Random) -> None:
    bench.api.close()
    stop(bench.up, signal.SIGKILL)
    bench.start()


VICTIMS: tuple[Callable[[Bench, random.Random], None], ...] = (
    _worker,
    _postgres,
    _web,
    _child_of_the_worker,
    _postmaster,
    _backend,
    _worker_without_its_children,
    _beat,
    _everything,
)


# --- what it must come to -----------------------------------------------------------------------


def _file(folder: Path) -> Path:
    """Real rows where they are at hand, some of them broken or twice."""
    if _ALPACA.exists():
        with gzip.open(_ALPACA, "rt") as file:
            rows = json.load(file)[:_ROWS]
    else:
        words = [f"word{n}" for n in range(50)]
        rows = [{"instruction": f"Task {n}", "output": " ".join(words)} for n in range(_ROWS)]
    lines = [json.dumps(row) + "\n" for row in rows]
    lines[3_000], lines[7_000], lines[7_500] = _BROKEN, _BROKEN, lines[3]
    path = folder / "rows.jsonl"
    path.write_text("".join(lines))
    return path


def _imported(session: Session, job: Json) -> dict[str, Any]:
    mine = Sample.dataset_id == select(Job.dataset_id).where(Job.id == job["id"]).scalar_subquery()
    bodies = select(Sample.line, SampleBody.text).join_from(Sample, SampleBody).where(mine)
    letters = select(DeadLetter.line).where(DeadLetter.job_id == job["id"])
    rows = session.scalars(select(Sample.line).where(mine).order_by(Sample.line)).all()
    assert len(rows) == len(set(rows))
    return {
        "result": [job["result"][name] for name in ("created", "existing", "rejected")],
        "rows": len(rows),
        "bodies": session.execute(bodies.order_by(Sample.line)).all(),
        "letters": session.scalars(letters.order_by(DeadLetter.line)).all(),
        "done": job["done"],
    }


def _scored(session: Session, job: Json) -> dict[str, Any]:
    mine = Sample.dataset_id == select(Job.dataset_id).where(Job.id == job["id"]).scalar_subquery()
    values = select(Sample.line, Sample.scores).where(mine).order_by(Sample.line)
    unmeasured = select(func.count()).where(DatasetSignal.measured_at.is_(None))
    return {
        "values": session.execute(values).all(),
        "done": job["done"],
        "unmeasured": session.scalar(unmeasured),
    }


def _released(session: Session, job: Json, home: Path) -> dict[str, Any]:
    release = session.scalars(select(Release).where(Release.job_id == job["id"])).one()
    folder = home / "releases" / str(release.id)
    left = [path.name for path in folder.parent.iterdir() if ".parts" in path.name]
    for entry in release.manifest["files"]:
        body = (folder / entry["name"]).read_bytes()
        assert hashlib.sha256(body).hexdigest() == entry["sha256"]
    files = {one["name"]: one["sha256"] for one in release.manifest["files"]}
    del files["README.md"]  # it names the release and its time
    return {"files": files, "rows": release.rows, "status": release.status, "left": left}


def _job(found: Any) -> Json:
    return dict(found)


class Jobs:
    """Starts jobs, and says what they came to."""

    def __init__(self, bench: Bench, file: Path) -> None:
        self.bench = bench
        self.file = file

    def start(self, kind: str, name: str) -> Json:
        """Start a job of this kind; `name` is new."""
        api = self.bench.api
        if kind == "import":
            api.post("/datasets", {"name": name})
            about = {"source": "alpaca", "origin": "synthetic"}
            return api.upload(f"/datasets/{name}/imports", [self.file], about, lambda *_: None)
        if kind == "score":
            with self.bench.session() as session:
                base = select(Dataset.id).where(Dataset.name == "base").scalar_subquery()
                session.execute(update(Sample).where(Sample.dataset_id == base).values(scores=None))
                session.execute(update(DatasetSignal).values(measured_at=None))
                session.commit()
            body: Json = {"signals": [{"key": key} for key in _SIGNALS]}
            return _job(api.post("/datasets/base/scores", body))
        return _job(api.post("/datasets/base/releases", {"name": name, "formats": _FORMATS}))

    def outcome(self, kind: str, job: Json) -> dict[str, Any]:
        """All that a fault could have changed."""
        with self.bench.session() as session:
            row = session.get_one(Job, job["id"])
            assert (row.status, row.error) == (JobStatus.SUCCEEDED, None), self.bench.log()
            chunks = select(JobChunk.status).where(JobChunk.job_id == row.id)
            assert set(session.scalars(chunks)) == {JobStatus.SUCCEEDED}
            assert audit.first_broken(session) is None
            if kind == "release":
                return _released(session, job, self.bench.home)
            return (_imported if kind == "import" else _scored)(session, job)


@pytest.mark.xdist_group("faults")
def test_whatever_is_killed_jobs_go_on_and_counts_are_exact(bench: Bench, tmp_path: Path) -> None:
    dice = random.Random(SEED)
    jobs = Jobs(bench, _file(tmp_path))
    truth, seconds = {}, {}
    for kind in ("import", "score", "release"):
        job = bench.done(jobs.start(kind, "base"))
        truth[kind] = jobs.outcome(kind, job)
        with bench.session() as session:
            row = session.get_one(Job, job["id"])
            assert row.started_at is not None
            assert row.finished_at is not None
            seconds[kind] = (row.finished_at - row.started_at).total_seconds()
            session.execute(update(Sample).values(status=Status.APPROVED))
            session.commit()
    assert truth["import"]["letters"] == [3001, 7001]

    victims: list[Callable[[Bench, random.Random], None]] = []
    for number in range(ROUNDS):
        victims = victims or dice.sample(VICTIMS, len(VICTIMS))
        kind, victim = list(truth)[number % 3], victims.pop()
        at = dice.uniform(0, 1.2 * seconds[kind])
        what = f"seed {SEED}, round {number}: {victim.__name__} at {at:.2f} s of {kind}"
        _log.info(what)
        job = jobs.start(kind, f"round{number}")
        time.sleep(at)
        victim(bench, dice)
        assert jobs.outcome(kind, bench.done(job)) == truth[kind], what
        if kind == "import":
            bench.delete(f"round{number}")
    with bench.session() as session:
        purges = session.scalars(select(Job.id).where(Job.kind == JobKind.PURGE)).all()
    for purge in purges:
        assert bench.done({"id": purge})["status"] == JobStatus.SUCCEEDED
    with bench.session() as session:
        assert session.scalar(select(func.count()).select_from(Sample)) == truth["import"]["rows"]
