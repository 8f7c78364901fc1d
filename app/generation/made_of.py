"""The drafts that rows are made of: a row's own, or for a pair of answers those of its sides."""

from sqlalchemy import ColumnElement, Subquery, select, union_all
from sqlalchemy.orm import Session, aliased

from app.curation.records import Kind
from app.generation.models import GenerationDraft
from app.samples.models import Sample, SampleParent

_Side = aliased(Sample)
_OF_PAIR = (Sample.kind == Kind.PREFERENCE) & (SampleParent.child_id == Sample.id)


def drafts(wanted: ColumnElement[bool]) -> Subquery:
    """The drafts of these rows by `row`, with the `sample` that was drafted, its run and depth.

    A pair that a generator made is a draft itself; else its answers may be, wherever they lie.
    """
    columns = (GenerationDraft.sample_id.label("sample"), GenerationDraft.run_id)
    own = (
        select(Sample.id.label("row"), *columns, GenerationDraft.depth)
        .join(GenerationDraft, GenerationDraft.sample_id == Sample.id)
        .where(wanted)
    )
    drafted = select(GenerationDraft.id).where(GenerationDraft.sample_id == Sample.id)
    sides = (
        select(Sample.id.label("row"), *columns, GenerationDraft.depth)
        .join(SampleParent, _OF_PAIR)
        .join(GenerationDraft, GenerationDraft.sample_id == SampleParent.parent_id)
        .where(wanted, ~drafted.correlate(Sample).exists())
    )
    return union_all(own, sides).subquery()


def homes(session: Session, wanted: ColumnElement[bool]) -> set[int]:
    """The datasets that the answers of the pairs among these rows come from."""
    query = (
        select(_Side.dataset_id)
        .select_from(Sample)
        .join(SampleParent, _OF_PAIR)
        .join(_Side, _Side.id == SampleParent.parent_id)
        .where(wanted)
        .distinct()
    )
    return set(session.scalars(query))
