"""The beat: chunks of dead workers go back, lost messages are sent again, old rows go.

And the words of what is being imported are sorted into the search index, beside the import.
"""

import structlog

from app.accounts import idempotency, login
from app.db import outages_pass, session_scope
from app.jobs import claiming, queue, service
from app.jobs.models import Job
from app.samples import columns
from app.samples.loading import index_all
from app.settings import settings

_log = structlog.get_logger("winnow.upkeep")


def run() -> None:
    """One round; running two at once does no harm."""
    waiting: list[Job] = []
    with outages_pass("upkeep"), session_scope() as session:
        waiting = claiming.requeue_stale(session, settings().stale_after_s)
        for job in waiting:
            _log.info("ring again", job_id=str(job.id), kind=job.kind)
        login.clean_up(session)
        idempotency.clean_up(session)
        service.clean_up(session)
        columns.shorten_log(session)
    for job in waiting:
        queue.ring(job.queue, job.id)
    with outages_pass("upkeep"), session_scope() as session:
        index_all(session)
