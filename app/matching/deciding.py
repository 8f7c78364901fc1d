"""What becomes of duplicates: dropped for one that stays, or said to be none; and back."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.accounts.policies import Principal, require_role
from app.accounts.service import now
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError, NotFoundError
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind
from app.matching import marking, service
from app.matching.models import MatchException, MatchRun
from app.samples import bulk
from app.samples.models import BulkAction, BulkItem
from app.sources.models import Source

AT_ONCE = 2000  # samples that are changed while somebody waits
_ALL = (0, 2**63 - 1)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Members of clusters: those alike enough, with a source among them, of some clusters."""

    run: str
    least: float = 0.0
    source: int | None = None
    clusters: Sequence[int] | None = None


# What people decided, restored or edited since stays, and so does what others were dropped for.
_MEMBERS = """
FROM match_members m JOIN match_clusters c ON c.id = m.cluster_id
JOIN samples s ON s.id = m.sample_id JOIN samples k ON k.id = c.keeper_id
WHERE c.run_id = CAST(:run AS uuid) AND m.similarity >= CAST(:least AS real)
  AND s.dataset_id = :dataset AND s.id BETWEEN :low AND :high
  AND (CAST(:source AS int) IS NULL OR c.source_ids @> ARRAY[CAST(:source AS int)])
  AND (CAST(:clusters AS bigint[]) IS NULL OR c.id = ANY(CAST(:clusters AS bigint[])))
  AND NOT EXISTS (
    SELECT 1 FROM match_exceptions e JOIN bulk_actions b ON b.id = e.action_id
    WHERE e.low_id = least(k.id, s.id) AND e.high_id = greatest(k.id, s.id)
      AND b.undone_at IS NULL)
"""
_DROPPABLE = """
  AND s.status IN ('pending', 'in_review') AND NOT s.kept AND s.revision = m.revision
  AND k.revision = c.keeper_revision AND k.status NOT IN ('dropped', 'rejected')
  AND NOT EXISTS (SELECT 1 FROM sample_drops d WHERE d.matched_id = s.id)
"""
_COLLECT = f"""
CREATE TEMPORARY TABLE going ON COMMIT DROP AS
SELECT s.id, k.id AS matched, m.similarity, s.status AS previous {_MEMBERS} {_DROPPABLE}
ORDER BY s.id FOR UPDATE OF s
"""
_STEPS = (
    """
INSERT INTO audit_events (actor_id, actor, action, object_type, object_id, dataset_id, sample_id,
                          before, after)
SELECT CAST(:actor_id AS uuid), :actor, 'match.drop', 'bulk_action', CAST(:action AS text),
       :dataset, g.id, jsonb_build_object('status', g.previous),
       jsonb_build_object('status', 'dropped', 'matched', g.matched, 'external_id', k.external_id,
                          'similarity', g.similarity, 'method', CAST(:method AS text))
FROM going g JOIN samples k ON k.id = g.matched ORDER BY g.id
""",
    """
INSERT INTO bulk_items (action_id, sample_id, previous_status)
SELECT CAST(:action AS uuid), id, previous FROM going ON CONFLICT DO NOTHING
""",
    """
INSERT INTO sample_drops (sample_id, condition, value, previous_status, matched_id, action_id)
SELECT id, :method, similarity, previous, matched, CAST(:action AS uuid) FROM going
ON CONFLICT (sample_id) DO NOTHING
""",
    """
UPDATE samples SET status = 'dropped', changed_at = now() WHERE id IN (SELECT id FROM going)
""",
)
_BACK = """
CREATE TEMPORARY TABLE going ON COMMIT DROP AS
SELECT s.id, d.previous_status AS previous FROM sample_drops d JOIN samples s ON s.id = d.sample_id
WHERE d.action_id = CAST(:action AS uuid) AND s.status = 'dropped' AND s.id BETWEEN :low AND :high
ORDER BY s.id FOR UPDATE OF s
"""
_BACK_STEPS = (
    """
INSERT INTO audit_events (actor_id, actor, action, object_type, object_id, dataset_id, sample_id,
                          before, after)
SELECT CAST(:actor_id AS uuid), :actor, 'match.undo', 'bulk_action', CAST(:action AS text),
       :dataset, id, jsonb_build_object('status', 'dropped'),
       jsonb_build_object('status', previous)
FROM going ORDER BY id
""",
    """
UPDATE samples s SET status = g.previous, changed_at = now() FROM going g WHERE g.id = s.id
""",
    "DELETE FROM sample_drops WHERE sample_id IN (SELECT id FROM going)",
)
_DISMISS = f"""
INSERT INTO match_exceptions (low_id, high_id, action_id)
SELECT DISTINCT least(k.id, s.id), greatest(k.id, s.id), CAST(:action AS uuid) {_MEMBERS}
ON CONFLICT (low_id, high_id) DO UPDATE SET action_id = excluded.action_id
"""


def chosen(
    session: Session,
    run: MatchRun,
    *,
    least: float = 0.0,
    source: str = "",
    clusters: Sequence[int] | None = None,
) -> Chosen:
    """The members that a filter chooses; refuses a source that there is not."""
    number = None
    if source:
        number = session.scalar(select(Source.id).where(Source.name == source))
        if number is None:
            raise InvalidError(f"There is no source {source}.")
    return Chosen(str(run.id), least, number, list(clusters) if clusters is not None else None)


def count(session: Session, dataset_id: int, what: Chosen, *, droppable: bool = True) -> int:
    """How many samples would go, or are in the clusters that are meant."""
    query = f"SELECT count(DISTINCT s.id) {_MEMBERS} {_DROPPABLE if droppable else ''}"
    return int(session.execute(text(query), _params(dataset_id, what, _ALL)).scalar_one())


def start(
    session: Session, dataset: Dataset, action: str, what: Chosen, *, by: Principal
) -> tuple[BulkAction, Job | None]:
    """Drop what is chosen, or say that it is no duplicate: at once where it is little, as a job.

    Of the samples of a cluster one stays. Nothing is deleted and all of it can be undone.
    """
    require_role(by, Role.LEAD, "decide on duplicates")
    run = session.get_one(MatchRun, uuid.UUID(what.run))
    _refuse_busy(session, dataset, run.matcher)
    row = BulkAction(
        dataset_id=dataset.id, created_by=by.id, action=action, argument=run.matcher, where=""
    )
    session.add(row)
    session.flush()
    size = count(session, dataset.id, what, droppable=action == bulk.DROP_DUPLICATES)
    if size <= AT_ONCE:
        row.affected = apply_range(session, row, what, by, *_ALL)
        marking.mark(session, dataset.id)
        return row, None
    verb = "Drop" if action == bulk.DROP_DUPLICATES else "No duplicates:"
    job = jobs.start(
        session,
        JobKind.DEDUPLICATE,
        f"{verb} {size:,} samples by {run.matcher}",
        by=by,
        dataset_id=dataset.id,
        params={"action": str(row.id), "undo": False, "chosen": asdict(what), "size": size},
    )
    row.job_id = job.id
    return row, job


def _refuse_busy(session: Session, dataset: Dataset, matcher: str) -> None:
    if jobs.open_jobs(session, dataset.id, JobKind.DEDUPLICATE):
        raise ConflictError("Duplicates of this dataset are being changed right now.")
    searches = jobs.open_jobs(session, dataset.id, JobKind.MATCH)
    if any(job.params["matcher"] == matcher for job in searches):
        raise ConflictError(
            f"`{matcher}` is looking for duplicates here right now. Decide on what it finds."
        )


def latest(session: Session, dataset_id: int) -> BulkAction | None:
    """The newest decision on duplicates that changed something and stands."""
    query = select(BulkAction).where(
        BulkAction.dataset_id == dataset_id,
        BulkAction.action.in_((bulk.DROP_DUPLICATES, bulk.NOT_DUPLICATES)),
        BulkAction.undone_at.is_(None),
        BulkAction.affected > 0,
    )
    return session.scalar(query.order_by(BulkAction.created_at.desc()).limit(1))


def undo(session: Session, dataset: Dataset, *, by: Principal) -> tuple[BulkAction, Job | None]:
    """Take the newest decision on duplicates back."""
    require_role(by, Role.LEAD, "decide on duplicates")
    row = latest(session, dataset.id)
    if row is None:
        raise NotFoundError("There is no decision on duplicates here that could be taken back.")
    _refuse_busy(session, dataset, row.argument)
    if row.affected > AT_ONCE:
        return row, bulk.undo(session, row.id, by=by)
    undo_range(session, row, by, *_ALL)
    row.undone_at = now()
    session.flush()
    marking.mark(session, dataset.id)
    return row, None


def apply_range(
    session: Session, row: BulkAction, what: Chosen, by: Principal, low: int, high: int
) -> int:
    """Do it for samples of a range; how many. Run twice it changes nothing more."""
    run = session.get(MatchRun, uuid.UUID(what.run))
    if run is None:
        raise ConflictError("A newer run took the place of this one. Look at what it found.")
    params = _params(row.dataset_id, what, (low, high)) | _who(row, by)
    if row.action == bulk.NOT_DUPLICATES:
        done = session.execute(text(_DISMISS), params)
        return int(done.rowcount)  # type: ignore[attr-defined]
    matcher = service.matcher_of(run.matcher, run.params)
    params["method"] = f"{matcher.title}, {matcher.measure}"
    return _carried_out(session, _COLLECT, _STEPS, params)


def undo_range(session: Session, row: BulkAction, by: Principal, low: int, high: int) -> int:
    """Take it back for samples of a range, where it stands still."""
    params = {"dataset": row.dataset_id, "low": low, "high": high} | _who(row, by)
    if row.action == bulk.NOT_DUPLICATES:
        query = delete(MatchException).where(
            MatchException.action_id == row.id, MatchException.high_id.between(low, high)
        )
        return int(session.execute(query).rowcount)  # type: ignore[attr-defined]
    return _carried_out(session, _BACK, _BACK_STEPS, params)


def affected(session: Session, row: BulkAction) -> int:
    """How many samples, or pairs, it changed: counted anew, as chunks may have run twice."""
    table = BulkItem if row.action == bulk.DROP_DUPLICATES else MatchException
    query = select(func.count()).select_from(table).where(table.action_id == row.id)
    return session.scalar(query) or 0


def _carried_out(
    session: Session, collect: str, steps: Sequence[str], params: Mapping[str, Any]
) -> int:
    session.execute(text("DROP TABLE IF EXISTS going"))
    session.execute(text(collect), params)
    for step in steps:
        session.execute(text(step), params)
    return int(session.execute(text("SELECT count(*) FROM going")).scalar_one())


def _params(dataset_id: int, what: Chosen, ids: tuple[int, int]) -> dict[str, Any]:
    return {
        "run": what.run,
        "least": what.least,
        "source": what.source,
        "clusters": what.clusters,
        "dataset": dataset_id,
        "low": ids[0],
        "high": ids[1],
    }


def _who(row: BulkAction, by: Principal) -> dict[str, Any]:
    return {"action": str(row.id), "actor_id": by.id, "actor": by.email}
