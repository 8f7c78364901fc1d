"""SELECTs for the start pages: counts of a dataset by status, by source and by origin."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from app.curation.records import Origin
from app.datasets.models import Dataset
from app.releases.models import Release, ReleaseItem, ReleaseStatus
from app.samples import columns
from app.samples.models import Sample, SampleDrop, Status
from app.samples.search import schema_of
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


Counted = Sequence[tuple[int, Status, Origin, int]]


def counted(session: Session, dataset_id: int) -> Counted:
    """Samples by source, status and origin: all counts of a page add up from these."""
    names = ("source", "status", "origin")
    rows = columns.read(session, schema_of(session, dataset_id), names).counts(*names)
    return [
        (source, Status(status), Origin(origin), count) for source, status, origin, count in rows
    ]


def statuses(rows: Counted) -> Counter[Status]:
    """Samples by status."""
    found: Counter[Status] = Counter()
    for _, status, _, count in rows:
        found[status] += count
    return found


def sources(session: Session, rows: Counted) -> list[SourceRow]:
    """The sources of a dataset with the statuses of their samples, the largest first."""
    known = session.scalars(select(Source).where(Source.id.in_({row[0] for row in rows})))
    found = {source.id: SourceRow(source.name, source.license) for source in known}
    for source_id, status, _, count in rows:
        found[source_id].statuses[status] += count
    return sorted(found.values(), key=lambda row: -row.total)


def funnel(session: Session, dataset: Dataset, rows: Counted, rejected_lines: int) -> list[Stage]:
    """From imported to released; counts of a stage are those of the one before less what left."""
    counts = statuses(rows)
    synthetic = statuses([row for row in rows if row[2] is Origin.SYNTHETIC])
    total, made = counts.total(), synthetic.total()
    stages = [Stage("Imported", total, made, f"{rejected_lines:,} lines refused", "")]
    for name, status, word in (
        ("Kept by rules", Status.DROPPED, "dropped"),
        ("Not flagged", Status.QUARANTINED, "quarantined"),
        ("Not rejected", Status.REJECTED, "rejected"),
    ):
        gone = counts[status]
        total, made = total - gone, made - synthetic[status]
        reason = _drop_reasons(session, dataset) if status is Status.DROPPED else f"{gone:,} {word}"
        stages.append(Stage(name, total, made, reason, f"status:{status}"))
    approved = counts[Status.APPROVED]
    open_ = f"{total - approved:,} open"
    stages.append(Stage("Approved", approved, synthetic[Status.APPROVED], open_, "status:approved"))
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
