"""Label campaigns; learned scorers say which rows their labels were of.

Revision ID: 8b1d4e7f2a60
Revises: 2f6a9d3c8b17
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "8b1d4e7f2a60"
down_revision = "2f6a9d3c8b17"
branch_labels = None
depends_on = None

_NOW = sa.text("clock_timestamp()")


def _job(name: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [name], ["jobs.id"], name=op.f(f"fk_campaigns_{name}_jobs"), ondelete="SET NULL"
    )


def upgrade() -> None:
    op.execute("ALTER TYPE job_kind ADD VALUE IF NOT EXISTS 'campaign'")
    op.add_column(
        "learned_scorers", sa.Column("where", sa.String(), server_default="", nullable=False)
    )
    op.alter_column("learned_scorers", "where", server_default=None)
    op.create_table(
        "campaigns",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("where", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("clusters", sa.Integer(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("labeller", sa.String(), nullable=False),
        sa.Column("how", postgresql.JSONB(), nullable=False),
        sa.Column("drawn", sa.Integer(), nullable=True),
        sa.Column("strata", postgresql.JSONB(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("judge_job_id", sa.Uuid(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"],
            ["datasets.id"],
            name=op.f("fk_campaigns_dataset_id_datasets"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["created_by"],
            ["users.id"],
            name=op.f("fk_campaigns_created_by_users"),
            ondelete="SET NULL",
        ),
        _job("job_id"),
        _job("judge_job_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
        sa.UniqueConstraint("dataset_id", "name", name=op.f("uq_campaigns_dataset_id_name")),
    )
    op.create_table(
        "campaign_samples",
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("sample_id", sa.BigInteger(), nullable=False),
        sa.Column("cluster", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaigns.id"],
            name=op.f("fk_campaign_samples_campaign_id_campaigns"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["sample_id"],
            ["samples.id"],
            name=op.f("fk_campaign_samples_sample_id_samples"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("campaign_id", "sample_id", name=op.f("pk_campaign_samples")),
    )
    op.create_index("ix_campaign_samples_sample_id", "campaign_samples", ["sample_id"])


def downgrade() -> None:
    op.drop_table("campaign_samples")
    op.drop_table("campaigns")
    op.drop_column("learned_scorers", "where")
    # Postgres can't take a value out of an enum; nothing uses the new one any more.
    op.execute("DELETE FROM jobs WHERE kind::text = 'campaign'")
