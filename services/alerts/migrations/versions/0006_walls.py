"""Walls around the last tables that had none; lists ask once who is within reach."""

from alembic import op

from shared.access import schema
from shared.consuming import schema as consuming
from shared.database import tenant_policy_ddl, worker_policy_ddl

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Put them up."""
    consuming.wall(op)
    schema.revise(op)
    for table in ("due", "tenants"):
        for statement in (*tenant_policy_ddl(table), worker_policy_ddl(table)):
            op.execute(statement)


def downgrade() -> None:
    """A wall stays."""
    raise NotImplementedError
