"""What chunks of jobs took, and the energy of what endpoints answered.

Revision ID: c19d6e4b80f3
Revises: 8e3c0f52a7d4
"""

import sqlalchemy as sa
from alembic import op

revision = "c19d6e4b80f3"
down_revision = "8e3c0f52a7d4"
branch_labels = None
depends_on = None

_COLUMNS = (("job_chunks", "cpu_s"), ("job_chunks", "gpu_s"), ("llm_usage", "kwh"))


def upgrade() -> None:
    for table, name in _COLUMNS:
        op.add_column(table, sa.Column(name, sa.Float(), server_default="0", nullable=False))
        op.alter_column(table, name, server_default=None)


def downgrade() -> None:
    for table, name in reversed(_COLUMNS):
        op.drop_column(table, name)
