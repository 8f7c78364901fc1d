"""Jobs that read samples by a classifier, or put candidates of contamination to a judge.

Revision ID: 6d2f9b4e1c83
Revises: 5c8e2a71b9f4
"""

import sqlalchemy as sa
from alembic import op

revision = "6d2f9b4e1c83"
down_revision = "5c8e2a71b9f4"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TYPE job_kind ADD VALUE IF NOT EXISTS 'classify'")
    op.execute("ALTER TYPE job_kind ADD VALUE IF NOT EXISTS 'confirm'")
    table, column = "contamination_verdicts", "model"
    op.add_column(table, sa.Column(column, sa.String(), server_default="", nullable=False))
    op.alter_column(table, column, server_default=None)


def downgrade() -> None:
    op.drop_column("contamination_verdicts", "model")
    # Postgres can't take a value out of an enum; nothing uses the new ones any more.
    op.execute("DELETE FROM jobs WHERE kind::text IN ('classify', 'confirm')")
