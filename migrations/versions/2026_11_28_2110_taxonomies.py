"""Taxonomies with seeds and documents; the leaf of a draft; the judge of a run.

Revision ID: 3b8d6f1c9a47
Revises: 3e8b5d1f7a62
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "3b8d6f1c9a47"
down_revision = "3e8b5d1f7a62"
branch_labels = None
depends_on = None

_NODES, _SEEDS, _DOCUMENTS = "taxonomy_nodes", "taxonomy_seeds", "taxonomy_documents"


def _made() -> sa.Column[sa.DateTime]:
    return sa.Column(
        "created_at",
        sa.DateTime(timezone=True),
        server_default=sa.text("clock_timestamp()"),
        nullable=False,
    )


def _refers(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    _nodes()
    _seeds()
    _documents()
    for column in ("judge", "judge_model"):
        op.add_column(
            "generation_runs", sa.Column(column, sa.String(), server_default="", nullable=False)
        )
        op.alter_column("generation_runs", column, server_default=None)
    op.add_column("generation_drafts", sa.Column("leaf_id", sa.Integer(), nullable=True))
    op.create_foreign_key(
        op.f("fk_generation_drafts_leaf_id_taxonomy_nodes"),
        "generation_drafts",
        _NODES,
        ["leaf_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.create_index("ix_generation_drafts_leaf_id", "generation_drafts", ["leaf_id"])


def _nodes() -> None:
    op.create_table(
        _NODES,
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("leaf", sa.Boolean(), nullable=False),
        sa.Column("target", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("task_description", sa.String(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("outline", sa.String(), nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=True),
        sa.Column("attribution", sa.String(), nullable=False),
        _made(),
        _refers(_NODES, "dataset_id", "datasets"),
        _refers(_NODES, "parent_id", _NODES),
        sa.CheckConstraint("target >= 0", name=op.f("ck_taxonomy_nodes_target")),
        sa.CheckConstraint("parent_id <> id", name=op.f("ck_taxonomy_nodes_parent")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_taxonomy_nodes")),
        sa.UniqueConstraint("dataset_id", "path", name=op.f("uq_taxonomy_nodes_dataset_id_path")),
    )
    op.create_index("ix_taxonomy_nodes_parent_id", _NODES, ["parent_id"])


def _seeds() -> None:
    op.create_table(
        _SEEDS,
        sa.Column("node_id", sa.Integer(), nullable=False),
        sa.Column("sample_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("context", sa.String(), nullable=False),
        _refers(_SEEDS, "node_id", _NODES),
        _refers(_SEEDS, "sample_id", "samples"),
        sa.PrimaryKeyConstraint("node_id", "sample_id", name=op.f("pk_taxonomy_seeds")),
    )
    op.create_index("ix_taxonomy_seeds_sample_id", _SEEDS, ["sample_id"])


def _documents() -> None:
    op.create_table(
        _DOCUMENTS,
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("node_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("words", sa.Integer(), nullable=False),
        _made(),
        _refers(_DOCUMENTS, "node_id", _NODES),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_taxonomy_documents")),
        sa.UniqueConstraint("node_id", "name", name=op.f("uq_taxonomy_documents_node_id_name")),
    )


def downgrade() -> None:
    op.drop_index("ix_generation_drafts_leaf_id", "generation_drafts")
    op.drop_column("generation_drafts", "leaf_id")
    op.drop_column("generation_runs", "judge_model")
    op.drop_column("generation_runs", "judge")
    op.drop_table(_DOCUMENTS)
    op.drop_table(_SEEDS)
    op.drop_table(_NODES)
