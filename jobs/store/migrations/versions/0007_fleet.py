"""What a job needs, and what a worker has."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("needs_bytes", sa.BigInteger()))
    op.add_column("jobs", sa.Column("device", sa.String(8)))
    op.add_column("workers", sa.Column("kind", sa.String(8)))
    op.add_column("workers", sa.Column("memory_bytes", sa.BigInteger()))
    op.add_column("workers", sa.Column("version", sa.String(64)))
    op.add_column("workers", sa.Column("versions", sa.JSON()))
    op.add_column("workers", sa.Column("since", sa.Float()))


def downgrade() -> None:
    for name in ("kind", "memory_bytes", "version", "versions", "since"):
        op.drop_column("workers", name)
    for name in ("needs_bytes", "device"):
        op.drop_column("jobs", name)
