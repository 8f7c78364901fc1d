"""Masking over REST: what it would change, doing it, taking it back."""

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from app.accounts.current import CurrentUser, SessionDep
from app.datasets import service as datasets
from app.jobs.models import Job
from app.jobs.schemas import JobOut, accepted
from app.masking import preview, service
from app.masking.schemas import MaskIn, PreviewOut

router = APIRouter(tags=["masking"])


@router.post("/datasets/{name}/mask", status_code=202, name="api:mask")
def mask(
    name: str, body: MaskIn, session: SessionDep, user: CurrentUser, response: Response
) -> JobOut:
    """Put a mask in the place of personal data, in a job: a new revision of each such sample.

    Approval is taken away; metadata and earlier revisions stay as they are. The id in the job's
    result undoes it, as that of a bulk action.
    """
    dataset = datasets.get(session, name)
    job = service.start(session, dataset, kinds=body.kinds, where=body.where, by=user)
    return _job(session, job, response)


@router.post("/datasets/{name}/mask/preview", name="api:preview_mask")
def preview_mask(name: str, body: MaskIn, session: SessionDep, _user: CurrentUser) -> PreviewOut:
    """Samples and places by kind, as measured, and ten examples before and after."""
    dataset = datasets.get(session, name)
    kinds = service.checked(body.kinds)
    found = preview.preview(session, dataset, kinds=kinds, where=body.where)
    return PreviewOut.model_validate(found)


@router.post("/datasets/{name}/mask/undo", status_code=202, name="api:undo_mask")
def undo_mask(name: str, session: SessionDep, user: CurrentUser, response: Response) -> JobOut:
    """Bring back what the newest masking changed, where nobody edited it since, in a job."""
    return _job(session, service.undo(session, datasets.get(session, name), by=user), response)


def _job(session: Session, job: Job, response: Response) -> JobOut:
    return accepted(session, job, response)
