"""Parts of a release: wherever it is cut and whoever dies, the same files and nothing beside."""

import shutil
import uuid
from collections.abc import Sequence

import orjson
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.records import Kind, Record
from app.jobs import claiming
from app.jobs.models import Job, JobChunk, JobStatus
from app.releases import rows, service
from app.releases.formats import FORMATS
from app.releases.models import Release
from app.samples import service as samples
from app.samples.models import Status
from tests.factories import fill, make_dataset, numbered, run_job
from workers import release_parts
from workers.chunks import CancelledError, Chunk
from workers.registry import handler

_ALL = ["jsonl", "parquet-messages", "jsonl-dpo", "jsonl-messages"]
_TEXTS = [Record(Kind.TEXT, {"text": f"Plain text {n}, naïve."}) for n in range(5)]


@pytest.fixture
def job(session: Session, api: TestClient, lead: Principal) -> Job:
    """A release of 25 rows of two kinds, some without a score, that waits for a worker."""
    made = make_dataset(session, lead)
    scores = {number: number / 3 for number in range(0, 20, 2)}
    for sample in fill(session, made, lead, [*numbered(20, scores), *_TEXTS]):
        samples.set_status(session, sample, Status.APPROVED, by=lead, action="test")
    session.commit()
    answer = api.post("/datasets/mix/releases", json={"name": "v1", "formats": _ALL})
    assert answer.status_code == 202, answer.text
    return session.get_one(Job, uuid.UUID(answer.json()["id"]))


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven rows in a part, three in a page."""
    monkeypatch.setattr(release_parts, "_ROWS", 7)
    monkeypatch.setattr(rows, "_BATCH", 3)


def released(session: Session, job: Job) -> dict[str, bytes]:
    """All files of the release, and that nothing is left beside them."""
    assert job.status is JobStatus.SUCCEEDED, job.error
    release = session.scalars(select(Release).where(Release.job_id == job.id)).one()
    assert not service.parts_folder(release).exists()
    return {path.name: path.read_bytes() for path in service.folder(release).iterdir()}


def chunks(session: Session, job: Job) -> Sequence[JobChunk]:
    query = select(JobChunk).where(JobChunk.job_id == job.id).order_by(JobChunk.position)
    return session.scalars(query.execution_options(populate_existing=True)).all()


def begin(session: Session, job: Job, parts: int) -> None:
    """Plan the job and do some of its parts."""
    claimed = claiming.claim_job(session, job.id)
    assert claimed is not None
    claiming.add_chunks(session, claimed, handler(job).plan(session, claimed))
    for _ in range(parts):
        work_and_die(session, job).status = JobStatus.SUCCEEDED
    session.commit()


def work_and_die(session: Session, job: Job) -> JobChunk:
    """Do the next part without saying so."""
    row = claiming.claim_chunk(session, job.id, "dies")
    assert row is not None
    handler(job).work(Chunk(session, job, row))
    session.commit()
    return row


def test_cuts_change_no_byte(
    session: Session, api: TestClient, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = released(session, run_job(session, job.id))
    assert len(chunks(session, job)) == 1 + 4 + 1

    for size in (1000, 1, 25, 24):
        monkeypatch.setattr(release_parts, "_ROWS", size)
        assert api.post(f"/jobs/{job.id}/retry").status_code == 200
        assert released(session, run_job(session, job.id)) == many


def test_files_are_those_that_a_writer_writes_from_front_to_back(
    session: Session, job: Job, tmp_path_factory: pytest.TempPathFactory
) -> None:
    files = released(session, run_job(session, job.id))
    release = session.scalars(select(Release)).one()
    whole = tmp_path_factory.mktemp("whole")

    for name in _ALL:
        page = rows.records(session, release, limit=100)
        written = FORMATS[name].write(page, whole, name)
        assert files[written.files[0].name] == (whole / written.files[0].name).read_bytes()
        manifest = orjson.loads(files["manifest.json"])
        assert manifest["left_out"][name] == written.left_out
        entry = next(one for one in manifest["files"] if one["name"].startswith(f"{name}."))
        assert entry["rows"] == written.files[0].rows
        assert entry["sha256"] == written.files[0].sha256
    assert job.total == 4 * 25
    assert sum(chunk.done for chunk in chunks(session, job)) == job.total


def test_the_manifest_is_written_as_json_with_sorted_keys(session: Session, job: Job) -> None:
    body = released(session, run_job(session, job.id))["manifest.json"]
    manifest = orjson.loads(body)

    again = orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    assert again == body
    assert len(manifest["rows"]) == 25
    assert manifest["rows"] == sorted(manifest["rows"])
    assert manifest["counts"]["domain"] == {"code": 10, "math": 10, "none": 5}
    assert manifest["counts"]["licence"] == {"CC0-1.0": 25}
    assert manifest["counts"]["kind"] == {"instruction": 20, "text": 5}


@pytest.mark.parametrize("done", range(6))
def test_a_part_or_the_join_whose_worker_died_is_done_again(
    session: Session, api: TestClient, job: Job, done: int
) -> None:
    truth = released(session, run_job(session, job.id))
    api.post(f"/jobs/{job.id}/retry")
    begin(session, job, done)
    work_and_die(session, job)
    claiming.requeue_stale(session, 0)

    assert released(session, run_job(session, job.id)) == truth
    assert chunks(session, job)[done].attempt == 2


def test_half_a_part_is_written_anew(session: Session, api: TestClient, job: Job) -> None:
    truth = released(session, run_job(session, job.id))
    api.post(f"/jobs/{job.id}/retry")
    begin(session, job, 1)
    row = claiming.claim_chunk(session, job.id, "dies")
    assert row is not None
    folder = service.parts_folder(session.scalars(select(Release)).one()) / f"{row.id}-1"
    folder.mkdir()
    (folder / "jsonl.jsonl").write_bytes(truth["jsonl.jsonl"][:100])
    session.commit()
    claiming.requeue_stale(session, 0)

    assert released(session, run_job(session, job.id)) == truth


def test_the_join_waits_for_the_parts_of_others(session: Session, job: Job) -> None:
    begin(session, job, 4)
    held = claiming.claim_chunk(session, job.id, "another")
    assert held is not None
    assert claiming.claim_chunk(session, job.id, "waits") is None

    held.status = JobStatus.SUCCEEDED
    session.flush()

    join = claiming.claim_chunk(session, job.id, "joins")
    assert join is not None
    assert join.params["step"] == "join"


def test_a_release_cancelled_half_way_leaves_nothing_and_is_built_by_a_retry(
    session: Session, api: TestClient, job: Job
) -> None:
    begin(session, job, 3)
    release = session.scalars(select(Release)).one()
    assert list(service.parts_folder(release).iterdir())
    api.post(f"/jobs/{job.id}/cancel")

    assert run_job(session, job.id).status is JobStatus.CANCELLED
    assert not service.parts_folder(release).exists()
    assert not service.folder(release).exists()

    api.post(f"/jobs/{job.id}/retry")
    assert len(released(session, run_job(session, job.id))) == len(_ALL) + 2


def test_a_cancelled_join_puts_nothing_in_place(session: Session, job: Job) -> None:
    begin(session, job, 5)
    job.cancel_requested = True

    with pytest.raises(CancelledError):
        work_and_die(session, job)
    assert not service.folder(session.scalars(select(Release)).one()).exists()


def test_a_part_that_is_gone_or_cut_fails_the_job_in_words(
    session: Session, api: TestClient, job: Job
) -> None:
    begin(session, job, 5)
    release = session.scalars(select(Release)).one()
    part = next(service.parts_folder(release).glob("*/jsonl.jsonl"))
    part.write_bytes(part.read_bytes()[:-1])

    assert run_job(session, job.id).error == (
        "A part of jsonl.jsonl is gone from the disk. Retry the job."
    )
    assert not service.parts_folder(release).exists()
    api.post(f"/jobs/{job.id}/retry")
    released(session, run_job(session, job.id))


def test_a_part_that_fails_fails_the_job_without_a_join(
    session: Session, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(session, job, 2)
    monkeypatch.delattr(rows, "pages")

    assert "AttributeError" in (run_job(session, job.id).error or "")
    assert not service.folder(session.scalars(select(Release)).one()).exists()


def test_a_release_of_an_older_winnow_is_cut_anew_by_a_retry(
    session: Session, api: TestClient, job: Job
) -> None:
    truth = released(session, run_job(session, job.id))
    release = session.scalars(select(Release)).one()
    shutil.rmtree(service.folder(release))
    session.execute(delete(JobChunk))
    one = {"release": str(release.id)}
    session.add(JobChunk(job_id=job.id, position=0, params=one, status=JobStatus.SUCCEEDED))
    session.commit()

    api.post(f"/jobs/{job.id}/retry")

    assert released(session, run_job(session, job.id)) == truth
