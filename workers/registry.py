"""Which function does which kind of job."""

from collections.abc import Mapping

from app.jobs.models import Job, JobKind
from workers import bulk, filtering, imports, purge, releases, scoring
from workers.jobs import Handler

HANDLERS: Mapping[JobKind, Handler] = {
    JobKind.IMPORT: imports.HANDLER,
    JobKind.SCORE: scoring.HANDLER,
    JobKind.BULK: bulk.HANDLER,
    JobKind.APPLY_RULES: filtering.APPLY,
    JobKind.UNDO_RULES: filtering.UNDO,
    JobKind.RELEASE: releases.HANDLER,
    JobKind.PURGE: purge.HANDLER,
}


def handler(job: Job) -> Handler:
    """The handler of this job."""
    return HANDLERS[job.kind]
