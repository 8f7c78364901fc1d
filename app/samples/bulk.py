"""One action on all matches of a filter: confirmed with its count, done as a job, undoable."""

import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import ColumnElement, and_, func, select, text
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.datasets.models import Dataset
from app.errors import ConflictError, InvalidError, NotFoundError
from app.jobs import service as jobs
from app.jobs.models import Job, JobKind
from app.samples import policies
from app.samples.models import BulkAction, Sample, Status
from app.samples.search import condition


class Action(StrEnum):
    """What can be done with all matches."""

    APPROVE = "approve"
    REJECT = "reject"
    TO_REVIEW = "to_review"
    QUARANTINE = "quarantine"
    TAG = "tag"
    UNTAG = "untag"


# Masking changes texts, which takes a job of its own; it is kept and undone as a bulk action.
MASK = "mask"
# So do duplicates: what goes is chosen by what a matcher found, not by a filter alone.
DROP_DUPLICATES = "drop_duplicates"
NOT_DUPLICATES = "not_duplicates"
# And pairs of answers that a run built.
PAIRS = "preference_pairs"
_KINDS = {
    MASK: JobKind.MASK,
    DROP_DUPLICATES: JobKind.DEDUPLICATE,
    NOT_DUPLICATES: JobKind.DEDUPLICATE,
    PAIRS: JobKind.PAIR,
}

_STATUS = {
    Action.APPROVE: Status.APPROVED,
    Action.REJECT: Status.REJECTED,
    Action.TO_REVIEW: Status.IN_REVIEW,
    Action.QUARANTINE: Status.QUARANTINED,
}


@dataclass(frozen=True, slots=True)
class Count:
    """How many samples match, and how many of them the action would change."""

    matches: int
    changes: int


def affected(action: Action, argument: str) -> ColumnElement[bool]:
    """The samples an action changes: not those that are so already, not what a rule dropped."""
    if action in _STATUS:
        return and_(Sample.status != _STATUS[action], Sample.status != Status.DROPPED)
    tagged = func.coalesce(Sample.tags.contains([argument]), False)
    return ~tagged if action is Action.TAG else tagged


def count(
    session: Session, dataset: Dataset, action: Action, *, where: str, argument: str = ""
) -> Count:
    """What the page asks to confirm."""
    wanted = condition(session, dataset.id, where)
    matches, changes = session.execute(
        select(func.count(), func.count().filter(affected(action, argument))).where(wanted)
    ).one()
    return Count(matches, changes)


def start(
    session: Session,
    dataset: Dataset,
    action: Action,
    *,
    where: str,
    confirmed: int | None,
    by: Principal,
    argument: str = "",
) -> Job:
    """Start the job; refuses when the count is no longer the one that was confirmed, if any was."""
    policies.may_bulk(by)
    argument = argument.strip()
    if action in {Action.TAG, Action.UNTAG} and not argument:
        raise InvalidError("Which tag? Give it a name.")
    changes = count(session, dataset, action, where=where, argument=argument).changes
    if confirmed is not None and changes != confirmed:
        raise ConflictError(
            f"It would change {changes:,} samples now, not the {confirmed:,} you confirmed. "
            "Look again and confirm the new count.",
            count=changes,
        )
    row = BulkAction(
        dataset_id=dataset.id,
        created_by=by.id,
        action=action,
        argument=argument,
        where=where,
    )
    session.add(row)
    session.flush()
    named = f"{action.replace('_', ' ').capitalize()}{' ' + argument if argument else ''}"
    job = jobs.start(
        session,
        JobKind.BULK,
        f"{named}: {changes:,} samples",
        by=by,
        dataset_id=dataset.id,
        params={"action": str(row.id), "undo": False},
    )
    row.job_id = job.id
    return job


def undo(session: Session, action_id: uuid.UUID, *, by: Principal) -> Job:
    """Take a bulk action back, in a job: what it changed and what stands so still."""
    policies.may_bulk(by)
    row = get(session, action_id)
    kind = _KINDS.get(row.action, JobKind.BULK)
    busy = jobs.open_jobs(session, row.dataset_id, kind)
    if row.undone_at is not None or any(job.params["action"] == str(row.id) for job in busy):
        raise ConflictError("This was taken back already, or is being changed right now.")
    return jobs.start(
        session,
        kind,
        f"Undo {row.action.replace('_', ' ')}: {row.affected:,} samples",
        by=by,
        dataset_id=row.dataset_id,
        params={"action": str(row.id), "undo": True, **_covered(row)},
    )


def _covered(row: BulkAction) -> dict[str, Any]:
    """What reads the samples of a job by its params has to find: all of the dataset."""
    return {"dataset_id": row.dataset_id, "where": ""} if row.action == MASK else {}


def get(session: Session, action_id: uuid.UUID) -> BulkAction:
    """The bulk action with this id."""
    row = session.get(BulkAction, action_id)
    if row is None:
        raise NotFoundError(f"There is no bulk action {action_id}.")
    return row


def latest(session: Session, dataset_id: int) -> BulkAction | None:
    """The newest bulk action that changed something and stands."""
    query = select(BulkAction).where(
        BulkAction.dataset_id == dataset_id,
        BulkAction.undone_at.is_(None),
        BulkAction.affected > 0,
    )
    return session.scalar(query.order_by(BulkAction.created_at.desc()).limit(1))


# --- one range of ids, in the job -------------------------------------------------------------

_EVENTS = """
INSERT INTO audit_events (actor_id, actor, action, object_type, object_id, dataset_id, sample_id,
                          before, after)
SELECT CAST(:actor_id AS uuid), :actor, :event, 'bulk_action', CAST(:id AS text), s.dataset_id,
       s.id, jsonb_build_object('status', s.status), CAST(:after AS jsonb)
FROM bulk_items b JOIN samples s ON s.id = b.sample_id
WHERE b.action_id = :id AND s.id BETWEEN :low AND :high {still} ORDER BY s.id
"""
_SET = {
    "status": "status = CAST(:argument AS sample_status)",
    "tag": "tags = coalesce(tags, '{}') || CAST(:argument AS text)",
    "untag": "tags = nullif(array_remove(tags, CAST(:argument AS text)), '{}')",
}
_STILL = {
    "status": "AND s.status = CAST(:argument AS sample_status)",
    "tag": "AND coalesce(s.tags, '{}') @> ARRAY[CAST(:argument AS text)]",
    "untag": "AND NOT coalesce(s.tags, '{}') @> ARRAY[CAST(:argument AS text)]",
}


def _form(row: BulkAction) -> tuple[str, str]:
    action = Action(row.action)
    return ("status", _STATUS[action]) if action in _STATUS else (action.value, row.argument)


def apply_range(session: Session, row: BulkAction, by: Principal, low: int, high: int) -> int:
    """Change the samples of a range; how many. Run twice it changes nothing more."""
    wanted = condition(session, row.dataset_id, row.where)
    held = (
        select(Sample.id, Sample.status)
        .where(wanted, affected(Action(row.action), row.argument), Sample.id.between(low, high))
        .order_by(Sample.id)
        .with_for_update()
    )
    found = session.execute(held).all()
    if not found:
        return 0
    ids = [sample_id for sample_id, _ in found]
    session.execute(
        text(
            "INSERT INTO bulk_items (action_id, sample_id, previous_status) "
            "SELECT :id, n.id, n.status::sample_status FROM "
            "unnest(CAST(:ids AS bigint[]), CAST(:statuses AS text[])) AS n(id, status) "
            "ON CONFLICT DO NOTHING"
        ),
        {"id": row.id, "ids": ids, "statuses": [status for _, status in found]},
    )
    form, argument = _form(row)
    params = _params(row, by, low, high, argument)
    params |= {"event": f"bulk.{row.action}", "after": _after(row)}
    session.execute(text(_EVENTS.format(still="")), params)
    session.execute(
        text(
            f"UPDATE samples SET {_SET[form]}, changed_at = now() "  # noqa: S608 - our own words
            "WHERE id = ANY(CAST(:ids AS bigint[]))"
        ),
        {"argument": argument, "ids": ids},
    )
    return len(ids)


def undo_range(session: Session, row: BulkAction, by: Principal, low: int, high: int) -> int:
    """Take the action back in a range, where what it did still stands."""
    form, argument = _form(row)
    params = _params(row, by, low, high, argument)
    params |= {"event": "bulk.undo", "after": _after(row)}
    backwards = {
        "status": "status = b.previous_status",
        "tag": f"{_SET['untag']}",
        "untag": f"{_SET['tag']}",
    }
    session.execute(text(_EVENTS.format(still=_STILL[form])), params)
    done = session.execute(
        text(
            f"UPDATE samples s SET {backwards[form]}, changed_at = now() "  # noqa: S608
            "FROM bulk_items b WHERE b.sample_id = s.id AND b.action_id = :id "
            f"AND s.id BETWEEN :low AND :high {_STILL[form]}"
        ),
        params,
    )
    return int(done.rowcount)  # type: ignore[attr-defined]


def _params(row: BulkAction, by: Principal, low: int, high: int, argument: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "actor_id": by.id,
        "actor": by.email,
        "low": low,
        "high": high,
        "argument": argument,
    }


def _after(row: BulkAction) -> str:
    form, argument = _form(row)
    return orjson.dumps({form: argument}).decode()


def matching_or(where: str, ids: list[int]) -> str:
    """The filter for chosen rows: their ids, or the whole search."""
    return f"id:{','.join(str(one) for one in ids)}" if ids else where
