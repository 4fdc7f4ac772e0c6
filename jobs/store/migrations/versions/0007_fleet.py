"""What a job needs, and what a worker has."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

WORKERS = {
    "kind": sa.String(8),
    "memory_bytes": sa.BigInteger(),
    "version": sa.String(64),
    "versions": sa.JSON(),
    "since": sa.Float(),
}


def upgrade() -> None:
    op.add_column("jobs", sa.Column("needs_bytes", sa.BigInteger()))
    op.add_column("jobs", sa.Column("device", sa.String(8)))
    for name, kind in WORKERS.items():
        op.add_column("workers", sa.Column(name, kind))


def downgrade() -> None:
    for name in WORKERS:
        op.drop_column("workers", name)
    op.drop_column("jobs", "device")
    op.drop_column("jobs", "needs_bytes")
