"""What commands need to know of organisations' own measures."""

from importlib.resources import files

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Tell versions of streams, and find the streams of an organisation's measures by an index."""
    op.execute(files("services.feedback").joinpath("known.sql").read_text())
    # Of measures alone: no other append pays for it, and no collation matters.
    op.execute(
        "CREATE INDEX streams_of_measures ON streams (tenant, stream) WHERE stream LIKE 'measure-%'"
    )
