"""Drawing the samples of a campaign, then handing them to whoever labels."""

from typing import Any

from sqlalchemy.orm import Session

from app.campaigns import drawing, service
from app.campaigns.models import Campaign
from app.errors import AppError
from app.jobs import service as jobs
from app.jobs.models import Job
from workers.chunks import Chunk, Handler


def plan(session: Session, job: Job) -> list[dict[str, Any]]:
    """One chunk: shares are of everything that matches."""
    job.total = _campaign(session, job).size
    return [{}]


def _campaign(session: Session, job: Job) -> Campaign:
    return session.get_one(Campaign, job.params["campaign"])


def work(chunk: Chunk) -> None:
    """Draw; after a crash the vectors made so far are there, and the same samples are drawn."""
    campaign = _campaign(chunk.session, chunk.job)
    if campaign.drawn is not None:
        return
    by = jobs.owner(chunk.session, chunk.job)
    count = drawing.draw(chunk.session, campaign, by, lambda: chunk.checkpoint(0))
    chunk.checkpoint(count)


def finish(session: Session, job: Job) -> None:
    """Start the judge, or set up the queue; what stands in the way is said on the page."""
    campaign = _campaign(session, job)
    job.result = {"campaign": campaign.name, "drawn": campaign.drawn}
    try:
        with session.begin_nested():
            started = service.label_them(session, campaign, by=jobs.owner(session, job))
    except AppError as error:
        job.result = {**job.result, "problem": str(error)}
        return
    if started is not None:
        job.result = {**job.result, "judge_job": str(started.id)}


HANDLER = Handler(plan=plan, work=work, finish=finish)
