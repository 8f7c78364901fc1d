"""Vectors of samples, and the models that made them."""

from enum import StrEnum
from typing import Any

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import Enum, ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, CreatedAt


class Part(StrEnum):
    """Which text of a sample was embedded."""

    PROMPT = "prompt"
    RESPONSE = "response"
    FULL = "full"


class EmbeddingModel(CreatedAt, Base):
    """A model with its way of pooling; vectors of one of them compare with each other only."""

    __tablename__ = "embedding_models"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(unique=True)
    tier: Mapped[str]
    width: Mapped[int]


class SampleEmbedding(Base):
    """The vector of a part of one revision of a sample; null for a text without words.

    The index for search by meaning is made per dataset and model once a dataset is large
    (`indexing`): the width is the model's, and neighbours are looked for in one dataset.
    """

    __tablename__ = "sample_embeddings"
    __table_args__ = (Index(None, "dataset_id", "model_id", "part"),)

    sample_id: Mapped[int] = mapped_column(
        ForeignKey("samples.id", ondelete="CASCADE"), primary_key=True
    )
    model_id: Mapped[int] = mapped_column(ForeignKey("embedding_models.id"), primary_key=True)
    part: Mapped[Part] = mapped_column(
        Enum(
            Part, name="embedding_part", values_callable=lambda items: [one.value for one in items]
        ),
        primary_key=True,
    )
    dataset_id: Mapped[int]
    revision: Mapped[int]
    vector: Mapped[Any] = mapped_column(HALFVEC, nullable=True)
