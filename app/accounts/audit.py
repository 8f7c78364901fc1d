"""Writing and checking the audit log."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from sqlalchemy import Select, select, text
from sqlalchemy.orm import Session

from app.accounts.models import AuditEvent
from app.accounts.policies import Principal


def record(
    session: Session,
    who: Principal,
    action: str,
    about: tuple[str, Any],
    *,
    dataset_id: int | None = None,
    sample_id: int | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Append one event; `about` is the type and id of what was changed."""
    session.add(
        AuditEvent(
            actor_id=who.id,
            actor=who.email,
            action=action,
            object_type=about[0],
            object_id=str(about[1]),
            dataset_id=dataset_id,
            sample_id=sample_id,
            before=dict(before) if before is not None else None,
            after=dict(after) if after is not None else None,
            request_id=structlog.contextvars.get_contextvars().get("request_id"),
        )
    )
    session.flush()


def of_sample(session: Session, sample_id: int) -> Sequence[AuditEvent]:
    """All events of a sample, oldest first."""
    query = select(AuditEvent).where(AuditEvent.sample_id == sample_id).order_by(AuditEvent.id)
    return session.scalars(query).all()


def page(before_id: int | None = None, dataset_id: int | None = None) -> Select[AuditEvent]:
    """The newest events that concern no single sample."""
    query = select(AuditEvent).where(AuditEvent.sample_id.is_(None))
    if before_id is not None:
        query = query.where(AuditEvent.id < before_id)
    if dataset_id is not None:
        query = query.where(AuditEvent.dataset_id == dataset_id)
    return query.order_by(AuditEvent.id.desc())


_BROKEN = """
SELECT id FROM (
  SELECT e.id, e.previous_hash, e.hash, lag(e.hash) OVER (ORDER BY e.id) AS expected,
         audit_hash(e.previous_hash, e) AS computed
  FROM audit_events e WHERE e.sample_id IS NOT DISTINCT FROM :sample_id
) AS chain
WHERE hash IS DISTINCT FROM computed OR previous_hash IS DISTINCT FROM expected
ORDER BY id LIMIT 1
"""


def first_broken(session: Session, sample_id: int | None = None) -> int | None:
    """The id of the first event that was changed, or that follows a removed one; None if whole."""
    return session.execute(text(_BROKEN), {"sample_id": sample_id}).scalar()
