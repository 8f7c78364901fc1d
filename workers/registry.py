"""Which function does which kind of job."""

from collections.abc import Mapping

from app.jobs.models import Job, JobKind
from workers.bulk import HANDLER as BULK
from workers.embedding import HANDLER as EMBED
from workers.filtering import APPLY, UNDO
from workers.imports import HANDLER as IMPORT
from workers.jobs import Handler
from workers.judging import HANDLER as JUDGE
from workers.learning import HANDLER as LEARN
from workers.purge import HANDLER as PURGE
from workers.releases import HANDLER as RELEASE
from workers.scoring import HANDLER as SCORE

HANDLERS: Mapping[JobKind, Handler] = {
    JobKind.IMPORT: IMPORT,
    JobKind.SCORE: SCORE,
    JobKind.BULK: BULK,
    JobKind.APPLY_RULES: APPLY,
    JobKind.UNDO_RULES: UNDO,
    JobKind.RELEASE: RELEASE,
    JobKind.PURGE: PURGE,
    JobKind.JUDGE: JUDGE,
    JobKind.EMBED: EMBED,
    JobKind.LEARN: LEARN,
}


def handler(job: Job) -> Handler:
    """The handler of this job."""
    return HANDLERS[job.kind]
