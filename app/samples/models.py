"""The catalog: a narrow row per sample, its bodies by revision, its signals' slots."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    REAL,
    BigInteger,
    CheckConstraint,
    Enum,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.curation.records import Kind, Origin
from app.db import Base, CreatedAt
from app.sources.models import OriginColumn


class Status(StrEnum):
    """Where a sample stands."""

    PENDING = "pending"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    REJECTED = "rejected"
    DROPPED = "dropped"
    QUARANTINED = "quarantined"


# Nobody has decided on these, so rules may drop them.
OPEN = (Status.PENDING, Status.IN_REVIEW)

KindColumn = Enum(
    Kind, name="sample_kind", values_callable=lambda members: [item.value for item in members]
)
StatusColumn = Enum(
    Status, name="sample_status", values_callable=lambda members: [item.value for item in members]
)

# to_tsvector refuses more than 1 MB of words; longer texts are searched in their beginning.
SEARCHED_CHARS = 200_000


class Sample(Base):
    """One sample: what filters, facets and sorting need, and nothing else.

    `scores` holds one value per slot of dataset_signals, null where not measured. `kept` says that
    a person brought the row back: rules leave it alone.
    """

    __tablename__ = "samples"
    __table_args__ = (
        UniqueConstraint("dataset_id", "content_hash"),
        Index(
            "uq_samples_external_id",
            "dataset_id",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        Index(None, "dataset_id", "status", "id"),
        Index(None, "dataset_id", "id"),
    )

    # Postgres reads a row up to the last column asked for: what filters read stands first.
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"))
    revision: Mapped[int] = mapped_column(default=1)
    chars: Mapped[int]
    words: Mapped[int]
    status: Mapped[Status] = mapped_column(StatusColumn, default=Status.PENDING)
    kind: Mapped[Kind] = mapped_column(KindColumn)
    origin: Mapped[Origin] = mapped_column(OriginColumn)
    kept: Mapped[bool] = mapped_column(default=False)
    scores: Mapped[list[float | None] | None] = mapped_column(ARRAY(REAL))
    domain: Mapped[str | None]
    language: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    line: Mapped[int | None] = mapped_column(BigInteger)
    import_id: Mapped[uuid.UUID | None]
    external_id: Mapped[str | None]
    content_hash: Mapped[bytes] = mapped_column(LargeBinary)
    tags: Mapped[list[str] | None] = mapped_column(ARRAY(Text))


class SampleBody(CreatedAt, Base):
    """The content of one revision; `text` is all its words, for search and for lists."""

    __tablename__ = "sample_bodies"
    __table_args__ = (
        Index(
            "ix_sample_bodies_search",
            func.to_tsvector(
                text("'simple'::regconfig"), func.left(text("text"), text(str(SEARCHED_CHARS)))
            ),
            postgresql_using="gin",
        ),
    )

    sample_id: Mapped[int] = mapped_column(
        ForeignKey("samples.id", ondelete="CASCADE"), primary_key=True
    )
    revision: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    sample_metadata: Mapped[dict[str, Any]] = mapped_column("metadata", JSONB, default=dict)
    text: Mapped[str]
    content_hash: Mapped[bytes] = mapped_column(LargeBinary)
    author_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    reason: Mapped[str] = mapped_column(default="")


class SampleParent(Base):
    """A sample was made from another one."""

    __tablename__ = "sample_parents"
    __table_args__ = (Index(None, "parent_id"),)

    child_id: Mapped[int] = mapped_column(
        ForeignKey("samples.id", ondelete="CASCADE"), primary_key=True
    )
    parent_id: Mapped[int] = mapped_column(
        ForeignKey("samples.id", ondelete="CASCADE"), primary_key=True
    )
    relation: Mapped[str]


class SampleDrop(CreatedAt, Base):
    """Why a sample is dropped now: by which application of which rule, with which value.

    A duplicate has no application: it names the sample that it matched, `value` is how closely,
    and the bulk action that dropped it.
    """

    __tablename__ = "sample_drops"
    __table_args__ = (
        Index(None, "application_id"),
        Index(None, "action_id"),
        Index(None, "matched_id"),
    )

    sample_id: Mapped[int] = mapped_column(
        ForeignKey("samples.id", ondelete="CASCADE"), primary_key=True
    )
    application_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("rule_applications.id", ondelete="CASCADE")
    )
    condition: Mapped[str]
    value: Mapped[float | None] = mapped_column(REAL)
    previous_status: Mapped[Status] = mapped_column(StatusColumn)
    matched_id: Mapped[int | None] = mapped_column(ForeignKey("samples.id", ondelete="SET NULL"))
    action_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("bulk_actions.id", ondelete="CASCADE")
    )


class SampleChange(CreatedAt, Base):
    """A statement changed samples of a dataset within these ids; triggers write these lines."""

    __tablename__ = "sample_changes"
    __table_args__ = (Index(None, "dataset_id", "transaction"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    dataset_id: Mapped[int]
    low: Mapped[int] = mapped_column(BigInteger)
    high: Mapped[int] = mapped_column(BigInteger)
    transaction: Mapped[int] = mapped_column(
        BigInteger, server_default=text("(pg_current_xact_id()::text)::bigint")
    )


class DatabaseGeneration(Base):
    """One row in an unlogged table: another one stands there after a crash of the database."""

    __tablename__ = "database_generation"
    __table_args__ = (CheckConstraint("one", name="one"), {"prefixes": ["UNLOGGED"]})

    one: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    value: Mapped[uuid.UUID] = mapped_column(server_default=text("gen_random_uuid()"))


class MetadataField(Base):
    """A field of the metadata that samples of a dataset have, to filter by."""

    __tablename__ = "metadata_fields"

    dataset_id: Mapped[int] = mapped_column(
        ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(primary_key=True)


class DatasetSignal(CreatedAt, Base):
    """A slot of `samples.scores` in one dataset and what stands in it.

    `fingerprint` covers method, version and parameters; imported columns have none of these and
    are named by their import.
    """

    __tablename__ = "dataset_signals"
    __table_args__ = (
        UniqueConstraint("dataset_id", "slot"),
        UniqueConstraint("dataset_id", "name"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    slot: Mapped[int] = mapped_column(SmallInteger)
    name: Mapped[str]
    title: Mapped[str]
    help: Mapped[str] = mapped_column(default="")
    key: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
    params: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    fingerprint: Mapped[str]
    measured_at: Mapped[datetime | None]
    job_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))


class SavedView(CreatedAt, Base):
    """A search of the catalog with a name: filter, sort and columns."""

    __tablename__ = "saved_views"
    __table_args__ = (UniqueConstraint("dataset_id", "name"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    name: Mapped[str]
    where: Mapped[str] = mapped_column(default="")
    sort: Mapped[str] = mapped_column(default="")
    columns: Mapped[list[str]] = mapped_column(JSONB, default=list)
    created_by: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL")
    )


class BulkAction(CreatedAt, Base):
    """One action on all matches of a filter; its items make it undoable."""

    __tablename__ = "bulk_actions"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    job_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    created_by: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL")
    )
    action: Mapped[str]
    argument: Mapped[str] = mapped_column(default="")
    where: Mapped[str] = mapped_column(default="")
    affected: Mapped[int] = mapped_column(default=0)
    undone_at: Mapped[datetime | None]


class BulkItem(Base):
    """A sample that a bulk action changed, and what it was before.

    Masking wrote the revision `revision` in the place of `previous_revision`; other actions leave
    the text alone.
    """

    __tablename__ = "bulk_items"
    __table_args__ = (Index(None, "sample_id"),)

    action_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("bulk_actions.id", ondelete="CASCADE"), primary_key=True
    )
    sample_id: Mapped[int] = mapped_column(
        ForeignKey("samples.id", ondelete="CASCADE"), primary_key=True
    )
    previous_status: Mapped[Status] = mapped_column(StatusColumn)
    previous_revision: Mapped[int | None]
    revision: Mapped[int | None]
