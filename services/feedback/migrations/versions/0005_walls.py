"""Walls around the last tables that had none; lists ask once who is within reach."""

from alembic import op

from shared.access import schema
from shared.consuming import schema as consuming

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Put them up."""
    consuming.wall_replays(op)
    schema.revise(op)


def downgrade() -> None:
    """A wall stays."""
    raise NotImplementedError
