"""Who reaches whom, and who looked."""

from alembic import op

from shared.access import schema

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables of access."""
    schema.create(op)


def downgrade() -> None:
    """There is no way back from what was written down about who looked."""
    raise NotImplementedError
