"""Releases: freezing approved rows, and what a frozen release holds."""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Uuid, func, insert, literal, select, text
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.policies import Principal
from app.contamination import certificate as contamination
from app.contamination.inheriting import refuse_inherited
from app.datasets import service as datasets
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError, NotFoundError
from app.generation import batches, guards
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind
from app.releases import policies, tags
from app.releases.formats import FORMATS, usual
from app.releases.models import Release, ReleaseItem, ReleaseStatus
from app.samples import registry
from app.samples.models import Sample, Status
from app.samples.search import condition
from app.settings import settings
from app.verifying import rates

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\Z")
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Difference:
    """What one release has that another has not, by sample id."""

    added: Sequence[int]
    removed: Sequence[int]
    changed: Sequence[int]
    added_count: int
    removed_count: int
    changed_count: int


def everything(session: Session, dataset_id: int) -> Sequence[Release]:
    """The releases of a dataset, newest first."""
    query = select(Release).where(Release.dataset_id == dataset_id)
    return session.scalars(query.order_by(Release.created_at.desc())).all()


def get(session: Session, release_id: uuid.UUID) -> Release:
    """The release with this id."""
    release = session.get(Release, release_id)
    if release is None:
        raise NotFoundError(f"There is no release {release_id}.")
    return release


def find(session: Session, wanted: str) -> Release:
    """The release with this id, or the newest with this name."""
    try:
        return get(session, uuid.UUID(wanted))
    except ValueError:
        query = select(Release).where(Release.name == wanted).order_by(Release.created_at.desc())
        release = session.scalar(query.limit(1))
    if release is None:
        raise NotFoundError(f"There is no release `{wanted}`.")
    return release


def ready(release: Release) -> Release:
    """The release, refused while it is being built or when that failed."""
    if release.status is not ReleaseStatus.READY:
        raise ConflictError(f"The release {release.name} is not ready: it is {release.status}.")
    return release


def approved(session: Session, dataset: Dataset, where: str) -> int:
    """How many approved rows match: what a release would hold."""
    wanted = condition(session, dataset.id, where)
    query = select(func.count()).select_from(Sample)
    return session.scalar(query.where(wanted, Sample.status == Status.APPROVED)) or 0


def usual_formats(session: Session, dataset: Dataset, where: str) -> list[str]:
    """The formats that fit the approved rows that match."""
    wanted = condition(session, dataset.id, where) & (Sample.status == Status.APPROVED)
    return usual(session.scalars(select(Sample.kind).where(wanted).distinct()).all())


def start(
    session: Session,
    dataset: Dataset,
    *,
    name: str,
    where: str,
    formats: Sequence[str] | None,
    by: Principal,
) -> tuple[Release, Job]:
    """Freeze the approved rows that match, and build the files in a job."""
    policies.may_release(by)
    formats = usual_formats(session, dataset, where) if formats is None else formats
    _refuse(session, dataset, name, where, formats)
    release = Release(
        dataset_id=dataset.id,
        name=name,
        where=where,
        formats=list(dict.fromkeys(formats)),
        frozen_at=datetime.now(UTC),
        created_by=by.id,
    )
    session.add(release)
    session.flush()
    job = jobs.start(
        session,
        JobKind.RELEASE,
        f"Release {name}",
        by=by,
        dataset_id=dataset.id,
        params={"release": str(release.id)},
    )
    release.job_id = job.id
    audit.record(
        session,
        by,
        "release.start",
        ("release", release.id),
        dataset_id=dataset.id,
        after={"name": name, "where": where, "formats": release.formats},
    )
    return release, job


def _refuse(
    session: Session, dataset: Dataset, name: str, where: str, formats: Sequence[str]
) -> None:
    """Refuse what can't be released, the dataset first, then the order, then the rows."""
    datasets.refuse_protected(dataset, "released")
    contamination.refuse_open(session, dataset)
    if not _NAME.match(name):
        raise InvalidError(
            f"`{name}` can't be a release's name: use 1 to 63 letters, digits, `-`, `_` and `.`."
        )
    unknown = [one for one in formats if one not in FORMATS]
    if unknown or not formats:
        raise InvalidError(
            f"`{unknown[0] if unknown else ''}` is no format. There are {', '.join(FORMATS)}."
        )
    taken = select(Release.id).where(Release.dataset_id == dataset.id, Release.name == name)
    if session.scalar(taken) is not None:
        raise ConflictError(f"There is a release `{name}` already; releases never change.")
    if not approved(session, dataset, where):
        raise InvalidError("No approved row matches, so there is nothing to release.")
    refuse_inherited(session, dataset, where)
    rates.refuse_below(session, dataset, where)
    guards.refuse_above(session, dataset, where)
    batches.refuse_worse(session, dataset, where)
    batches.refuse_unseen(session, dataset, where)


def freeze(session: Session, release: Release) -> None:
    """Write down which rows are in it, as they are now: approved ones, never anything else.

    Done once, in the job: a release of a million rows takes longer than a page may.

    What can change later (revision, domain, language, tags, scores) is copied, so that the files
    can be built again byte by byte.
    """
    # Who deletes the dataset waits here, and then finds every row to delete.
    session.refresh(release, with_for_update=True)
    taken = select(ReleaseItem.sample_id).where(ReleaseItem.release_id == release.id)
    if session.scalar(taken.limit(1)) is not None:
        return
    release.frozen_at = datetime.now(UTC)
    columns = {
        "release_id": literal(release.id, Uuid),
        "sample_id": Sample.id,
        "revision": Sample.revision,
        "content_hash": Sample.content_hash,
        "domain": Sample.domain,
        "language": Sample.language,
        "tags": tags.released(session, release.dataset_id),
        "scores": Sample.scores,
    }
    rows = select(*columns.values()).where(
        condition(session, release.dataset_id, release.where), Sample.status == Status.APPROVED
    )
    frozen = session.execute(
        insert(ReleaseItem).from_select(list(columns), rows),
        execution_options={"preserve_rowcount": True},
    )
    release.rows = int(frozen.rowcount)  # type: ignore[attr-defined]
    known = registry.signals(session, release.dataset_id)
    release.slots = {signal.name: signal.slot for signal in known}


def folder(release: Release) -> Path:
    """Where the files of a release lie."""
    return settings().releases / str(release.id)


def parts_folder(release: Release) -> Path:
    """Where its parts lie while it is built."""
    return settings().releases / f"{release.id}.parts"


def file_of(release: Release, name: str) -> tuple[Path, dict[str, Any]]:
    """The path of a file of the release and its entry in the manifest."""
    ready(release)
    if name == MANIFEST:
        return folder(release) / MANIFEST, {"sha256": release.manifest["sha256"]}
    entry = next((one for one in release.manifest["files"] if one["name"] == name), None)
    if entry is None:
        names = ", ".join(one["name"] for one in release.manifest["files"])
        raise NotFoundError(f"The release {release.name} has no file `{name}`; it has {names}.")
    return folder(release) / name, entry


_DIFF = """
WITH differing AS (
  SELECT coalesce(a.sample_id, b.sample_id) AS id,
         CASE WHEN a.sample_id IS NULL THEN 'removed' WHEN b.sample_id IS NULL THEN 'added'
              ELSE 'changed' END AS what
  FROM (SELECT * FROM release_items WHERE release_id = :this) a
  FULL JOIN (SELECT * FROM release_items WHERE release_id = :other) b USING (sample_id)
  WHERE a.content_hash IS DISTINCT FROM b.content_hash
)
SELECT what, count(*) AS number, (array_agg(id ORDER BY id))[1 : CAST(:most AS int)] AS ids
FROM differing GROUP BY what
"""


def diff(session: Session, release: Release, against: Release, limit: int = 1000) -> Difference:
    """Rows added, removed and changed since another release; at most `limit` ids of each."""
    params = {"this": release.id, "other": against.id, "most": limit}
    found = {what: (number, ids) for what, number, ids in session.execute(text(_DIFF), params)}
    added, removed, changed = (found.get(what, (0, [])) for what in ("added", "removed", "changed"))
    return Difference(
        added=added[1],
        removed=removed[1],
        changed=changed[1],
        added_count=added[0],
        removed_count=removed[0],
        changed_count=changed[0],
    )
