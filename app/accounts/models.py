"""People, their logins and keys, and the audit log."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Enum, ForeignKey, Identity, Index, LargeBinary, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, CreatedAt


class Role(StrEnum):
    """What a person may do; each includes those before it."""

    ANNOTATOR = "annotator"
    LEAD = "lead"
    ADMIN = "admin"


RoleColumn = Enum(Role, name="role", values_callable=lambda roles: [role.value for role in roles])


class User(CreatedAt, Base):
    """A person who can sign in. Without a password only a one-time link or a key lets them in."""

    __tablename__ = "users"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    email: Mapped[str] = mapped_column(unique=True)
    role: Mapped[Role] = mapped_column(RoleColumn)
    password_hash: Mapped[str | None]
    active: Mapped[bool] = mapped_column(default=True)
    preferences: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)


class LoginSession(CreatedAt, Base):
    """A signed-in browser; only the hash of its cookie is stored."""

    __tablename__ = "login_sessions"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    csrf: Mapped[str]
    expires_at: Mapped[datetime]


class LoginLink(CreatedAt, Base):
    """A link that signs in once."""

    __tablename__ = "login_links"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]


class LoginAttempt(Base):
    """A wrong password, kept for the rate limit."""

    __tablename__ = "login_attempts"
    __table_args__ = (Index(None, "subject", "at"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    subject: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class ApiKey(CreatedAt, Base):
    """A key for programs: its hash, what it may do, and until when."""

    __tablename__ = "api_keys"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str]
    prefix: Mapped[str]
    key_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    role: Mapped[Role] = mapped_column(RoleColumn)
    read_only: Mapped[bool] = mapped_column(default=False)
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class AuditEvent(Base):
    """One change: who, what, when, before and after.

    Append-only by a trigger, which also chains each event to the one before it: to the last of
    the same sample, else to the last that concerns no sample. The ledger of a sample is its
    events.
    """

    __tablename__ = "audit_events"
    __table_args__ = (
        Index(None, "sample_id", "id", postgresql_where="sample_id IS NOT NULL"),
        Index("ix_audit_events_general", "id", postgresql_where="sample_id IS NULL"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    actor_id: Mapped[uuid.UUID | None]
    actor: Mapped[str]
    action: Mapped[str]
    object_type: Mapped[str]
    object_id: Mapped[str]
    dataset_id: Mapped[int | None]
    sample_id: Mapped[int | None] = mapped_column(BigInteger)
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    request_id: Mapped[str | None]
    previous_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    hash: Mapped[bytes | None] = mapped_column(LargeBinary)


class IdempotencyKey(CreatedAt, Base):
    """The answer to a POST that came with an Idempotency-Key; status is null while it runs."""

    __tablename__ = "idempotency_keys"

    user_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    status: Mapped[int | None]
    headers: Mapped[dict[str, str]] = mapped_column(JSONB, default=dict)
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
