"""Events, consumers, and a tally that cannot hide that an event was counted twice."""

from alembic import op

from shared.consuming import schema as consuming
from shared.database import wall
from shared.eventstore import schema as eventstore

revision = "0001"
down_revision = None


def upgrade() -> None:
    eventstore.create(op)
    consuming.create(op)
    op.execute("""CREATE TABLE tallies (
        tenant text NOT NULL, stream text NOT NULL, n int NOT NULL, versions int[] NOT NULL,
        PRIMARY KEY (tenant, stream)
    )""")
    wall(op, "tallies")
