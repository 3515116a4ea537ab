"""Who reaches whom, and who looked."""

from importlib.resources import files

from alembic import op

from shared.access import schema

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables of access, and let commands know what is in them."""
    schema.create(op)
    # It answers more than before, and so is another function.
    op.execute("DROP FUNCTION feedback_known(text, text[], text[], text[])")
    op.execute(files("services.feedback").joinpath("known.sql").read_text())


def downgrade() -> None:
    """There is no way back from what was written down about who looked."""
    raise NotImplementedError
