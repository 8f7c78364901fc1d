"""Carrying out an application of rules, or its undo, over a range of sample ids.

Each function may run twice over the same range and leaves the same catalog.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    REAL,
    ColumnElement,
    Select,
    Text,
    and_,
    case,
    cast,
    column,
    func,
    insert,
    literal,
    null,
    select,
    table,
    text,
    true,
)
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.rules.nodes import Node, render
from app.filtering.models import RuleApplication, RuleSet, RuleVersion
from app.filtering.service import enabled, standing
from app.samples.distribution import field_of, parts_of
from app.samples.models import OPEN, Sample, SampleDrop, Status
from app.samples.search import Schema, compiled, schema_of

_CHANGING = table("changing", column("id"), column("condition"), column("value"), column("detail"))
_EVENTS = """
INSERT INTO audit_events (actor_id, actor, action, object_type, object_id, dataset_id, sample_id,
                          before, after)
SELECT CAST(:actor_id AS uuid), :actor, :action, 'rule_application',
       CAST(:application AS text), s.dataset_id, s.id,
       jsonb_build_object('status', s.status), c.detail
FROM changing c JOIN samples s ON s.id = c.id ORDER BY s.id
"""
_DROP = """
INSERT INTO sample_drops (sample_id, application_id, condition, value, previous_status)
SELECT c.id, :application, c.condition, c.value, s.status
FROM changing c JOIN samples s ON s.id = c.id
ON CONFLICT (sample_id) DO NOTHING
"""
_SET_DROPPED = """
UPDATE samples SET status = 'dropped', changed_at = now() WHERE id IN (SELECT id FROM changing)
"""
_SET_BACK = """
UPDATE samples s SET status = d.previous_status, changed_at = now()
FROM changing c JOIN sample_drops d ON d.sample_id = c.id WHERE s.id = c.id
"""
_FORGET_DROP = "DELETE FROM sample_drops WHERE sample_id IN (SELECT id FROM changing)"
_KEEP_RESTORE = """
INSERT INTO rule_restores (application_id, sample_id, drop)
SELECT :application, d.sample_id, to_jsonb(d) - 'created_at'
FROM sample_drops d WHERE d.sample_id IN (SELECT id FROM changing)
ON CONFLICT DO NOTHING
"""
_DROP_AGAIN = """
INSERT INTO sample_drops (sample_id, application_id, condition, value, previous_status)
SELECT r.sample_id, (r.drop->>'application_id')::uuid, r.drop->>'condition',
       (r.drop->>'value')::real, (r.drop->>'previous_status')::sample_status
FROM rule_restores r WHERE r.application_id = :application
  AND r.sample_id IN (SELECT id FROM changing)
ON CONFLICT (sample_id) DO NOTHING
"""
_COUNT = """
UPDATE rule_applications SET dropped = dropped + :dropped, restored = restored + :restored
WHERE id = :application
"""


def apply_range(
    session: Session, application: RuleApplication, by: Principal, low: int, high: int
) -> None:
    """Drop what fails, bring back what an earlier version dropped and what passes now."""
    version = session.get_one(RuleVersion, application.version_id)
    rule_set = session.get_one(RuleSet, version.rule_set_id)
    schema = schema_of(session, rule_set.dataset_id)
    parts = [part for one in enabled(version.conditions) for part in parts_of(schema, one)]
    dropped = _drop(session, application, schema, parts, by, (low, high))
    restored = _restore(session, application, rule_set, schema, parts, by, (low, high))
    _hand_over(session, rule_set, schema, by)
    session.execute(
        text(_COUNT), {"dropped": dropped, "restored": restored, "application": application.id}
    )


def _drop(
    session: Session,
    application: RuleApplication,
    schema: Schema,
    parts: Sequence[Node],
    by: Principal,
    ids: tuple[int, int] | list[int],
) -> int:
    number = _failing(schema, parts)
    among = Sample.id.between(*ids) if isinstance(ids, tuple) else Sample.id.in_(ids)
    words, value = _reason(schema, parts, number)
    rows = select(
        Sample.id,
        words.label("condition"),
        value.label("value"),
        func.jsonb_build_object("status", "dropped", "condition", words, "value", value).label(
            "detail"
        ),
    ).where(
        Sample.dataset_id == schema.dataset_id,
        among,
        Sample.status.in_(OPEN),
        Sample.kept.is_(False),
        number > 0,
    )
    count = _collect(session, rows)
    _write(session, application, by, "rules.drop", (_EVENTS, _DROP, _SET_DROPPED))
    return count


def _failing(schema: Schema, parts: Sequence[Node]) -> ColumnElement[int]:
    """The 1-based number of the first condition that is false; 0 for none, -1 where unknown.

    Most rows of a good filter meet all conditions: asked for first, those cost one look at each.
    """
    if not parts:
        return literal(0)
    tests = [compiled(schema, part) for part in parts]
    whens = [(test.is_(False), literal(number)) for number, test in enumerate(tests, start=1)]
    return case((and_(true(), *tests), 0), *whens, else_=-1)


def _reason(
    schema: Schema, parts: Sequence[Node], number: ColumnElement[int]
) -> tuple[ColumnElement[str], ColumnElement[Any]]:
    """The words of the condition that failed first, and the value it saw."""
    words, values = [], []
    for position, part in enumerate(parts, start=1):
        words.append((number == position, literal(render(part), Text)))
        field = field_of(part)
        if field is not None and schema.fields[field].type == "number":
            values.append((number == position, cast(schema.columns[field], REAL)))
    value = case(*values, else_=null()) if values else cast(null(), REAL)
    return case(*words, else_=literal("", Text)), value


def _restore(
    session: Session,
    application: RuleApplication,
    rule_set: RuleSet,
    schema: Schema,
    parts: Sequence[Node],
    by: Principal,
    ids: tuple[int, int],
) -> int:
    ours = (
        select(RuleApplication.id)
        .join(RuleVersion, RuleVersion.id == RuleApplication.version_id)
        .where(RuleVersion.rule_set_id == rule_set.id, RuleApplication.id != application.id)
    )
    rows = (
        select(
            Sample.id,
            literal("", Text).label("condition"),
            cast(null(), REAL).label("value"),
            func.jsonb_build_object("status", SampleDrop.previous_status).label("detail"),
        )
        .join(SampleDrop, SampleDrop.sample_id == Sample.id)
        .where(
            Sample.dataset_id == schema.dataset_id,
            Sample.id.between(*ids),
            Sample.status == Status.DROPPED,
            SampleDrop.application_id.in_(ours),
            _failing(schema, parts) <= 0,
        )
    )
    count = _collect(session, rows)
    steps = (_EVENTS, _KEEP_RESTORE, _SET_BACK, _FORGET_DROP)
    _write(session, application, by, "rules.restore", steps)
    return count


def _hand_over(session: Session, rule_set: RuleSet, schema: Schema, by: Principal) -> None:
    """Rows that came back just now and fail another rule set that stands are dropped by that one.

    A row is dropped by one rule at a time; without this, undoing one set would let rows through
    that another one refuses.
    """
    ids = list(session.scalars(text("SELECT id FROM changing")))
    others = select(RuleSet).where(
        RuleSet.dataset_id == rule_set.dataset_id, RuleSet.id != rule_set.id
    )
    for other in session.scalars(others).all() if ids else ():
        latest = standing(session, other)
        if latest is not None:
            version = session.get_one(RuleVersion, latest.version_id)
            parts = [part for one in enabled(version.conditions) for part in parts_of(schema, one)]
            _drop(session, latest, schema, parts, by, ids)


def undo_range(
    session: Session, application: RuleApplication, by: Principal, low: int, high: int
) -> None:
    """Bring back the rows that the application dropped, drop again those that it brought back.

    Rows that somebody restored or decided on meanwhile stay as they are.
    """
    mine = _undone_rows(SampleDrop.previous_status).join(
        SampleDrop, and_(SampleDrop.sample_id == Sample.id)
    )
    dropped_here = mine.where(
        SampleDrop.application_id == application.id,
        Sample.status == Status.DROPPED,
        Sample.id.between(low, high),
    )
    _collect(session, dropped_here)
    _write(session, application, by, "rules.undo", (_EVENTS, _SET_BACK, _FORGET_DROP))
    version = session.get_one(RuleVersion, application.version_id)
    rule_set = session.get_one(RuleSet, version.rule_set_id)
    _hand_over(session, rule_set, schema_of(session, rule_set.dataset_id), by)
    session.execute(text("TRUNCATE changing"))
    session.execute(
        text(
            "INSERT INTO changing SELECT r.sample_id, '', NULL, "
            "jsonb_build_object('status', 'dropped', 'condition', r.drop->>'condition') "
            "FROM rule_restores r JOIN samples s ON s.id = r.sample_id "
            "WHERE r.application_id = :application AND s.id BETWEEN :low AND :high "
            "AND s.status IN ('pending', 'in_review') AND NOT s.kept"
        ),
        {"application": application.id, "low": low, "high": high},
    )
    _write(session, application, by, "rules.undo", (_EVENTS, _DROP_AGAIN, _SET_DROPPED))


def _undone_rows(status: Any) -> Select[Any, Any, Any, Any]:
    return select(
        Sample.id,
        literal("", Text).label("condition"),
        cast(null(), REAL).label("value"),
        func.jsonb_build_object("status", status).label("detail"),
    )


def _collect(session: Session, rows: Select[Any, Any, Any, Any]) -> int:
    """Put the rows to change aside, and lock them."""
    session.execute(
        text(
            "CREATE TEMPORARY TABLE IF NOT EXISTS changing "
            "(id bigint PRIMARY KEY, condition text, value real, detail jsonb) "
            "ON COMMIT DELETE ROWS"
        )
    )
    session.execute(text("TRUNCATE changing"))
    # Rows are taken in the order of their ids, so that two workers or a reviewer never wait for
    # each other in a circle.
    held = rows.order_by(Sample.id).with_for_update(of=Sample)
    found = session.execute(
        insert(_CHANGING).from_select(list(_CHANGING.columns.keys()), held),
        execution_options={"preserve_rowcount": True},
    )
    return int(found.rowcount)  # type: ignore[attr-defined]


def _write(
    session: Session,
    application: RuleApplication,
    by: Principal,
    action: str,
    steps: Sequence[str],
) -> None:
    params = {
        "application": application.id,
        "actor_id": by.id,
        "actor": by.email,
        "action": action,
    }
    for step in steps:
        session.execute(text(step), params)
