"""The fields that the metadata of a dataset's samples have, to filter by.

Revision ID: 7a1f4c9e2d63
Revises: 3b8d6f1c9a47
"""

import sqlalchemy as sa
from alembic import op

revision = "7a1f4c9e2d63"
down_revision = "3b8d6f1c9a47"
branch_labels = None
depends_on = None

_NAMES = """
INSERT INTO metadata_fields (dataset_id, name)
SELECT DISTINCT s.dataset_id, k.name
FROM samples s
JOIN sample_bodies b ON b.sample_id = s.id AND b.revision = 1
CROSS JOIN LATERAL jsonb_object_keys(b.metadata) AS k(name)
"""


def upgrade() -> None:
    op.create_table(
        "metadata_fields",
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"],
            ["datasets.id"],
            name=op.f("fk_metadata_fields_dataset_id_datasets"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("dataset_id", "name", name=op.f("pk_metadata_fields")),
    )
    op.execute(_NAMES)


def downgrade() -> None:
    op.drop_table("metadata_fields")
