"""Providers may be models that workers load; the energy of a million tokens.

Revision ID: 4b7a1d93c6e2
Revises: 8b1d4e7f2a60
"""

import sqlalchemy as sa
from alembic import op

revision = "4b7a1d93c6e2"
down_revision = "8b1d4e7f2a60"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "providers", sa.Column("kind", sa.String(), server_default="endpoint", nullable=False)
    )
    op.add_column("providers", sa.Column("kwh", sa.Float(), server_default="0", nullable=False))
    op.alter_column("providers", "kind", server_default=None)
    op.alter_column("providers", "kwh", server_default=None)


def downgrade() -> None:
    op.drop_column("providers", "kwh")
    op.drop_column("providers", "kind")
