"""A service with nothing but an event store."""

from alembic import op

from shared.eventstore import schema

revision = "0001"
down_revision = None


def upgrade() -> None:
    schema.create(op)
