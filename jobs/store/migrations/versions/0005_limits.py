"""Limits of a key's own."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("limits", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("api_keys", "limits")
