"""Deciding on samples, and taking decisions back."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.policies import Principal
from app.accounts.service import now
from app.datasets import service as datasets
from app.errors import ConflictError, InvalidError, NotFoundError
from app.review import policies, queue
from app.review.models import Decision, ReviewItem, Verdict
from app.review.ordering import REVIEWABLE
from app.samples import service as samples
from app.samples.models import Sample, Status

_STATUS = {
    Verdict.APPROVE: Status.APPROVED,
    Verdict.REJECT: Status.REJECTED,
    Verdict.FLAG: Status.QUARANTINED,
}
_MAX_NOTE = 10_000
TAKEN_BACK = "decision taken back"  # the reason of the revision that undoes an edit


def decide(
    session: Session,
    sample_id: int,
    *,
    verdict: Verdict,
    revision: int,
    by: Principal,
    note: str = "",
    body: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Decision:
    """Record a verdict on the revision the reviewer saw, with their edit if they made one.

    With an edit may come other metadata than the sample had.

    Refuses with a conflict when the sample was edited or decided meanwhile, or when somebody
    else holds it; nothing is stored then.
    """
    policies.may_review(by)
    if len(note) > _MAX_NOTE:
        raise InvalidError(f"A note has at most {_MAX_NOTE:,} characters.")
    sample = samples.locked(session, sample_id)
    _refuse_conflicts(session, sample, revision, by)
    if body is not None:
        samples.store_revision(session, sample, body, by=by, reason=note, metadata=metadata)
    dataset = datasets.by_id(session, sample.dataset_id)
    decision = Decision(
        dataset_id=sample.dataset_id,
        sample_id=sample.id,
        user_id=by.id,
        revision=sample.revision,
        edited_from=revision if sample.revision != revision else None,
        verdict=verdict,
        note=note,
        previous_status=sample.status,
        previous_drop=samples.take_drop(session, sample),
        blind=queue.queue_of(session, dataset).blind,
    )
    session.add(decision)
    session.flush()
    _write(session, sample, decision, by)
    return decision


def _refuse_conflicts(session: Session, sample: Sample, revision: int, by: Principal) -> None:
    if sample.revision != revision:
        raise ConflictError(
            f"This sample was edited while you were reading it: you saw revision {revision}, "
            f"it is at {sample.revision}. Your decision was not saved.",
            revision=sample.revision,
        )
    item = session.get(ReviewItem, sample.id)
    held = item is not None and item.leased_until is not None and item.leased_until > now()
    if item is not None and held and item.leased_by not in {None, by.id}:
        raise ConflictError("Somebody else is reading this sample. Your decision was not saved.")


def _write(session: Session, sample: Sample, decision: Decision, by: Principal) -> None:
    detail = {"decision": decision.id, "note": decision.note, "revision": decision.revision}
    if decision.verdict is Verdict.SKIP:
        queue.give_back(session, sample.id)
        audit.record(
            session,
            by,
            "review.skip",
            ("sample", sample.id),
            dataset_id=sample.dataset_id,
            sample_id=sample.id,
            after=detail,
        )
        return
    queue.release(session, sample.id)
    status = _STATUS[decision.verdict]
    samples.set_status(
        session, sample, status, by=by, action=f"review.{decision.verdict}", detail=detail
    )


def get(session: Session, decision_id: int) -> Decision:
    """The decision with this id."""
    decision = session.get(Decision, decision_id)
    if decision is None:
        raise NotFoundError(f"There is no decision {decision_id}.")
    return decision


def undo(session: Session, decision_id: int, *, by: Principal) -> Decision:
    """Take a decision back: the sample is where it was, an edit made with it is undone too.

    Refuses when something else happened to the sample since.
    """
    decision = get(session, decision_id)
    policies.may_undo(by, decision)
    sample = samples.locked(session, decision.sample_id)
    session.refresh(decision)
    if decision.undone_at is not None:
        raise ConflictError("This decision was taken back already.")
    expected = _STATUS.get(decision.verdict, decision.previous_status)
    if sample.status is not expected or sample.revision != decision.revision:
        raise ConflictError(
            "The sample has changed since this decision. Its ledger tells what happened; "
            "decide on it anew."
        )
    decision.undone_at = now()
    if decision.edited_from is not None:
        old = samples.body(session, sample, decision.edited_from)
        samples.store_revision(
            session,
            sample,
            old.body,
            by=by,
            reason=TAKEN_BACK,
            metadata=old.sample_metadata,
        )
    detail = {"decision": decision.id, "verdict": decision.verdict}
    samples.set_status(
        session,
        sample,
        decision.previous_status,
        by=by,
        action="review.undo",
        detail=detail,
    )
    if decision.previous_drop is not None:
        samples.put_drop_back(session, sample, decision.previous_drop)
    if sample.status in REVIEWABLE:
        queue.put_back(session, sample, by)
    return decision


def last_of(session: Session, dataset_id: int, by: Principal) -> Decision | None:
    """The reviewer's newest decision that stands."""
    query = select(Decision).where(
        Decision.dataset_id == dataset_id,
        Decision.user_id == by.id,
        Decision.undone_at.is_(None),
    )
    return session.scalar(query.order_by(Decision.id.desc()).limit(1))


def recent(session: Session, dataset_id: int, by: Principal, count: int) -> Sequence[Decision]:
    """The reviewer's newest decisions that stand, newest first."""
    query = select(Decision).where(
        Decision.dataset_id == dataset_id,
        Decision.user_id == by.id,
        Decision.undone_at.is_(None),
    )
    return session.scalars(query.order_by(Decision.id.desc()).limit(count)).all()
