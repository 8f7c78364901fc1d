"""The release that a search for duplicates looked against.

Revision ID: 5d2e8b7c4f19
Revises: 7a1f4c9e2d63
"""

import sqlalchemy as sa
from alembic import op

revision = "5d2e8b7c4f19"
down_revision = "7a1f4c9e2d63"
branch_labels = None
depends_on = None

_KEY = "fk_match_runs_release_id_releases"


def upgrade() -> None:
    op.add_column("match_runs", sa.Column("release_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f(_KEY), "match_runs", "releases", ["release_id"], ["id"], ondelete="CASCADE"
    )


def downgrade() -> None:
    op.execute("DELETE FROM match_runs WHERE release_id IS NOT NULL")
    op.drop_constraint(op.f(_KEY), "match_runs")
    op.drop_column("match_runs", "release_id")
