"""Intake keeps its events and nothing else."""

from alembic import op

from shared.eventstore import schema

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the event store."""
    schema.create(op)
