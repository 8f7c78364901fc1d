"""Freezing a release no longer locks, and so writes to, every sample in it.

Revision ID: 4e7a9c2d5f18
Revises: 8d52e7c10b46
"""

from alembic import op

revision = "4e7a9c2d5f18"
down_revision = "8d52e7c10b46"
branch_labels = None
depends_on = None

_NAME = "fk_release_items_sample_id_samples"


def upgrade() -> None:
    op.drop_constraint(_NAME, "release_items")


def downgrade() -> None:
    op.create_foreign_key(_NAME, "release_items", "samples", ["sample_id"], ["id"])
