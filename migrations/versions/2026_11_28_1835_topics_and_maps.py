"""Topics of datasets with their titles, maps with their areas.

Revision ID: 7b3f9d20c6e1
Revises: 6d2f9b4e1c83
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "7b3f9d20c6e1"
down_revision = "6d2f9b4e1c83"
branch_labels = None
depends_on = None

_KINDS = ("topics", "map")
_EMPTY = """
DO $$ DECLARE place record; BEGIN
  FOR place IN SELECT dataset_id, slot FROM dataset_signals WHERE key = 'place' LOOP
    UPDATE samples SET scores[place.slot + 1] = NULL
    WHERE dataset_id = place.dataset_id AND cardinality(scores) > place.slot;
  END LOOP;
END $$
"""


def _key(table: str, column: str, target: str, ondelete: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{target}")
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=name, ondelete=ondelete)


def _created_at() -> sa.Column[sa.DateTime]:
    now = sa.text("clock_timestamp()")
    return sa.Column("created_at", sa.DateTime(timezone=True), server_default=now, nullable=False)


def _id() -> sa.Column[sa.Integer]:
    return sa.Column("id", sa.Integer(), sa.Identity(), nullable=False)


def upgrade() -> None:
    for kind in _KINDS:
        op.execute(f"ALTER TYPE job_kind ADD VALUE IF NOT EXISTS '{kind}'")
    _run(
        "topic_models",
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("centres", sa.LargeBinary(), nullable=False),
    )
    _run("map_layouts", sa.Column("landmarks", sa.LargeBinary(), nullable=False))
    _topics()
    _areas()


def _run(table: str, *columns: sa.Column[sa.Integer] | sa.Column[sa.LargeBinary]) -> None:
    op.create_table(
        table,
        _id(),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        *columns,
        sa.Column("embedded_by", sa.String(), nullable=False),
        sa.Column("params", postgresql.JSONB(), nullable=False),
        sa.Column("found", postgresql.JSONB(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        _created_at(),
        _key(table, "dataset_id", "datasets", "CASCADE"),
        _key(table, "job_id", "jobs", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("dataset_id", "version", name=op.f(f"uq_{table}_dataset_id_version")),
    )
    op.create_index(
        f"uq_{table}_current",
        table,
        ["dataset_id"],
        unique=True,
        postgresql_where=sa.text("current"),
    )


def _topics() -> None:
    table = "topics"
    op.create_table(
        table,
        _id(),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("titled_by", sa.String(), nullable=False),
        sa.Column("keywords", postgresql.JSONB(), nullable=False),
        sa.Column("examples", postgresql.JSONB(), nullable=False),
        sa.Column("merged_into", sa.Integer(), nullable=True),
        _key(table, "model_id", "topic_models", "CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("model_id", "number", name=op.f(f"uq_{table}_model_id_number")),
    )
    table = "topic_changes"
    op.create_table(
        table,
        _id(),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("before", postgresql.JSONB(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        _created_at(),
        _key(table, "model_id", "topic_models", "CASCADE"),
        _key(table, "created_by", "users", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(op.f(f"ix_{table}_model_id"), table, ["model_id"])


def _areas() -> None:
    table = "map_areas"
    op.create_table(
        table,
        _id(),
        sa.Column("layout_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("polygon", postgresql.JSONB(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        _created_at(),
        _key(table, "layout_id", "map_layouts", "CASCADE"),
        _key(table, "created_by", "users", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("layout_id", "name", name=op.f(f"uq_{table}_layout_id_name")),
    )


def downgrade() -> None:
    for table in ("map_areas", "topic_changes", "topics", "map_layouts", "topic_models"):
        op.drop_table(table)
    # Their slots would be shown as signals; the next signal takes them, so nothing may stand there.
    op.execute(_EMPTY)
    op.execute("DELETE FROM dataset_signals WHERE key = 'place'")
    # Postgres can't take a value out of an enum; nothing uses the new ones any more.
    for kind in _KINDS:
        op.execute(f"DELETE FROM jobs WHERE kind::text = '{kind}'")  # noqa: S608
