"""A service with nothing but the tables of access."""

from alembic import op

from shared.access import schema

revision = "0001"
down_revision = None


def upgrade() -> None:
    schema.create(op)
    schema.revise(op)
