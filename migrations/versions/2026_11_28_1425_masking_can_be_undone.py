"""Which revision a bulk action replaced, and by which: masking can be undone.

Revision ID: 3f91c07ae5d2
Revises: c19d6e4b80f3
"""

import sqlalchemy as sa
from alembic import op

revision = "3f91c07ae5d2"
down_revision = "c19d6e4b80f3"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("bulk_items", sa.Column("previous_revision", sa.Integer(), nullable=True))
    op.add_column("bulk_items", sa.Column("revision", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("bulk_items", "revision")
    op.drop_column("bulk_items", "previous_revision")
