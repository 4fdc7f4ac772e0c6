"""Which trace a job belongs to, and whether it shall take less of a GPU's memory."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("trace", sa.String(64)))
    op.add_column(
        "jobs", sa.Column("thrifty", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    for name in ("trace", "thrifty"):
        op.drop_column("jobs", name)
