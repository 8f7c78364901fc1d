"""Runs that make samples, what came of each request, edited prompts, caps of synthetic shares.

Revision ID: 9c4e7b2d5f18
Revises: 7d2f4c8a1e95
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "9c4e7b2d5f18"
down_revision = "7d2f4c8a1e95"
branch_labels = None
depends_on = None


def _made() -> sa.Column[sa.DateTime]:
    return sa.Column(
        "created_at",
        sa.DateTime(timezone=True),
        server_default=sa.text("clock_timestamp()"),
        nullable=False,
    )


def _refers(table: str, column: str, other: str, ondelete: str | None) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, ondelete=ondelete)


def upgrade() -> None:
    op.execute("ALTER TYPE job_kind ADD VALUE IF NOT EXISTS 'generate'")
    _prompts()
    _runs()
    _drafts()
    _caps()


def _prompts() -> None:
    table = "generation_prompts"
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("generator", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        _made(),
        _refers(table, "created_by", "users", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_generation_prompts")),
        sa.UniqueConstraint(
            "generator",
            "name",
            "version",
            name=op.f("uq_generation_prompts_generator_name_version"),
        ),
    )


def _runs() -> None:
    table = "generation_runs"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("generator", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("params", postgresql.JSONB(), nullable=False),
        sa.Column("prompts", postgresql.JSONB(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("where", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("pilot", sa.Boolean(), nullable=False),
        sa.Column("review_share", sa.Float(), nullable=False),
        sa.Column("reject_limit", sa.Float(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=True),
        _made(),
        _refers(table, "dataset_id", "datasets", "CASCADE"),
        _refers(table, "job_id", "jobs", "SET NULL"),
        _refers(table, "source_id", "sources", None),
        _refers(table, "created_by", "users", "SET NULL"),
        sa.CheckConstraint("review_share BETWEEN 0 AND 1", name=op.f("ck_generation_runs_share")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_generation_runs")),
        sa.UniqueConstraint("number", name=op.f("uq_generation_runs_number")),
    )
    op.create_index(
        "ix_generation_runs_dataset_id_number", "generation_runs", ["dataset_id", "number"]
    )
    op.create_index("ix_generation_runs_job_id", "generation_runs", ["job_id"])


def _drafts() -> None:
    table = "generation_drafts"
    op.create_table(
        table,
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("gate", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("gates", postgresql.JSONB(), nullable=False),
        sa.Column("sample_id", sa.BigInteger(), nullable=True),
        sa.Column("parents", postgresql.JSONB(), nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("drawn", sa.Boolean(), nullable=False),
        sa.Column("raw", sa.String(), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=True),
        sa.Column("tokens_in", sa.Integer(), nullable=False),
        sa.Column("tokens_out", sa.Integer(), nullable=False),
        sa.Column("money", sa.Numeric(14, 6), nullable=False),
        _made(),
        _refers(table, "run_id", "generation_runs", "CASCADE"),
        _refers(table, "sample_id", "samples", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_generation_drafts")),
        sa.UniqueConstraint(
            "run_id", "number", "item", name=op.f("uq_generation_drafts_run_id_number_item")
        ),
    )
    op.create_index("ix_generation_drafts_sample_id", table, ["sample_id"])
    op.create_index("ix_generation_drafts_run_id_outcome", table, ["run_id", "outcome"])


def _caps() -> None:
    table = "synthetic_caps"
    op.create_table(
        table,
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("warn_at", sa.Float(), nullable=False),
        sa.Column("block_at", sa.Float(), nullable=False),
        sa.Column("override_reason", sa.String(), nullable=False),
        _made(),
        _refers(table, "dataset_id", "datasets", "CASCADE"),
        sa.CheckConstraint("warn_at <= block_at", name=op.f("ck_synthetic_caps_order")),
        sa.PrimaryKeyConstraint("dataset_id", name=op.f("pk_synthetic_caps")),
    )


def downgrade() -> None:
    op.drop_table("synthetic_caps")
    op.drop_table("generation_drafts")
    op.drop_table("generation_runs")
    op.drop_table("generation_prompts")
    # Postgres can't take a value out of an enum; nothing uses the new one any more.
    op.execute("DELETE FROM jobs WHERE kind::text = 'generate'")
