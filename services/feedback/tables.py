"""The tables of feedback beside those of the kernel."""

from sqlalchemy import Column, DateTime, Index, MetaData, Table, Text

metadata = MetaData()

episodes = Table(
    "episodes",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("episode_id", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("age_group", Text, nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("closed_at", DateTime(timezone=True)),
    Column("external_hash", Text),
    # The hash first: by the tenant alone, all of its rows would be entered through this index.
    Index("episodes_by_external_hash", "external_hash", "tenant"),
)
"""Every episode that intake opened: what is needed to take a rating of it."""
