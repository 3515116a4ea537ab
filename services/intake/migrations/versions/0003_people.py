"""By what people and clients sign in; none of it is an event, since none of it is history."""

from alembic import op

from services.intake.people import schema

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables of signing in."""
    schema.create(op)


def downgrade() -> None:
    """There is no way back from what lets people in."""
    raise NotImplementedError
