"""Jobs that make signals of other signals.

Revision ID: 2f6a9d3c8b17
Revises: 7d2b5e8c4f19
"""

from alembic import op

revision = "2f6a9d3c8b17"
down_revision = "7d2b5e8c4f19"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TYPE job_kind ADD VALUE IF NOT EXISTS 'derive'")


def downgrade() -> None:
    # Postgres can't take a value out of an enum; nothing uses the new one any more.
    op.execute("DELETE FROM jobs WHERE kind::text = 'derive'")
