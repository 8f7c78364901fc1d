"""Benchmarks that were looked for in datasets, and what was found.

Revision ID: 5c8e2a71b9f4
Revises: 5d8e2b71f4a6
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "5c8e2a71b9f4"
down_revision = "5d8e2b71f4a6"
branch_labels = None
depends_on = None

_STATUS = postgresql.ENUM(name="sample_status", create_type=False)


def _made() -> sa.Column[sa.DateTime]:
    return sa.Column(
        "created_at",
        sa.DateTime(timezone=True),
        server_default=sa.text("clock_timestamp()"),
        nullable=False,
    )


def _refers(table: str, column: str, other: str, ondelete: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, ondelete=ondelete)


def upgrade() -> None:
    op.execute("ALTER TYPE job_kind ADD VALUE IF NOT EXISTS 'decontaminate'")
    _runs()
    _hits()
    _verdicts()


def _runs() -> None:
    table = "contamination_runs"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("benchmarks", postgresql.JSONB(), nullable=False),
        sa.Column("layers", postgresql.JSONB(), nullable=False),
        sa.Column("recipe", sa.String(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        _made(),
        _refers(table, "dataset_id", "datasets", "CASCADE"),
        _refers(table, "job_id", "jobs", "SET NULL"),
        _refers(table, "created_by", "users", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contamination_runs")),
    )
    op.create_index(
        op.f("ix_contamination_runs_dataset_id_created_at"), table, ["dataset_id", "created_at"]
    )


def _hits() -> None:
    table = "contamination_hits"
    op.create_table(
        table,
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("benchmark_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("sample_id", sa.BigInteger(), nullable=False),
        sa.Column("item_id", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("item_revision", sa.Integer(), nullable=False),
        sa.Column("layer", sa.String(), nullable=False),
        sa.Column("finding", sa.String(), nullable=False),
        sa.Column("score", sa.REAL(), nullable=False),
        sa.Column("likely", sa.REAL(), nullable=False),
        sa.Column("sample_spans", postgresql.JSONB(), nullable=False),
        sa.Column("item_spans", postgresql.JSONB(), nullable=False),
        _made(),
        _refers(table, "dataset_id", "datasets", "CASCADE"),
        _refers(table, "benchmark_id", "datasets", "CASCADE"),
        _refers(table, "run_id", "contamination_runs", "CASCADE"),
        _refers(table, "sample_id", "samples", "CASCADE"),
        _refers(table, "item_id", "samples", "CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contamination_hits")),
        sa.UniqueConstraint(
            "sample_id",
            "item_id",
            "layer",
            name=op.f("uq_contamination_hits_sample_id_item_id_layer"),
        ),
    )
    by_item = ["dataset_id", "benchmark_id", "item_id"]
    op.create_index(op.f("ix_contamination_hits_dataset_id_benchmark_id_item_id"), table, by_item)
    op.create_index(op.f("ix_contamination_hits_item_id"), table, ["item_id"])


def _verdicts() -> None:
    table = "contamination_verdicts"
    op.create_table(
        table,
        sa.Column("sample_id", sa.BigInteger(), nullable=False),
        sa.Column("item_id", sa.BigInteger(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.Column("previous_status", _STATUS, nullable=True),
        _made(),
        _refers(table, "sample_id", "samples", "CASCADE"),
        _refers(table, "item_id", "samples", "CASCADE"),
        _refers(table, "dataset_id", "datasets", "CASCADE"),
        _refers(table, "made_by", "users", "SET NULL"),
        sa.PrimaryKeyConstraint("sample_id", "item_id", name=op.f("pk_contamination_verdicts")),
    )
    op.create_index(op.f("ix_contamination_verdicts_dataset_id"), table, ["dataset_id"])
    op.create_index(op.f("ix_contamination_verdicts_item_id"), table, ["item_id"])


def downgrade() -> None:
    op.drop_table("contamination_verdicts")
    op.drop_table("contamination_hits")
    op.drop_table("contamination_runs")
    # Postgres can't take a value out of an enum; nothing uses the new one any more.
    op.execute("DELETE FROM jobs WHERE kind::text = 'decontaminate'")
