"""A service that remembers what was applied: every application is a row of its own."""

from alembic import op

from shared.access import schema as access
from shared.consuming import schema as consuming
from shared.database import wall
from shared.eventstore import schema as eventstore
from shared.purging import INDEX

revision = "0001"
down_revision = None


def upgrade() -> None:
    eventstore.create(op)
    consuming.create(op)
    consuming.wall_replays(op)
    access.create(op)
    op.execute(INDEX)
    op.execute("""CREATE TABLE applied (
        seq bigint GENERATED ALWAYS AS IDENTITY,
        tenant text NOT NULL, subject text NOT NULL, stream text NOT NULL, version int NOT NULL,
        event_id text NOT NULL
    )""")
    wall(op, "applied")
