"""What upkeep forgets, and what deleting leaves."""

from datetime import timedelta

from fastapi.testclient import TestClient
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.accounts.service import now
from app.jobs import service
from app.jobs.models import Job, JobKind, JobStatus
from app.settings import settings
from tests.factories import fill, make_dataset, numbered, run_job

# Everything that somebody did stays in the log; accounts, keys and sources are not the dataset's.
_STAYS = {"alembic_version", "audit_events", "users", "api_keys", "sources", "jobs", "job_chunks"}


def test_nothing_stays_of_a_deleted_dataset_but_its_events(
    session: Session, admin: Principal, admin_api: TestClient
) -> None:
    before = _rows(session)
    uploads = set(settings().uploads.glob("*"))
    fill(session, make_dataset(session, admin), admin, numbered(5))
    form = {"file": ("a.jsonl", b'{"instruction": "a", "output": "b"}\n{broken\n')}
    run_job(session, admin_api.post("/datasets/mix/imports", files=form).json()["id"])
    approve = {"action": "approve", "where": ""}
    run_job(session, admin_api.post("/datasets/mix/bulk", json=approve).json()["id"])
    release = admin_api.post("/datasets/mix/releases", json={"name": "v1"}).json()
    run_job(session, release["id"])

    gone = admin_api.delete("/datasets/mix", params={"releases": "true"}).json()
    run_job(session, gone["id"])

    left = {name for name, count in _rows(session).items() if count != before[name]}
    assert left <= _STAYS
    assert [job.kind for job in session.scalars(select(Job))] == [JobKind.PURGE]
    assert set(settings().uploads.glob("*")) == uploads
    assert not (settings().releases / release["result"]["release"]).exists()


def _rows(session: Session) -> dict[str, int]:
    names = session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
    return {
        name: session.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
        for name in names.all()
    }


def test_deletions_are_forgotten_after_a_month(
    session: Session, admin: Principal, bells: list[str]
) -> None:
    old, failed, fresh = (
        service.start(session, JobKind.PURGE, "Delete", by=admin, params={}) for _ in range(3)
    )
    for job, status, days in (
        (old, JobStatus.SUCCEEDED, 31),
        (failed, JobStatus.FAILED, 31),
        (fresh, JobStatus.SUCCEEDED, 29),
    ):
        changed = {"status": status, "finished_at": now() - timedelta(days=days)}
        session.execute(update(Job).where(Job.id == job.id).values(**changed))

    service.clean_up(session)

    assert set(session.scalars(select(Job.id))) == {failed.id, fresh.id}


def test_what_a_deletion_follows_is_found_by_an_index(session: Session) -> None:
    """Else every deleted row reads a whole table: hours for a million samples."""
    slow = session.execute(
        text("""
            SELECT c.conrelid::regclass::text, a.attname FROM pg_constraint c
            JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
            WHERE c.contype = 'f'
            AND c.confrelid IN ('samples'::regclass, 'job_chunks'::regclass)
            AND NOT EXISTS (
              SELECT 1 FROM pg_index i WHERE i.indrelid = c.conrelid
              AND i.indkey[0] = c.conkey[1] AND i.indpred IS NULL
            )
        """)
    ).all()

    assert slow == []
