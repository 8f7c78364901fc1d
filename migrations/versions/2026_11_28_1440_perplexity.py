"""Language models that measured perplexity.

Revision ID: 8e3c0f52a7d4
Revises: 4b7a1d93c6e2
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "8e3c0f52a7d4"
down_revision = "4b7a1d93c6e2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TYPE job_kind ADD VALUE IF NOT EXISTS 'perplexity'")
    op.create_table(
        "perplexity_models",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("trained_on", sa.String(), nullable=False),
        sa.Column("trained_where", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("trained_rows", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("file_sha256", sa.String(), nullable=False),
        sa.Column("found", postgresql.JSONB(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["dataset_id"],
            ["datasets.id"],
            name=op.f("fk_perplexity_models_dataset_id_datasets"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["jobs.id"],
            name=op.f("fk_perplexity_models_job_id_jobs"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["created_by"],
            ["users.id"],
            name=op.f("fk_perplexity_models_created_by_users"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_perplexity_models")),
        sa.UniqueConstraint(
            "dataset_id", "version", name=op.f("uq_perplexity_models_dataset_id_version")
        ),
    )


def downgrade() -> None:
    op.drop_table("perplexity_models")
    # Postgres can't take a value out of an enum; nothing uses the new one any more.
    op.execute("DELETE FROM jobs WHERE kind::text = 'perplexity'")
