"""Building the files of a release: parts side by side, joined beside, then renamed."""

import shutil
import uuid
from typing import Any

from sqlalchemy.orm import Session

from app.errors import ConflictError
from app.jobs.models import Job
from app.releases import service
from app.releases.models import Release, ReleaseStatus
from workers import release_parts as parts
from workers.chunks import Chunk, Handler
from workers.release_join import join


def _release(session: Session, job: Job) -> Release:
    return service.get(session, uuid.UUID(job.params["release"]))


def plan(session: Session, job: Job) -> list[dict[str, Any]]:
    """Freeze the rows, then cut them: any number of workers write a release."""
    release = _release(session, job)
    service.freeze(session, release)
    if not release.rows:
        raise ConflictError("No approved row matches any more, so there is nothing to release.")
    _remove_parts(release)
    job.total = release.rows * len(release.formats)
    return parts.cut(session, release)


def work(chunk: Chunk) -> None:
    """Write a part, or join them all; a restart begins anew, with equal bytes."""
    release = _release(chunk.session, chunk.job)
    match chunk.params["step"]:
        case "rows":
            parts.write_rows(chunk, release)
        case "format":
            parts.write_format(chunk, release)
        case "join":
            join(chunk, release)


def finish(session: Session, job: Job) -> None:
    """The release is ready."""
    release = _release(session, job)
    release.status = ReleaseStatus.READY
    _remove_parts(release)
    job.result = {
        "release": str(release.id),
        "rows": release.rows,
        "files": [one["name"] for one in release.manifest["files"]],
    }


def failed(session: Session, job: Job) -> None:
    """It can be retried; until then nothing can be downloaded but what was built before."""
    release = _release(session, job)
    there = release.manifest and (service.folder(release) / service.MANIFEST).exists()
    release.status = ReleaseStatus.READY if there else ReleaseStatus.FAILED
    _remove_parts(release)


def _remove_parts(release: Release) -> None:
    shutil.rmtree(service.parts_folder(release), ignore_errors=True)


HANDLER = Handler(plan=plan, work=work, finish=finish, failed=failed)
