"""Erasure: what is asked for, what is done, and who has confirmed it."""

from alembic import op

from services.intake.erasure import schema

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the tables of erasure."""
    schema.create(op)


def downgrade() -> None:
    """There is no way back from what was erased."""
    raise NotImplementedError
