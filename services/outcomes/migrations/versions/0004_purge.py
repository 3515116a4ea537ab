"""Forgetting erased clients."""

from alembic import op

from shared.purging import INDEX

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Find tombstones, and what is to go, by an index."""
    op.execute(INDEX)


def downgrade() -> None:
    """What was forgotten does not come back."""
    raise NotImplementedError
