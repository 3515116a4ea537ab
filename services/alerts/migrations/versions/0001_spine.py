"""The tables that alerts starts with."""

from alembic import op

from services.alerts.tables import WALLED, metadata
from shared.consuming import schema as consuming
from shared.database import wall
from shared.eventstore import schema as eventstore

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the store, what consumers keep, the alerts and the judged series."""
    eventstore.create(op)
    consuming.create(op)
    metadata.create_all(op.get_bind())
    wall(op, *WALLED)
