"""Writing what masking, or its undo, changes: revisions, statuses and an event for each sample."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from app.accounts.models import AuditEvent
from app.accounts.policies import Principal
from app.accounts.service import now
from app.curation.text.counting import count_words
from app.samples.models import BulkAction, Sample, Status


@dataclass(frozen=True, slots=True)
class Change:
    """A sample that the caller holds, and the revision it is to have."""

    sample: Sample
    revision: int
    body: Mapping[str, Any]
    text: str
    digest: bytes
    status: Status
    detail: Mapping[str, Any]


def without_twins(
    session: Session, dataset_id: int, changes: Sequence[Change]
) -> tuple[list[Change], dict[int, int]]:
    """Those after which no two samples say the same; of the others, the twin by their id."""
    query = select(Sample.content_hash, Sample.id).where(
        Sample.dataset_id == dataset_id, Sample.content_hash.in_([one.digest for one in changes])
    )
    taken: dict[bytes, int] = dict(session.execute(query).all())
    kept, twins = [], {}
    for one in changes:
        twin = taken.setdefault(one.digest, one.sample.id)
        if twin == one.sample.id:
            kept.append(one)
        else:
            twins[one.sample.id] = twin
    return kept, twins


def store(
    session: Session, action: BulkAction, by: Principal, event: str, changes: Sequence[Change]
) -> None:
    """Move samples to their revisions; each gets an event that names no value."""
    session.execute(
        insert(AuditEvent),
        [
            {
                "actor_id": by.id,
                "actor": by.email,
                "action": event,
                "object_type": "bulk_action",
                "object_id": str(action.id),
                "dataset_id": action.dataset_id,
                "sample_id": one.sample.id,
                "before": {"revision": one.sample.revision, "status": one.sample.status},
                "after": {"revision": one.revision, "status": one.status, **one.detail},
            }
            for one in changes
        ],
    )
    session.execute(
        update(Sample),
        [
            {
                "id": one.sample.id,
                "revision": one.revision,
                "content_hash": one.digest,
                "chars": len(one.text),
                "words": count_words(one.text),
                "status": one.status,
                "changed_at": now(),
            }
            for one in changes
        ],
    )
