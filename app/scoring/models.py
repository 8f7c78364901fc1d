"""What stands behind a score: rationale, marked places, raw replies, agreement with people."""

import uuid
from typing import Any

from sqlalchemy import ForeignKey, Identity, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, CreatedAt


class ScoreNote(CreatedAt, Base):
    """The rationale of one score of one sample."""

    __tablename__ = "score_notes"
    __table_args__ = (Index(None, "signal_id"),)

    sample_id: Mapped[int] = mapped_column(
        ForeignKey("samples.id", ondelete="CASCADE"), primary_key=True
    )
    signal_id: Mapped[int] = mapped_column(
        ForeignKey("dataset_signals.id", ondelete="CASCADE"), primary_key=True
    )
    revision: Mapped[int] = mapped_column(default=1)
    note: Mapped[str] = mapped_column(default="")
    spans: Mapped[list[list[int]]] = mapped_column(JSONB, default=list)
    raw: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


class CalibrationRecord(CreatedAt, Base):
    """What a comparison with people found, for the signal as its fingerprint tells it."""

    __tablename__ = "calibrations"
    __table_args__ = (Index(None, "dataset_id", "signal"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    signal: Mapped[str]
    fingerprint: Mapped[str]
    against: Mapped[str]
    labels: Mapped[int]
    cut: Mapped[float]
    kappa: Mapped[float]
    trusted: Mapped[bool]
    created_by: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL")
    )
