"""How many samples wait and how many were decided: counted seldom, kept up to date in between."""

import time
from dataclasses import dataclass

from sqlalchemy import and_, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.service import now
from app.review.models import Decision, ReviewQueue, ReviewTally, Verdict
from app.review.ordering import REVIEWABLE
from app.review.queue import wanted
from app.samples.models import Sample

# Counting is worth a hundredth of the time: a count that took 100 ms is good for 10 s. What costs
# less than this is counted every time.
_LASTS = 100
_CHEAP_MS = 20.0
_LOCK = 7_411_902_333_000_000  # any fixed number: one counts, the others take what was counted last


@dataclass(frozen=True, slots=True)
class Tally:
    """Samples that wait in a queue, and decisions of its dataset that stand, by verdict."""

    waiting: int
    decided: dict[Verdict, int]


def read(session: Session, queue: ReviewQueue) -> Tally:
    """The counts as they are now: exact where counting is cheap.

    Elsewhere the last count with the decisions since. What imports, rules and bulk actions changed
    meanwhile, and what was decided outside the queue's filter, comes right with the next count.
    """
    known = session.get(ReviewTally, queue.dataset_id, populate_existing=True)
    if known is not None and known.generation == queue.generation and not _old(known):
        return _since(session, known)
    locked = session.scalar(select(func.pg_try_advisory_xact_lock(_LOCK + queue.dataset_id)))
    if known is not None and not locked:
        return _since(session, known)
    counted = _count(session, queue)
    if locked:
        _remember(session, counted)
    return Tally(counted.waiting, _verdicts(counted.decided))


def _old(known: ReviewTally) -> bool:
    age_ms = (now() - known.counted_at).total_seconds() * 1000
    return known.took_ms < _CHEAP_MS or age_ms > known.took_ms * _LASTS


def _count(session: Session, queue: ReviewQueue) -> ReviewTally:
    begun, at = time.perf_counter(), now()
    last = select(func.coalesce(func.max(Decision.id), 0)).scalar_subquery()
    waiting, last_decision = session.execute(
        select(func.count(), last).select_from(Sample).where(wanted(session, queue))
    ).one()
    return ReviewTally(
        dataset_id=queue.dataset_id,
        generation=queue.generation,
        waiting=waiting,
        decided=_decided(session, queue.dataset_id, last_decision),
        last_decision=last_decision,
        counted_at=at,
        took_ms=(time.perf_counter() - begun) * 1000,
    )


def _decided(session: Session, dataset_id: int, last_decision: int) -> dict[str, int]:
    rows = session.execute(
        select(Decision.verdict, func.count())
        .where(
            Decision.dataset_id == dataset_id,
            Decision.id <= last_decision,
            Decision.undone_at.is_(None),
            Decision.verdict != Verdict.SKIP,
        )
        .group_by(Decision.verdict)
    )
    return {verdict.value: number for verdict, number in rows}


def _remember(session: Session, counted: ReviewTally) -> None:
    values = {
        column.name: getattr(counted, column.name) for column in ReviewTally.__table__.columns
    }
    session.execute(
        insert(ReviewTally)
        .values(**values)
        .on_conflict_do_update(index_elements=["dataset_id"], set_=values)
    )


def _since(session: Session, known: ReviewTally) -> Tally:
    """The last count, with the decisions made and taken back after it."""
    decided = _verdicts(known.decided)
    waiting = known.waiting
    for verdict, waited, change in _changes(session, known):
        decided[verdict] = max(decided.get(verdict, 0) + change, 0)
        waiting -= change if waited else 0
    return Tally(max(waiting, 0), decided)


def _changes(session: Session, known: ReviewTally) -> list[tuple[Verdict, bool, int]]:
    """Verdicts, whether the sample waited before, and how many more or fewer there are."""
    last = known.last_decision
    mine = and_(Decision.dataset_id == known.dataset_id, Decision.verdict != Verdict.SKIP)
    made = and_(mine, Decision.id > last, Decision.undone_at.is_(None))
    undone = and_(mine, Decision.id <= last, Decision.undone_at > known.counted_at)
    found = []
    for which, sign in ((made, 1), (undone, -1)):
        columns = (Decision.verdict, Decision.previous_status.in_(REVIEWABLE))
        rows = session.execute(select(*columns, func.count()).where(which).group_by(*columns))
        found += [(verdict, waited, sign * number) for verdict, waited, number in rows]
    return found


def _verdicts(stored: dict[str, int]) -> dict[Verdict, int]:
    return {Verdict(name): number for name, number in stored.items()}
