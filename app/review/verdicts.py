"""What people decided on samples, as labels: for learning, for calibration, for campaigns."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import Select, case, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from app.review.models import Decision, Verdict
from app.samples.models import Sample

DECISIONS = "decisions"
MAJORITY = 0.5  # a share of approvals above it is good; a tie is not


def shares(dataset_id: int, since: datetime | None = None) -> Select[Any]:
    """Rows (sample_id, revision, share): the share of approvals per sample that people decided on.

    Only the present revision counts, and of each person the newest verdict that was not taken
    back; who skipped or flagged gave no label. With `since`, only verdicts given after that time.
    """
    newest: Any = (
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
    )
    if since is not None:
        newest = newest.where(Decision.created_at > since)
    rows = newest.subquery()
    approved = case((rows.c.verdict == Verdict.APPROVE, 1.0), else_=0.0)
    query = select(rows.c.sample_id, rows.c.revision, func.avg(approved).label("share"))
    return cast("Select[Any]", query.group_by(rows.c.sample_id, rows.c.revision))
