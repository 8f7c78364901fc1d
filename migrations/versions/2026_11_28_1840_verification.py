"""Jobs that verify; how much of a release must be verified.

Revision ID: 7d2f4c8a1e95
Revises: 6d2f9b4e1c83
"""

import sqlalchemy as sa
from alembic import op

revision = "7d2f4c8a1e95"
down_revision = "6d2f9b4e1c83"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TYPE job_kind ADD VALUE IF NOT EXISTS 'verify'")
    op.add_column("datasets", sa.Column("verified_at_least", sa.Float(), nullable=True))


def downgrade() -> None:
    # Values of an enumeration stay: Postgres can't take one away.
    op.drop_column("datasets", "verified_at_least")
