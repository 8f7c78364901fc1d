"""Signatures of samples, pairs and clusters of duplicates, and drops that name their match.

Revision ID: 5d8e2b71f4a6
Revises: 3f91c07ae5d2
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "5d8e2b71f4a6"
down_revision = "3f91c07ae5d2"
branch_labels = None
depends_on = None

_KINDS = ("match", "deduplicate", "split")


def _key(table: str, column: str, target: str, ondelete: str | None) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{target}")
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=name, ondelete=ondelete)


def _created_at() -> sa.Column[sa.DateTime]:
    now = sa.text("clock_timestamp()")
    return sa.Column("created_at", sa.DateTime(timezone=True), server_default=now, nullable=False)


def _index(table: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns))


def upgrade() -> None:
    for kind in _KINDS:
        op.execute(f"ALTER TYPE job_kind ADD VALUE IF NOT EXISTS '{kind}'")
    _signatures()
    _runs()
    _found()
    _exceptions()
    op.add_column("sample_drops", sa.Column("matched_id", sa.BigInteger(), nullable=True))
    op.add_column("sample_drops", sa.Column("action_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_sample_drops_matched_id_samples"),
        *("sample_drops", "samples", ["matched_id"], ["id"]),
        ondelete="SET NULL",
    )
    op.create_foreign_key(
        op.f("fk_sample_drops_action_id_bulk_actions"),
        *("sample_drops", "bulk_actions", ["action_id"], ["id"]),
        ondelete="CASCADE",
    )
    _index("sample_drops", "action_id")
    _index("sample_drops", "matched_id")


def _signatures() -> None:
    op.create_table(
        "signature_recipes",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("matcher", sa.String(), nullable=False),
        _created_at(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signature_recipes")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_signature_recipes_fingerprint")),
    )
    table = "match_signatures"
    op.create_table(
        table,
        sa.Column("sample_id", sa.BigInteger(), nullable=False),
        sa.Column("recipe_id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        _key(table, "sample_id", "samples", "CASCADE"),
        _key(table, "recipe_id", "signature_recipes", None),
        sa.PrimaryKeyConstraint("sample_id", "recipe_id", name=op.f(f"pk_{table}")),
    )
    # Hashes do not shrink: trying to compress them costs time and gains nothing.
    op.execute("ALTER TABLE match_signatures ALTER COLUMN signature SET STORAGE EXTERNAL")
    _index(table, "dataset_id", "recipe_id")


def _runs() -> None:
    table = "match_runs"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("against_id", sa.Integer(), nullable=True),
        sa.Column("matcher", sa.String(), nullable=False),
        sa.Column("params", postgresql.JSONB(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("keep", postgresql.JSONB(), nullable=False),
        sa.Column("where", sa.String(), nullable=False),
        sa.Column("found", postgresql.JSONB(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        _created_at(),
        _key(table, "dataset_id", "datasets", "CASCADE"),
        _key(table, "against_id", "datasets", "CASCADE"),
        _key(table, "job_id", "jobs", "SET NULL"),
        _key(table, "created_by", "users", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    _index(table, "dataset_id", "created_at")


def _found() -> None:
    op.create_table(
        "match_pairs",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("second_id", sa.BigInteger(), nullable=False),
        sa.Column("first_revision", sa.Integer(), nullable=False),
        sa.Column("second_revision", sa.Integer(), nullable=False),
        sa.Column("similarity", sa.REAL(), nullable=False),
        _key("match_pairs", "run_id", "match_runs", "CASCADE"),
        _key("match_pairs", "first_id", "samples", "CASCADE"),
        _key("match_pairs", "second_id", "samples", "CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "first_id", "second_id", name=op.f("pk_match_pairs")),
    )
    _index("match_pairs", "run_id", "similarity")
    _index("match_pairs", "first_id")
    _index("match_pairs", "second_id")
    op.create_table(
        "match_clusters",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("keeper_id", sa.BigInteger(), nullable=False),
        sa.Column("keeper_revision", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("most", sa.REAL(), nullable=False),
        sa.Column("source_ids", postgresql.ARRAY(sa.Integer()), nullable=False),
        _key("match_clusters", "run_id", "match_runs", "CASCADE"),
        _key("match_clusters", "keeper_id", "samples", "CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_match_clusters")),
    )
    _index("match_clusters", "run_id", "size", "id")
    _index("match_clusters", "keeper_id")
    op.create_table(
        "match_members",
        sa.Column("cluster_id", sa.BigInteger(), nullable=False),
        sa.Column("sample_id", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("similarity", sa.REAL(), nullable=False),
        _key("match_members", "cluster_id", "match_clusters", "CASCADE"),
        _key("match_members", "sample_id", "samples", "CASCADE"),
        sa.PrimaryKeyConstraint("cluster_id", "sample_id", name=op.f("pk_match_members")),
    )
    _index("match_members", "sample_id")


def _exceptions() -> None:
    table = "match_exceptions"
    op.create_table(
        table,
        sa.Column("low_id", sa.BigInteger(), nullable=False),
        sa.Column("high_id", sa.BigInteger(), nullable=False),
        sa.Column("action_id", sa.Uuid(), nullable=False),
        _created_at(),
        sa.CheckConstraint("low_id < high_id", name=op.f(f"ck_{table}_ordered")),
        _key(table, "low_id", "samples", "CASCADE"),
        _key(table, "high_id", "samples", "CASCADE"),
        _key(table, "action_id", "bulk_actions", "CASCADE"),
        sa.PrimaryKeyConstraint("low_id", "high_id", name=op.f(f"pk_{table}")),
    )
    _index(table, "high_id")
    _index(table, "action_id")


def downgrade() -> None:
    # What matchers dropped comes back: nothing that is left says why it went.
    op.execute(
        "UPDATE samples s SET status = d.previous_status FROM sample_drops d "
        "WHERE d.sample_id = s.id AND d.action_id IS NOT NULL AND s.status = 'dropped'"
    )
    op.execute("DELETE FROM sample_drops WHERE action_id IS NOT NULL")
    op.drop_column("sample_drops", "action_id")
    op.drop_column("sample_drops", "matched_id")
    op.execute("DELETE FROM bulk_actions WHERE action IN ('drop_duplicates', 'not_duplicates')")
    for table in ("match_exceptions", "match_members", "match_clusters", "match_pairs"):
        op.drop_table(table)
    for table in ("match_runs", "match_signatures", "signature_recipes"):
        op.drop_table(table)
    # Postgres can't take a value out of an enum; nothing uses the new ones any more.
    for kind in _KINDS:
        op.execute(f"DELETE FROM jobs WHERE kind::text = '{kind}'")  # noqa: S608
