"""What people decided on samples, as labels: for learning, for calibration, for campaigns."""

from typing import Any, cast

from sqlalchemy import Select, case, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from app.review.models import Decision, Verdict
from app.samples.models import Sample

DECISIONS = "decisions"
MAJORITY = 0.5  # a share of approvals above it is good; a tie is not


def shares(dataset_id: int) -> Select[Any]:
    """Rows (sample_id, revision, share): the share of approvals per sample that people decided on.

    Only the present revision counts, and of each person the newest verdict that was not taken
    back; who skipped or flagged gave no label.
    """
    newest = (
        select(Decision.sample_id, Decision.verdict, Sample.revision)
        .join(
            Sample,
            (Sample.id == Decision.sample_id) & (Sample.revision == Decision.revision),
        )
        .where(
            Sample.dataset_id == dataset_id,
            Decision.undone_at.is_(None),
            Decision.verdict.in_([Verdict.APPROVE, Verdict.REJECT]),
        )
        .ext(distinct_on(Decision.sample_id, Decision.user_id))
        .order_by(Decision.sample_id, Decision.user_id, Decision.id.desc())
        .subquery()
    )
    approved = case((newest.c.verdict == Verdict.APPROVE, 1.0), else_=0.0)
    query = select(newest.c.sample_id, newest.c.revision, func.avg(approved).label("share"))
    return cast("Select[Any]", query.group_by(newest.c.sample_id, newest.c.revision))
