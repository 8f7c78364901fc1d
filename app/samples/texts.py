"""The beginnings of texts, for lists."""

from collections.abc import Sequence

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from app.samples.models import Sample, SampleBody

SHOWN = 300


def beginnings(session: Session, ids: Sequence[int]) -> dict[int, str]:
    """The first characters of the present revision of these samples."""
    query = (
        select(SampleBody.sample_id, func.left(SampleBody.text, SHOWN))
        .join(
            Sample, and_(Sample.id == SampleBody.sample_id, Sample.revision == SampleBody.revision)
        )
        .where(SampleBody.sample_id.in_(ids))
    )
    return dict(session.execute(query).all())
