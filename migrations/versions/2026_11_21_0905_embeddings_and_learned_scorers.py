"""Vectors of samples and the models that made them; scorers learned from labels.

Revision ID: 5c8e2b71f4a9
Revises: 1a6f3c9d2e70
"""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy.dialects import postgresql

revision = "5c8e2b71f4a9"
down_revision = "1a6f3c9d2e70"
branch_labels = None
depends_on = None

_PART = postgresql.ENUM("prompt", "response", "full", name="embedding_part", create_type=False)
_NOW = sa.text("clock_timestamp()")


def _created_at() -> sa.Column[sa.DateTime]:
    return sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False)


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    _PART.create(op.get_bind())
    op.create_table(
        "embedding_models",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("tier", sa.String(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        _created_at(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_embedding_models")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_embedding_models_fingerprint")),
    )
    op.create_table(
        "sample_embeddings",
        sa.Column("sample_id", sa.BigInteger(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("part", _PART, nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("vector", HALFVEC(), nullable=True),
        sa.ForeignKeyConstraint(
            ["sample_id"],
            ["samples.id"],
            name=op.f("fk_sample_embeddings_sample_id_samples"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["embedding_models.id"],
            name=op.f("fk_sample_embeddings_model_id_embedding_models"),
        ),
        sa.PrimaryKeyConstraint("sample_id", "model_id", "part", name=op.f("pk_sample_embeddings")),
    )
    op.create_index(
        op.f("ix_sample_embeddings_dataset_id_model_id_part"),
        "sample_embeddings",
        ["dataset_id", "model_id", "part"],
    )
    op.create_table(
        "learned_scorers",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("signal", sa.String(), nullable=False),
        sa.Column("labels", sa.String(), nullable=False),
        sa.Column("cut", sa.REAL(), nullable=True),
        sa.Column("learner", sa.String(), nullable=False),
        sa.Column("params", postgresql.JSONB(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("features", postgresql.JSONB(), nullable=False),
        sa.Column("labelled", sa.Integer(), nullable=False),
        sa.Column("labels_hash", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("metrics", postgresql.JSONB(), nullable=False),
        sa.Column("curve", postgresql.JSONB(), nullable=False),
        sa.Column("bench", postgresql.JSONB(), nullable=False),
        sa.Column("drift", sa.REAL(), nullable=True),
        sa.Column("file_sha256", sa.String(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        _created_at(),
        sa.ForeignKeyConstraint(
            ["dataset_id"],
            ["datasets.id"],
            name=op.f("fk_learned_scorers_dataset_id_datasets"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["embedding_models.id"],
            name=op.f("fk_learned_scorers_model_id_embedding_models"),
        ),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["jobs.id"],
            name=op.f("fk_learned_scorers_job_id_jobs"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["created_by"],
            ["users.id"],
            name=op.f("fk_learned_scorers_created_by_users"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_learned_scorers")),
        sa.UniqueConstraint(
            "dataset_id",
            "name",
            "version",
            name=op.f("uq_learned_scorers_dataset_id_name_version"),
        ),
    )


def downgrade() -> None:
    op.drop_table("learned_scorers")
    op.drop_table("sample_embeddings")
    op.drop_table("embedding_models")
    _PART.drop(op.get_bind())
    op.execute("DELETE FROM jobs WHERE kind::text IN ('embed', 'learn')")
