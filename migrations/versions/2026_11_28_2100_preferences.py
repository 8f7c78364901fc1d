"""Jobs that build preference pairs, and what people prefer of two answers.

Revision ID: 3e8b5d1f7a62
Revises: 9c4e7b2d5f18
"""

import sqlalchemy as sa
from alembic import op

revision = "3e8b5d1f7a62"
down_revision = "9c4e7b2d5f18"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TYPE job_kind ADD VALUE IF NOT EXISTS 'pair'")
    op.add_column("decisions", sa.Column("preferred", sa.String(), nullable=True))
    op.add_column("decisions", sa.Column("place", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("decisions", "place")
    op.drop_column("decisions", "preferred")
    # Postgres can't take a value out of an enum; nothing uses the new one any more.
    op.execute("DELETE FROM jobs WHERE kind::text = 'pair'")
