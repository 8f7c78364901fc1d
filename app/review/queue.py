"""The review queue: filling it, handing out one sample at a time, holding it by a lease."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.policies import Principal
from app.accounts.service import now
from app.datasets.models import Dataset
from app.errors import InvalidError
from app.review import ordering, policies
from app.review.models import Decision, ReviewItem, ReviewQueue, Verdict
from app.review.ordering import REVIEWABLE
from app.samples.models import Sample
from app.samples.search import condition
from app.settings import settings

# Rows are drawn into the queue some hundreds at a time, so that a million matches cost nothing
# while the next card is always at hand.
_REFILL = 300
# What a model learns changes what it doubts: fewer are drawn before it is asked again.
_REFILL_ACTIVE = 100


def queue_of(session: Session, dataset: Dataset) -> ReviewQueue:
    """The queue of a dataset; everything that is pending, oldest first, until a lead says more."""
    queue = session.get(ReviewQueue, dataset.id)
    if queue is not None:
        return queue
    session.execute(
        insert(ReviewQueue)
        .values(
            dataset_id=dataset.id, where="", order_by="", random_share=0, blind=False, generation=0
        )
        .on_conflict_do_nothing()
    )
    return session.get_one(ReviewQueue, dataset.id)


def order_by_of(session: Session, dataset_id: int) -> str:
    """The order of a dataset's queue."""
    query = select(ReviewQueue.order_by).where(ReviewQueue.dataset_id == dataset_id)
    return session.scalar(query) or ""


def configure(
    session: Session,
    dataset: Dataset,
    *,
    by: Principal,
    where: str,
    order_by: str,
    random_share: float,
    blind: bool,
) -> ReviewQueue:
    """Change what comes to reviewers and in which order.

    Samples that people hold stay theirs where they match; who decides on another one that is still
    on the screen is heard all the same.
    """
    policies.may_configure(by)
    if not 0 <= random_share <= 1:
        raise InvalidError("The random share is between 0 and 1.")
    condition(session, dataset.id, where)
    ordering.check(session, dataset.id, order_by)
    queue = queue_of(session, dataset)
    before = _settings(queue)
    queue.where, queue.order_by = where, order_by
    queue.random_share, queue.blind = random_share, blind
    queue.generation += 1
    _let_go(session, dataset.id, where)
    forget_order(session, dataset.id)
    audit.record(
        session,
        by,
        "review.configure",
        ("dataset", dataset.id),
        dataset_id=dataset.id,
        before=before,
        after=_settings(queue),
    )
    return queue


def forget_order(session: Session, dataset_id: int) -> None:
    """Draw anew what nobody holds: the order, or the scores it goes by, are others now."""
    session.execute(
        delete(ReviewItem).where(
            ReviewItem.dataset_id == dataset_id, ReviewItem.leased_by.is_(None)
        )
    )


def _settings(queue: ReviewQueue) -> dict[str, object]:
    return {
        "where": queue.where,
        "order_by": queue.order_by,
        "random_share": round(queue.random_share, 4),
        "blind": queue.blind,
    }


def wanted(session: Session, queue: ReviewQueue) -> ColumnElement[bool]:
    """The samples that come to reviewers."""
    return and_(
        Sample.status.in_(REVIEWABLE),
        condition(session, queue.dataset_id, queue.where),
    )


def refill(session: Session, queue: ReviewQueue) -> int:
    """Draw the next samples into the queue; those sent to review by hand come first.

    A share of the places goes to samples drawn at random from all that match, spread evenly.
    """
    session.get_one(ReviewQueue, queue.dataset_id, with_for_update=True)
    fresh = and_(
        wanted(session, queue),
        ~select(ReviewItem.sample_id).where(ReviewItem.sample_id == Sample.id).exists(),
    )
    refill_count = _REFILL_ACTIVE if ordering.active(queue.order_by) else _REFILL
    drawn_count = round(refill_count * queue.random_share)
    ordered = ordering.next_ids(session, queue, fresh, refill_count - drawn_count)
    drawn: Sequence[int] = ()
    if drawn_count:
        # The hash of the id with a number of today: as good as a lot, and drawn side by side.
        lot = func.hashint8extended(Sample.id, secrets.randbits(62))
        rest = select(Sample.id).where(fresh, Sample.id.not_in(ordered))
        drawn = session.scalars(rest.order_by(lot).limit(drawn_count)).all()
    items = _interleave(ordered, drawn)
    if items:
        start = session.scalar(
            select(func.coalesce(func.max(ReviewItem.position), 0)).where(
                ReviewItem.dataset_id == queue.dataset_id
            )
        )
        session.execute(
            insert(ReviewItem).on_conflict_do_nothing(),
            [
                {
                    "sample_id": sample_id,
                    "dataset_id": queue.dataset_id,
                    "position": (start or 0) + offset,
                    "random": random,
                }
                for offset, (sample_id, random) in enumerate(items, start=1)
            ],
        )
    return len(items)


def _interleave(ordered: Sequence[int], drawn: Sequence[int]) -> list[tuple[int, bool]]:
    """Both lists in their order, the second spread evenly through the first."""
    total = len(ordered) + len(drawn)
    places = [((i + 0.5) / max(len(ordered), 1), sample, False) for i, sample in enumerate(ordered)]
    places += [((i + 0.5) / max(len(drawn), 1), sample, True) for i, sample in enumerate(drawn)]
    places.sort(key=lambda place: place[0])
    return [(sample, random) for _, sample, random in places[:total]]


def _let_go(session: Session, dataset_id: int, where: str) -> None:
    """End the leases of samples that no longer match."""
    matching = select(Sample.id).where(condition(session, dataset_id, where))
    session.execute(
        update(ReviewItem)
        .where(
            ReviewItem.dataset_id == dataset_id,
            ReviewItem.leased_by.is_not(None),
            ReviewItem.sample_id.not_in(matching),
        )
        .values(leased_by=None, leased_until=None)
    )


def lease_next(
    session: Session, dataset: Dataset, *, by: Principal, count: int = 1
) -> list[ReviewItem]:
    """Hold the next samples for this reviewer: those held already, then free ones.

    Nobody else is given them until the lease runs out; samples this person skipped stay away
    from them.
    """
    policies.may_review(by)
    queue = queue_of(session, dataset)
    held = _held(session, queue, by, count)
    if len(held) < count:
        held += _take(session, queue, by, count - len(held))
    if len(held) < count:
        # Whoever comes while another one fills the queue waits, and finds it filled.
        session.get_one(ReviewQueue, queue.dataset_id, with_for_update=True)
        held += _take(session, queue, by, count - len(held))
    if len(held) < count and refill(session, queue):
        held += _take(session, queue, by, count - len(held))
    return held


def _held(session: Session, queue: ReviewQueue, by: Principal, count: int) -> list[ReviewItem]:
    """Items this reviewer holds and that may still be reviewed; their lease begins anew."""
    items = session.scalars(
        select(ReviewItem)
        .join(Sample, Sample.id == ReviewItem.sample_id)
        .where(
            ReviewItem.dataset_id == queue.dataset_id,
            ReviewItem.leased_by == by.id,
            ReviewItem.leased_until > func.now(),
            Sample.status.in_(REVIEWABLE),
        )
        .order_by(ReviewItem.position)
        .limit(count)
        .with_for_update(of=ReviewItem)
    ).all()
    for item in items:
        item.leased_until = _until()
    return list(items)


def _take(session: Session, queue: ReviewQueue, by: Principal, count: int) -> list[ReviewItem]:
    """Free items in order; those that were decided elsewhere meanwhile are passed over."""
    free = or_(ReviewItem.leased_by.is_(None), ReviewItem.leased_until < func.now())
    skipped = (
        select(Decision.id)
        .where(
            Decision.sample_id == ReviewItem.sample_id,
            Decision.user_id == by.id,
            Decision.verdict == Verdict.SKIP,
            Decision.undone_at.is_(None),
        )
        .exists()
    )
    items = session.scalars(
        select(ReviewItem)
        .join(Sample, Sample.id == ReviewItem.sample_id)
        .where(
            ReviewItem.dataset_id == queue.dataset_id,
            free,
            ~skipped,
            Sample.status.in_(REVIEWABLE),
        )
        .order_by(ReviewItem.position)
        .limit(count)
        .with_for_update(of=ReviewItem, skip_locked=True)
    ).all()
    for item in items:
        item.leased_by, item.leased_until = by.id, _until()
    session.flush()
    return list(items)


def _until() -> datetime:
    return now() + timedelta(minutes=settings().lease_minutes)


def release(session: Session, sample_id: int) -> None:
    """The sample leaves the queue: it was decided."""
    session.execute(delete(ReviewItem).where(ReviewItem.sample_id == sample_id))


def give_back(session: Session, sample_id: int) -> None:
    """Others may have it: it was skipped."""
    session.execute(
        update(ReviewItem)
        .where(ReviewItem.sample_id == sample_id)
        .values(leased_by=None, leased_until=None)
    )


def put_back(session: Session, sample: Sample, by: Principal) -> None:
    """The sample is the reviewer's next again: its decision was taken back."""
    first = session.scalar(
        select(func.min(ReviewItem.position)).where(ReviewItem.dataset_id == sample.dataset_id)
    )
    values = {
        "dataset_id": sample.dataset_id,
        "position": (first or 0) - 1,
        "leased_by": by.id,
        "leased_until": _until(),
        "random": False,
    }
    session.execute(
        insert(ReviewItem)
        .values(sample_id=sample.id, **values)
        .on_conflict_do_update(index_elements=["sample_id"], set_=values)
    )
