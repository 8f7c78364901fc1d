"""Whether a signal may be trusted: what the newest recorded calibration says, while it holds."""

from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import InvalidError
from app.samples import registry
from app.samples.search import Schema, parsed
from app.samples.truth import columns_for
from app.scoring.models import CalibrationRecord


class Badge(StrEnum):
    """The three states of trust; what nobody compared with people is not calibrated."""

    CALIBRATED = "calibrated"
    NOT_CALIBRATED = "not calibrated"
    STALE = "stale"


# What imitates a person's verdict; other signals count something and need no trust.
JUDGING = ("judge", "learned")


def badges(session: Session, dataset_id: int) -> Mapping[str, Badge]:
    """The badge of every signal that judges, and of those that were compared with people."""
    signals = {one.name: one for one in registry.signals(session, dataset_id)}
    query = select(CalibrationRecord).where(CalibrationRecord.dataset_id == dataset_id)
    newest = {row.signal: row for row in session.scalars(query.order_by(CalibrationRecord.id))}
    found = {name: Badge.NOT_CALIBRATED for name, one in signals.items() if one.key in JUDGING}
    for name, row in newest.items():
        if name in signals:
            found[name] = _badge(row, signals[name].fingerprint)
    return found


def cuts(session: Session, dataset_id: int) -> Mapping[str, float]:
    """The threshold of every signal that was compared with people, by the newest comparison."""
    query = select(CalibrationRecord.signal, CalibrationRecord.cut)
    mine = query.where(CalibrationRecord.dataset_id == dataset_id)
    return dict(session.execute(mine.order_by(CalibrationRecord.id)).all())


def named_in(
    schema: Schema, expression: str, known: Mapping[str, Badge]
) -> list[tuple[str, Badge]]:
    """The signals in an expression that judge, with their badges; none where it can't be read."""
    try:
        names = columns_for(schema, parsed(schema, expression))
    except InvalidError:
        return []
    return [(name, known[name]) for name in sorted(names) if name in known]


def _badge(row: CalibrationRecord, fingerprint: str) -> Badge:
    if row.fingerprint != fingerprint:
        return Badge.STALE
    return Badge.CALIBRATED if row.trusted else Badge.NOT_CALIBRATED
