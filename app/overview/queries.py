"""SELECTs for the start pages: counts of a dataset by status, by source and by origin."""

from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from app.datasets.models import Dataset
from app.releases.models import Release, ReleaseItem, ReleaseStatus
from app.samples.models import Sample, SampleDrop, Status
from app.sources.models import Source


@dataclass(slots=True)
class SourceRow:
    """What became of the samples of a source."""

    name: str
    license: str | None
    statuses: Counter[Status] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """All its samples."""
        return self.statuses.total()


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of the funnel from imported to released: rows left, and why the others went."""

    name: str
    count: int
    synthetic: int
    reason: str
    where: str


def statuses(session: Session, dataset_id: int) -> Counter[Status]:
    """Samples by status."""
    query = select(Sample.status, func.count()).where(Sample.dataset_id == dataset_id)
    return Counter(dict(session.execute(query.group_by(Sample.status)).all()))


def sources(session: Session, dataset_id: int) -> list[SourceRow]:
    """The sources of a dataset with the statuses of their samples, the largest first."""
    query = (
        select(Source.name, Source.license, Sample.status, func.count())
        .join(Source, Source.id == Sample.source_id)
        .where(Sample.dataset_id == dataset_id)
        .group_by(Source.name, Source.license, Sample.status)
    )
    found: dict[str, SourceRow] = {}
    for name, license_, status, count in session.execute(query):
        found.setdefault(name, SourceRow(name, license_)).statuses[status] += count
    return sorted(found.values(), key=lambda row: -row.total)


def funnel(session: Session, dataset: Dataset, rejected_lines: int) -> list[Stage]:
    """From imported to released; counts of a stage are those of the one before less what left."""
    synthetic = func.count().filter(Sample.origin == "synthetic")
    by_status = {
        status: (count, made)
        for status, count, made in session.execute(
            select(Sample.status, func.count(), synthetic)
            .where(Sample.dataset_id == dataset.id)
            .group_by(Sample.status)
        )
    }
    total = sum(count for count, _ in by_status.values())
    made = sum(count for _, count in by_status.values())
    stages = [Stage("Imported", total, made, f"{rejected_lines:,} lines refused", "")]
    for name, status, word in (
        ("Kept by rules", Status.DROPPED, "dropped"),
        ("Not flagged", Status.QUARANTINED, "quarantined"),
        ("Not rejected", Status.REJECTED, "rejected"),
    ):
        gone, gone_made = by_status.get(status, (0, 0))
        total, made = total - gone, made - gone_made
        reason = _drop_reasons(session, dataset) if status is Status.DROPPED else f"{gone:,} {word}"
        stages.append(Stage(name, total, made, reason, f"status:{status}"))
    approved, approved_made = by_status.get(Status.APPROVED, (0, 0))
    waiting = total - approved
    stages.append(
        Stage("Approved", approved, approved_made, f"{waiting:,} open", "status:approved")
    )
    stages.append(_released(session, dataset, approved))
    return stages


def _drop_reasons(session: Session, dataset: Dataset) -> str:
    query = (
        select(SampleDrop.condition, func.count())
        .join(Sample, Sample.id == SampleDrop.sample_id)
        .where(Sample.dataset_id == dataset.id)
        .group_by(SampleDrop.condition)
        .order_by(func.count().desc())
    )
    rows = session.execute(query).all()
    if not rows:
        return "0 dropped"
    more = f" and {len(rows) - 3} more conditions" if len(rows) > 3 else ""
    return ", ".join(f"{count:,} by {condition}" for condition, count in rows[:3]) + more


def _released(session: Session, dataset: Dataset, approved: int) -> Stage:
    release = session.scalar(
        select(Release)
        .where(Release.dataset_id == dataset.id, Release.status == ReleaseStatus.READY)
        .order_by(Release.created_at.desc())
        .limit(1)
    )
    if release is None:
        return Stage("Released", 0, 0, "no release yet", "")
    made = session.scalar(
        select(func.sum(case((Sample.origin == "synthetic", 1), else_=0)))
        .select_from(ReleaseItem)
        .join(Sample, Sample.id == ReleaseItem.sample_id)
        .where(ReleaseItem.release_id == release.id)
    )
    since = max(approved - release.rows, 0)
    return Stage(f"Released in {release.name}", release.rows, made or 0, f"{since:,} since", "")
