"""The tables of alerts beside those of the kernel."""

from sqlalchemy import (
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

metadata = MetaData()

OPEN = "status NOT IN ('resolved', 'withdrawn')"

alerts = Table(
    "alerts",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("alert_id", Text, primary_key=True),
    Column("series_id", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("episode_id", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("raised_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("version", Integer, nullable=False),
    Column("live_version", Integer),
    Column("state", LargeBinary, nullable=False),
    Index("alerts_live", "tenant", "alert_id", postgresql_where=text("live_version IS NOT NULL")),
    Index(
        "alerts_one_open", "tenant", "series_id", "rule", unique=True, postgresql_where=text(OPEN)
    ),
    Index("alerts_by_series", "tenant", "series_id"),
    Index("alerts_by_client", "tenant", "client_id"),
    Index("alerts_newest_first", "tenant", "raised_at", "alert_id"),
)
"""Every alert as its stream says it stands, written in the transaction of the stream's events.

`state` is the packed `domain.alert.Alert`; the columns beside it are what lists filter by, and
`live_version` what the stream does: it finds the few that are not history by an index of their own.
"""

judgements = Table(
    "judgements",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("series_id", Text, primary_key=True),
    Column("rating_id", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("state", LargeBinary, nullable=False),
)
"""The last word on each rating: what the rules said of it, a packed `domain.judged.Judged`."""

taken = Table(
    "taken",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("version", Integer, nullable=False),
)
"""How far the risk group, which has no order of its own, has come in each stream of feedback."""

episodes = Table(
    "episodes",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("episode_id", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("closed_at", DateTime(timezone=True)),
)
"""The episodes that intake has opened."""

WALLED = (alerts.name, judgements.name, taken.name, episodes.name)
