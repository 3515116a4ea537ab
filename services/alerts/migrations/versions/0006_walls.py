"""Walls around the last tables that had none; lists ask once who is within reach."""

from alembic import op

from shared.access import schema
from shared.consuming import schema as consuming
from shared.database import wall, worker_policy_ddl

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Put them up."""
    consuming.wall_replays(op)
    schema.revise(op)
    wall(op, "due", "tenants")
    for table in ("due", "tenants"):
        op.execute(worker_policy_ddl(table))


def downgrade() -> None:
    """A wall stays."""
    raise NotImplementedError
