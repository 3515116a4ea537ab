"""Forgetting erased clients."""

from alembic import op

from shared.purging import INDEX

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Find tombstones by an index."""
    op.execute(INDEX)


def downgrade() -> None:
    """What was forgotten does not come back."""
    raise NotImplementedError
