"""Rows that failed know the column of their fault.

Revision ID: 3b1f0a64c9de
Revises: c41b7f0e9a25
"""

import sqlalchemy as sa
from alembic import op

revision = "3b1f0a64c9de"
down_revision = "c41b7f0e9a25"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dead_letters", sa.Column("column", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("dead_letters", "column")
