"""A job's priority among its owner's."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("priority", sa.Integer(), nullable=False, server_default="5"))


def downgrade() -> None:
    op.drop_column("jobs", "priority")
