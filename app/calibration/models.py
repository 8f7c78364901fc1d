"""Calibrations that were recorded."""

import uuid

from sqlalchemy import ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, CreatedAt


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
