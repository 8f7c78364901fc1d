"""Endpoints of language models, the replies they gave, and what those cost."""

import uuid
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Numeric, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, CreatedAt

_Money = Numeric(14, 6)


class ProviderKind(StrEnum):
    """Where a model answers: behind an endpoint, or in a worker of ours."""

    ENDPOINT = "endpoint"
    LOCAL = "local"


class Provider(CreatedAt, Base):
    """An endpoint and a model on it, or a model that workers load themselves.

    Prices are per million tokens, 0 in a limit means none. The `url` of a local model says what its
    files are, so that replies of other weights are never taken for its own. `kwh` is the energy of
    a million tokens at the endpoint, 0 where nobody knows it.
    `secret` is the encrypted key. A removed provider stays, since replies and costs name it.
    """

    __tablename__ = "providers"
    __table_args__ = (
        Index(
            "uq_providers_name", "name", unique=True, postgresql_where=text("removed_at IS NULL")
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(default=ProviderKind.ENDPOINT.value)
    url: Mapped[str]
    model: Mapped[str]
    secret: Mapped[bytes | None]
    price_in: Mapped[Decimal] = mapped_column(_Money, default=Decimal(0))
    price_out: Mapped[Decimal] = mapped_column(_Money, default=Decimal(0))
    concurrency: Mapped[int] = mapped_column(default=16)
    requests_per_minute: Mapped[int] = mapped_column(default=0)
    tokens_per_minute: Mapped[int] = mapped_column(default=0)
    timeout_s: Mapped[float] = mapped_column(default=120.0)
    kwh: Mapped[float] = mapped_column(default=0.0)
    removed_at: Mapped[datetime | None]


class LlmCall(CreatedAt, Base):
    """A reply under the hash of endpoint, model, parameters and messages."""

    __tablename__ = "llm_calls"

    hash: Mapped[bytes] = mapped_column(primary_key=True)
    provider_id: Mapped[int] = mapped_column(ForeignKey("providers.id"))
    text: Mapped[str]
    finish: Mapped[str]
    tokens_in: Mapped[int]
    tokens_out: Mapped[int]
    seconds: Mapped[float]


class LlmUsage(CreatedAt, Base):
    """What a job asked of a provider for one purpose; `reused` replies cost nothing."""

    __tablename__ = "llm_usage"
    __table_args__ = (UniqueConstraint("job_id", "provider_id", "purpose"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    job_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    provider_id: Mapped[int] = mapped_column(ForeignKey("providers.id"))
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    dataset_id: Mapped[int | None] = mapped_column(ForeignKey("datasets.id", ondelete="SET NULL"))
    purpose: Mapped[str]
    calls: Mapped[int] = mapped_column(BigInteger, default=0)
    reused: Mapped[int] = mapped_column(BigInteger, default=0)
    tokens_in: Mapped[int] = mapped_column(BigInteger, default=0)
    tokens_out: Mapped[int] = mapped_column(BigInteger, default=0)
    money: Mapped[Decimal] = mapped_column(_Money, default=Decimal(0))
    kwh: Mapped[float] = mapped_column(default=0.0)
    seconds: Mapped[float] = mapped_column(default=0.0)
