"""What pairs inherit of their answers: a benchmark that was found in one is in the pair as well."""

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, aliased

from app.contamination.models import ContaminationHit, ContaminationVerdict, Judgement
from app.curation.contamination.base import Finding
from app.curation.records import Kind
from app.datasets.models import Dataset, Purpose
from app.errors import ConflictError
from app.samples.models import Sample, SampleParent, Status
from app.samples.search import condition

_Answer = aliased(Sample)
_NAMED = 5


def refuse_inherited(session: Session, dataset: Dataset, where: str) -> None:
    """Refuse a release with rows of a benchmark, or with pairs in whose answers one was found."""
    rows = (
        select(Sample.id, Dataset.name)
        .join(SampleParent, SampleParent.child_id == Sample.id)
        .join(_Answer, _Answer.id == SampleParent.parent_id)
        .join(Dataset, Dataset.id == _Answer.dataset_id)
        .where(condition(session, dataset.id, where), Sample.status == Status.APPROVED)
    )
    protected = rows.where(Dataset.purpose == Purpose.BENCHMARK)
    if found := _some(session, protected):
        count, name, ids = found
        raise ConflictError(
            f"{count:,} approved rows are made of samples of {name}, which is a benchmark: a model "
            f"that learns from them can't be measured by it. Reject them: {ids}"
        )
    if found := _some(session, rows.where(Sample.kind == Kind.PREFERENCE, _held())):
        count, name, ids = found
        raise ConflictError(
            f"{count:,} approved pairs have an answer of {name} in which a benchmark was found, "
            "and nobody allowed it. Settle the hits on its page Contamination, or reject the "
            f"pairs: {ids}"
        )


def _held() -> ColumnElement[bool]:
    """Whether a layer found an item in the answer that nobody allowed, in it or in the pair."""
    allowed = select(ContaminationVerdict.item_id).where(
        ContaminationVerdict.item_id == ContaminationHit.item_id,
        ContaminationVerdict.sample_id.in_((SampleParent.parent_id, SampleParent.child_id)),
        ContaminationVerdict.verdict == Judgement.ALLOW.value,
    )
    hit = select(ContaminationHit.id).where(
        ContaminationHit.sample_id == SampleParent.parent_id,
        ContaminationHit.finding != Finding.NEAR.value,
        ~allowed.correlate(ContaminationHit, SampleParent).exists(),
    )
    return hit.correlate(SampleParent).exists()


def _some(session: Session, rows: Select[int, str]) -> tuple[int, str, str] | None:
    """How many rows, the first of the datasets behind them, and a filter for the first ones."""
    found = rows.subquery()
    count, name = session.execute(
        select(func.count(found.c.id.distinct()), func.min(found.c.name))
    ).one()
    if not count:
        return None
    first = select(found.c.id).distinct().order_by(found.c.id).limit(_NAMED)
    ids = ",".join(map(str, session.scalars(first)))
    more = f" and {count - _NAMED:,} more" if count > _NAMED else ""
    return count, name, f"id:{ids}{more}"
