"""Jobs that assign new images by the model of another."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("predicts", sa.String(64)))
    op.create_index("jobs_predicts", "jobs", ["predicts"])


def downgrade() -> None:
    op.drop_index("jobs_predicts", "jobs")
    op.drop_column("jobs", "predicts")
