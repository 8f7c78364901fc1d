"""Which tags are no part of a release: those by which Winnow itself finds samples again."""

from typing import Any

from sqlalchemy import ColumnElement, Text, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from app.campaigns.models import Campaign
from app.generation import batches
from app.generation.models import GenerationRun
from app.samples.models import Sample


def internal(session: Session, dataset_id: int) -> list[str]:
    """The tags of batches that people look into, and of campaigns: they say who had to read what.

    A tag that somebody gave is none, though it may look like one.
    """
    runs = select(GenerationRun).where(GenerationRun.dataset_id == dataset_id)
    campaigns = select(Campaign.name).where(Campaign.dataset_id == dataset_id)
    drawn = {batches.tag_of(run) for run in session.scalars(runs)}
    return sorted(drawn.union(session.scalars(campaigns)))


def released(session: Session, dataset_id: int) -> ColumnElement[Any]:
    """The tags of a sample but these, none where it has no other."""
    left_out = literal(internal(session, dataset_id), ARRAY(Text))
    tag = func.unnest(Sample.tags).column_valued("tag")
    others = select(func.array_agg(tag)).where(tag != func.all(left_out)).correlate(Sample)
    return others.scalar_subquery()
