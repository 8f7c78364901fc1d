"""Language models that measured perplexity, by version."""

import uuid
from typing import Any

from sqlalchemy import ForeignKey, Identity, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, CreatedAt


class PerplexityModel(CreatedAt, Base):
    """What rows of a dataset were read by, and the band in which most of them lie.

    `model` names a transformer; without one, n-grams were counted in `trained_on` and lie in the
    file with this hash. `fingerprint` covers all that decides a score but the row itself.
    """

    __tablename__ = "perplexity_models"
    __table_args__ = (UniqueConstraint("dataset_id", "version"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    version: Mapped[int]
    model: Mapped[str]
    trained_on: Mapped[str]
    trained_where: Mapped[str]
    size: Mapped[int]
    trained_rows: Mapped[int]
    fingerprint: Mapped[str]
    file_sha256: Mapped[str]
    found: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    job_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    created_by: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL")
    )
