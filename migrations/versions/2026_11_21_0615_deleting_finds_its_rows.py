"""Deleting samples and chunks finds what hangs on them by an index, not by reading all of it.

Revision ID: 8d52e7c10b46
Revises: 3b1f0a64c9de
"""

from alembic import op

revision = "8d52e7c10b46"
down_revision = "3b1f0a64c9de"
branch_labels = None
depends_on = None

_LOOKED_UP = (
    ("bulk_items", "sample_id"),
    ("rule_restores", "sample_id"),
    ("dead_letters", "chunk_id"),
)


def upgrade() -> None:
    for table, column in _LOOKED_UP:
        op.create_index(f"ix_{table}_{column}", table, [column])


def downgrade() -> None:
    for table, column in reversed(_LOOKED_UP):
        op.drop_index(f"ix_{table}_{column}", table_name=table)
