"""The tables that feedback starts with."""

from importlib.resources import files

from alembic import op

from services.feedback.tables import metadata
from shared.consuming import schema as consuming
from shared.database import wall
from shared.eventstore import schema as eventstore

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create events, what a consumer keeps, and the episodes."""
    eventstore.create(op)
    consuming.create(op)
    metadata.create_all(op.get_bind())
    wall(op, "episodes")
    op.execute(files("services.feedback").joinpath("known.sql").read_text())
