"""Whether a signal may be trusted: what the newest recorded calibration says, while it holds."""

from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.models import Role
from app.accounts.policies import Principal, require_role
from app.calibration.models import CalibrationRecord
from app.calibration.service import Report
from app.datasets.models import Dataset
from app.samples import registry


class Badge(StrEnum):
    """The three states of trust; what nobody compared with people is not calibrated."""

    CALIBRATED = "calibrated"
    NOT_CALIBRATED = "not calibrated"
    STALE = "stale"


def record(
    session: Session, dataset: Dataset, report: Report, *, by: Principal
) -> CalibrationRecord:
    """Keep what a comparison found; it holds until the signal is measured in another way."""
    require_role(by, Role.LEAD, "record a calibration")
    fingerprints = _fingerprints(session, dataset)
    found = report.calibration
    row = CalibrationRecord(
        dataset_id=dataset.id,
        signal=report.signal,
        fingerprint=fingerprints.get(report.signal, ""),
        against=report.against,
        labels=found.count,
        cut=report.cut,
        kappa=found.kappa.value,
        trusted=found.trusted,
        created_by=by.id,
    )
    session.add(row)
    session.flush()
    after = {"signal": row.signal, "kappa": row.kappa, "labels": row.labels, "cut": row.cut}
    audit.record(
        session,
        by,
        "calibration.record",
        ("calibration", row.id),
        dataset_id=dataset.id,
        after=after,
    )
    return row


def badges(session: Session, dataset: Dataset) -> Mapping[str, Badge]:
    """The badge of every signal that was ever compared with people here."""
    fingerprints = _fingerprints(session, dataset)
    query = select(CalibrationRecord).where(CalibrationRecord.dataset_id == dataset.id)
    newest = {row.signal: row for row in session.scalars(query.order_by(CalibrationRecord.id))}
    return {name: _badge(row, fingerprints.get(name, "")) for name, row in newest.items()}


def _badge(row: CalibrationRecord, fingerprint: str) -> Badge:
    if row.fingerprint != fingerprint:
        return Badge.STALE
    return Badge.CALIBRATED if row.trusted else Badge.NOT_CALIBRATED


def _fingerprints(session: Session, dataset: Dataset) -> dict[str, str]:
    return {one.name: one.fingerprint for one in registry.signals(session, dataset.id)}
