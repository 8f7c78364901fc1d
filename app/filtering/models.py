"""Rule sets, their versions, and each time one was applied."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, CreatedAt


class RuleSet(CreatedAt, Base):
    """A named filter of a dataset; what it says is in its versions."""

    __tablename__ = "rule_sets"
    __table_args__ = (UniqueConstraint("dataset_id", "name"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    name: Mapped[str]


class RuleVersion(CreatedAt, Base):
    """Conditions a row must meet to be kept, in the filter grammar; never changed once applied.

    `conditions` is a list of {expression, enabled}.
    """

    __tablename__ = "rule_versions"
    __table_args__ = (UniqueConstraint("rule_set_id", "number"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    rule_set_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("rule_sets.id", ondelete="CASCADE"))
    number: Mapped[int]
    conditions: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    created_by: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL")
    )


class RuleApplication(CreatedAt, Base):
    """One run of a version over its dataset; undo takes back exactly its items."""

    __tablename__ = "rule_applications"
    __table_args__ = (Index(None, "version_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    version_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("rule_versions.id", ondelete="CASCADE")
    )
    job_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    created_by: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL")
    )
    dropped: Mapped[int] = mapped_column(default=0)
    restored: Mapped[int] = mapped_column(default=0)
    applied_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]


class RuleRestore(Base):
    """A row that an application brought back, with the drop it had; undo drops it again."""

    __tablename__ = "rule_restores"
    __table_args__ = (Index(None, "sample_id"),)

    application_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("rule_applications.id", ondelete="CASCADE"), primary_key=True
    )
    sample_id: Mapped[int] = mapped_column(
        ForeignKey("samples.id", ondelete="CASCADE"), primary_key=True
    )
    drop: Mapped[dict[str, Any]] = mapped_column(JSONB)
