"""Building the files of a release: into a folder beside, then renamed; twice the same bytes."""

import hashlib
import shutil
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.curation.records import Record
from app.curation.writers.base import WrittenFile
from app.curation.writers.card import CardFacts, card
from app.datasets.models import Dataset
from app.errors import ConflictError
from app.jobs.models import Job
from app.releases import rows, service
from app.releases.formats import FORMATS
from app.releases.models import Release, ReleaseItem, ReleaseStatus
from app.samples.models import Sample
from app.sources.models import Source
from workers.jobs import Chunk, Handler

_CARD = "README.md"


def _release(session: Session, job: Job) -> Release:
    return service.get(session, uuid.UUID(job.params["release"]))


def plan(session: Session, job: Job) -> list[dict[str, Any]]:
    """One chunk: files are written from front to back, one format after the other."""
    release = _release(session, job)
    service.freeze(session, release)
    if not release.rows:
        raise ConflictError("No approved row matches any more, so there is nothing to release.")
    job.total = release.rows * len(release.formats)
    return [{"release": str(release.id)}]


def work(chunk: Chunk) -> None:
    """Write every format, the card and the manifest; a restart begins anew, with equal bytes."""
    release = _release(chunk.session, chunk.job)
    target = service.folder(release)
    _remove_half_built(release)
    # Its own folder: a worker that lost this chunk may not have noticed yet.
    building = target.with_name(f"{target.name}.building{chunk.attempt}")
    building.mkdir(parents=True)
    chunk.restart()
    files, left_out = _write(chunk, release, building)
    manifest = _manifest(chunk.session, release, files, left_out)
    (building / _CARD).write_bytes(_card(chunk.session, release, manifest, files, left_out))
    manifest["files"].append(_entry(building / _CARD))
    body = orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    (building / service.MANIFEST).write_bytes(body)
    chunk.checkpoint(0)  # only who still holds the chunk may put it in place
    shutil.rmtree(target, ignore_errors=True)
    building.rename(target)
    # The rows stand in the file alone: a million of them do not belong into one column.
    del manifest["rows"]
    release.manifest = {**manifest, "sha256": hashlib.sha256(body).hexdigest()}
    chunk.checkpoint(0)


def _write(
    chunk: Chunk, release: Release, folder: Path
) -> tuple[list[WrittenFile], dict[str, dict[str, int]]]:
    files: list[WrittenFile] = []
    left_out: dict[str, dict[str, int]] = {}
    for name in release.formats:
        written = FORMATS[name].write(_counted(chunk, release), folder, name)
        files += written.files
        left_out[name] = written.left_out
    return files, left_out


def _counted(chunk: Chunk, release: Release) -> Iterator[Record]:
    for page in rows.pages(chunk.session, release):
        yield from page
        chunk.checkpoint(len(page))


def _entry(path: Path) -> dict[str, Any]:
    body = path.read_bytes()
    return {
        "name": path.name,
        "rows": 0,
        "bytes": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
    }


def _manifest(
    session: Session,
    release: Release,
    files: list[WrittenFile],
    left_out: dict[str, dict[str, int]],
) -> dict[str, Any]:
    """All that is needed to build the release again, and to check what was downloaded."""
    items = (
        select(ReleaseItem.sample_id, ReleaseItem.revision, ReleaseItem.content_hash)
        .where(ReleaseItem.release_id == release.id)
        .order_by(ReleaseItem.sample_id)
    )
    found = session.execute(items).all()
    dataset = session.get_one(Dataset, release.dataset_id)
    return {
        "release": release.name,
        "dataset": dataset.name,
        "recipe": _recipe(release),
        "counts": counts(session, release),
        "rows": [[sample_id, revision, digest.hex()] for sample_id, revision, digest in found],
        "left_out": left_out,
        "files": [
            {"name": one.name, "rows": one.rows, "bytes": one.bytes, "sha256": one.sha256}
            for one in files
        ],
    }


def _recipe(release: Release) -> dict[str, Any]:
    return {
        "where": release.where,
        "status": "approved",
        "formats": release.formats,
        "frozen_at": release.frozen_at.isoformat(),
        "writers": {name: FORMATS[name].fingerprint() for name in release.formats},
    }


def counts(session: Session, release: Release) -> dict[str, dict[str, int]]:
    """Rows of the release by source, licence, kind, origin, domain and language."""
    columns = (
        Source.name,
        func.coalesce(Source.license, "not stated"),
        Sample.kind,
        Sample.origin,
        func.coalesce(ReleaseItem.domain, "none"),
        func.coalesce(ReleaseItem.language, "not measured"),
    )
    query = (
        select(*columns, func.count())
        .select_from(ReleaseItem)
        .join(Sample, Sample.id == ReleaseItem.sample_id)
        .join(Source, Source.id == Sample.source_id)
        .where(ReleaseItem.release_id == release.id)
        .group_by(*columns)
    )
    names = ("source", "licence", "kind", "origin", "domain", "language")
    found: dict[str, Counter[str]] = {name: Counter() for name in names}
    for *values, number in session.execute(query):
        for name, value in zip(names, values, strict=True):
            found[name][str(value)] += number
    return {name: dict(sorted(counter.items())) for name, counter in found.items()}


def _card(
    session: Session,
    release: Release,
    manifest: dict[str, Any],
    files: list[WrittenFile],
    left_out: dict[str, dict[str, int]],
) -> bytes:
    dataset = session.get_one(Dataset, release.dataset_id)
    facts = CardFacts(
        name=f"{dataset.name} {release.name}",
        summary=(
            f"{release.rows:,} samples of {dataset.name}, all approved before "
            f"{release.frozen_at:%d %B %Y}: {_approvals(session, release)}. `manifest.json` lists "
            "every row with its revision and the SHA-256 of its content."
        ),
        files=files,
        counts=manifest["counts"],
        recipe=manifest["recipe"],
        left_out={
            f"{name}: {reason}": number
            for name, reasons in left_out.items()
            for reason, number in reasons.items()
        },
    )
    return card(facts).encode()


_ONE_BY_ONE = """
SELECT count(*) FROM release_items i WHERE i.release_id = :release AND EXISTS (
  SELECT 1 FROM decisions d WHERE d.sample_id = i.sample_id AND d.revision = i.revision
    AND d.verdict = 'approve' AND d.created_at <= :frozen_at
    AND (d.undone_at IS NULL OR d.undone_at > :frozen_at))
"""


def _approvals(session: Session, release: Release) -> str:
    """How many rows a reviewer read, and how many a lead approved with all matches of a search."""
    params = {"release": release.id, "frozen_at": release.frozen_at}
    read = session.execute(text(_ONE_BY_ONE), params).scalar_one()
    return f"{read:,} read one by one by a reviewer, {release.rows - read:,} approved in bulk"


def finish(session: Session, job: Job) -> None:
    """The release is ready."""
    release = _release(session, job)
    release.status = ReleaseStatus.READY
    job.result = {
        "release": str(release.id),
        "rows": release.rows,
        "files": [one["name"] for one in release.manifest["files"]],
    }


def failed(session: Session, job: Job) -> None:
    """It can be retried; until then nothing can be downloaded."""
    release = _release(session, job)
    release.status = ReleaseStatus.FAILED
    _remove_half_built(release)


def _remove_half_built(release: Release) -> None:
    target = service.folder(release)
    for left in target.parent.glob(f"{target.name}.building*"):
        shutil.rmtree(left, ignore_errors=True)


HANDLER = Handler(plan=plan, work=work, finish=finish, failed=failed)
