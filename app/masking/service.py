"""Masking personal data in a dataset: starting the job, taking it back."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.pii.kinds import KINDS
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError, NotFoundError
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind
from app.samples import bulk, policies
from app.samples.models import BulkAction
from app.samples.search import condition


def checked(kinds: Sequence[str]) -> list[str]:
    """The kinds in the order of the catalog; none means all of them."""
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise InvalidError(
            f"There is no kind of personal data `{unknown[0]}`. There are {', '.join(KINDS)}.",
            errors=[{"path": "kinds", "message": f"unknown kind {one}"} for one in unknown],
        )
    return [kind for kind in KINDS if kind in kinds or not kinds]


def start(
    session: Session, dataset: Dataset, *, kinds: Sequence[str], where: str, by: Principal
) -> Job:
    """Put a mask in the place of personal data of the samples that match, in a job."""
    policies.may_bulk(by)
    chosen = checked(kinds)
    condition(session, dataset.id, where)
    if jobs.open_jobs(session, dataset.id, JobKind.MASK):
        raise ConflictError("Personal data is being masked here right now.")
    row = BulkAction(
        dataset_id=dataset.id,
        created_by=by.id,
        action=bulk.MASK,
        argument=", ".join(chosen),
        where=where,
    )
    session.add(row)
    session.flush()
    what = "personal data" if len(chosen) == len(KINDS) else ", ".join(chosen)
    job = jobs.start(
        session,
        JobKind.MASK,
        f"Mask {what}",
        by=by,
        dataset_id=dataset.id,
        params={
            "action": str(row.id),
            "undo": False,
            "dataset_id": dataset.id,
            "kinds": chosen,
            "where": where,
        },
    )
    row.job_id = job.id
    return job


def latest(session: Session, dataset_id: int) -> BulkAction | None:
    """The newest masking that changed something and stands."""
    query = select(BulkAction).where(
        BulkAction.dataset_id == dataset_id,
        BulkAction.action == bulk.MASK,
        BulkAction.undone_at.is_(None),
        BulkAction.affected > 0,
    )
    return session.scalar(query.order_by(BulkAction.created_at.desc()).limit(1))


def undo(session: Session, dataset: Dataset, *, by: Principal) -> Job:
    """Bring back the texts that the newest masking changed, where nobody edited them since."""
    policies.may_bulk(by)
    row = latest(session, dataset.id)
    if row is None:
        raise NotFoundError("Nothing was masked here that could be taken back.")
    return bulk.undo(session, row.id, by=by)
