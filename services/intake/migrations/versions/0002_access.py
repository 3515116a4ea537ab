"""Who reaches whom, and who looked; intake begins to listen."""

from alembic import op

from shared.access import schema
from shared.consuming import schema as consuming

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables of access, and those of consumers: intake listens to itself."""
    consuming.create(op)
    schema.create(op)


def downgrade() -> None:
    """There is no way back from what was written down about who looked."""
    raise NotImplementedError
