"""What stands behind a score: rationale, marked places, raw replies."""

from typing import Any

from sqlalchemy import ForeignKey, Index
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
