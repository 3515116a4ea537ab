"""The tables that outcomes queries (SQLAlchemy Core); `migrations/` makes them and says why."""

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)

metadata = MetaData()

journal = Table(
    "journal",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("client_id", Text, primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("recorded_at", DateTime(timezone=True)),
    Column("record", LargeBinary),
)

views = Table(
    "views",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("projection", SmallInteger, primary_key=True),
    Column("client_id", Text, primary_key=True),
    Column("row_version", Integer),
    Column("state", LargeBinary),
)

summaries = Table(
    "summaries",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("projection", SmallInteger, primary_key=True),
    Column("client_id", Text, primary_key=True),
    Column("series_id", Text, primary_key=True),
    Column("episode_id", Text),
    Column("measure", Text),
    Column("rater_kind", Text),
    Column("rater_id", Text),
    Column("is_primary", Boolean),
    Column("status", Text),
    Column("clinician_id", Text),
    Column("clinic_id", Text),
    Column("opened_at", DateTime(timezone=True)),
    Column("closed_at", DateTime(timezone=True)),
    Column("ratings", Integer),
    Column("baseline", Integer),
    Column("latest", Integer),
    Column("change", Integer),
    Column("reliable_change", Text),
    Column("classification", Text),
    Column("late_baseline", Boolean),
    Column("first_rating_at", DateTime(timezone=True)),
    Column("last_rating_at", DateTime(timezone=True)),
)

access_clients = Table(
    "access_clients",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("client_id", Text, primary_key=True),
    Column("alias_of", Text),
    Column("restricted", Boolean),
    Column("erased_at", DateTime(timezone=True)),
)
"""Of the kernel's table (`shared/access/`) what says which clients are the same person."""

projections = Table(
    "projections",
    metadata,
    Column("version", SmallInteger, primary_key=True),
    Column("status", Text),
    Column("started_at", DateTime(timezone=True)),
)
