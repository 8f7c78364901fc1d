"""Every statement that changes samples leaves a line: columns held in memory follow it.

Revision ID: e07d94b2a518
Revises: 4e7a9c2d5f18
"""

import sqlalchemy as sa
from alembic import op

revision = "e07d94b2a518"
down_revision = "4e7a9c2d5f18"
branch_labels = None
depends_on = None

_FUNCTION = """
CREATE FUNCTION note_sample_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO sample_changes (dataset_id, low, high)
  SELECT dataset_id, min(id), max(id) FROM changed GROUP BY dataset_id;
  RETURN NULL;
END $$
"""
_TRIGGER = """
CREATE TRIGGER note_{event} AFTER {event} ON samples
REFERENCING {table} TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION note_sample_changes()
"""
_GENERATION = """
CREATE UNLOGGED TABLE database_generation (
  one boolean NOT NULL DEFAULT true CONSTRAINT pk_database_generation PRIMARY KEY
    CONSTRAINT ck_database_generation_one CHECK (one),
  value uuid NOT NULL DEFAULT gen_random_uuid()
)
"""
_EVENTS = {"insert": "NEW", "update": "NEW", "delete": "OLD"}


def upgrade() -> None:
    op.create_table(
        "sample_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("low", sa.BigInteger(), nullable=False),
        sa.Column("high", sa.BigInteger(), nullable=False),
        sa.Column(
            "transaction",
            sa.BigInteger(),
            server_default=sa.text("(pg_current_xact_id()::text)::bigint"),
            nullable=False,
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sample_changes")),
    )
    op.create_index(
        "ix_sample_changes_dataset_id_transaction", "sample_changes", ["dataset_id", "transaction"]
    )
    # A crash of the database empties an unlogged table: so it is known to have been one.
    op.execute(_GENERATION)
    # What lay between them can be read from columns in memory now.
    op.drop_column("dataset_signals", "low")
    op.drop_column("dataset_signals", "high")
    op.execute(_FUNCTION)
    for event, table in _EVENTS.items():
        op.execute(_TRIGGER.format(event=event, table=table))
        # Imports leave out the triggers of foreign keys, which they check themselves; not this one.
        op.execute(f"ALTER TABLE samples ENABLE ALWAYS TRIGGER note_{event}")


def downgrade() -> None:
    for event in _EVENTS:
        op.execute(f"DROP TRIGGER note_{event} ON samples")
    op.execute("DROP FUNCTION note_sample_changes()")
    op.drop_table("sample_changes")
    op.drop_table("database_generation")
    op.add_column("dataset_signals", sa.Column("low", sa.REAL(), nullable=True))
    op.add_column("dataset_signals", sa.Column("high", sa.REAL(), nullable=True))
