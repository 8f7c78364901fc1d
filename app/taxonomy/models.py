"""Taxonomies: their nodes, the seeds of their leaves, and the documents that leaves lean on."""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, CreatedAt


class TaxonomyNode(CreatedAt, Base):
    """A folder of a dataset's taxonomy; a leaf is one that held a qna.yaml.

    The tree is read from the paths, which can't run in a circle; `parent_id` is what deletes a
    whole branch. `document` is what the file says of its documents {repo, commit, patterns}.
    """

    __tablename__ = "taxonomy_nodes"
    __table_args__ = (
        UniqueConstraint("dataset_id", "path"),
        Index(None, "parent_id"),
        CheckConstraint("target >= 0", name="target"),
        CheckConstraint("parent_id <> id", name="parent"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    parent_id: Mapped[int | None] = mapped_column(
        ForeignKey("taxonomy_nodes.id", ondelete="CASCADE")
    )
    path: Mapped[str]
    leaf: Mapped[bool] = mapped_column(default=False)
    target: Mapped[int | None]
    version: Mapped[int | None]
    author: Mapped[str] = mapped_column(default="")
    task_description: Mapped[str] = mapped_column(default="")
    domain: Mapped[str] = mapped_column(default="")
    outline: Mapped[str] = mapped_column(default="")
    document: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    attribution: Mapped[str] = mapped_column(default="")

    @property
    def branch(self) -> str:
        """The first part of the path: knowledge, foundational_skills or compositional_skills."""
        return self.path.partition("/")[0]


class TaxonomySeed(Base):
    """A sample of the dataset is a seed example of a leaf; `position` is its place in the file.

    `context` is the passage that the example of a knowledge leaf stands on.
    """

    __tablename__ = "taxonomy_seeds"
    __table_args__ = (Index(None, "sample_id"),)

    node_id: Mapped[int] = mapped_column(
        ForeignKey("taxonomy_nodes.id", ondelete="CASCADE"), primary_key=True
    )
    sample_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("samples.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int]
    context: Mapped[str] = mapped_column(default="")


class TaxonomyDocument(CreatedAt, Base):
    """A document of a leaf: came beside its qna.yaml, or was attached later."""

    __tablename__ = "taxonomy_documents"
    __table_args__ = (UniqueConstraint("node_id", "name"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    node_id: Mapped[int] = mapped_column(ForeignKey("taxonomy_nodes.id", ondelete="CASCADE"))
    name: Mapped[str]
    text: Mapped[str]
    words: Mapped[int]
