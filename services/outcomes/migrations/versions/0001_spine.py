"""The journal, the views and summaries folded from it, and what the assessor remembers."""

from alembic import op

from shared.consuming import schema as consuming
from shared.database import APP_ROLE, INSPECT_ROLE, READER_ROLE, wall
from shared.eventstore import schema as eventstore

revision = "0001"
down_revision = None

# Records as they came from Kafka, private parts still sealed: all that views are folded from.
JOURNAL = """
CREATE TABLE journal (
    tenant text NOT NULL,
    client_id text NOT NULL,
    stream text NOT NULL,
    version int NOT NULL,
    recorded_at timestamptz NOT NULL,
    record bytea NOT NULL,
    PRIMARY KEY (tenant, client_id, stream, version)
)
"""

# One row a client and version of the projection. Room on each page, so that an update of the
# state finds its place beside the old one; states are dense already, compressing costs only time.
VIEWS = """
CREATE TABLE views (
    tenant text NOT NULL,
    projection smallint NOT NULL,
    client_id text NOT NULL,
    row_version int NOT NULL,
    state bytea STORAGE EXTERNAL NOT NULL,
    PRIMARY KEY (tenant, projection, client_id)
) WITH (fillfactor = 60, toast_tuple_target = 4080)
"""

# Scores are tenths. A client's words and names are in none of these tables.
SUMMARIES = """
CREATE TABLE summaries (
    tenant text NOT NULL,
    projection smallint NOT NULL,
    client_id text NOT NULL,
    series_id text NOT NULL,
    episode_id text NOT NULL,
    measure text NOT NULL,
    rater_kind text NOT NULL,
    rater_id text,
    is_primary boolean NOT NULL,
    status text NOT NULL,
    clinician_id text,
    clinic_id text,
    opened_at timestamptz,
    closed_at timestamptz,
    ratings int NOT NULL,
    baseline int,
    latest int,
    change int,
    reliable_change text,
    classification text,
    late_baseline boolean NOT NULL,
    first_rating_at timestamptz,
    last_rating_at timestamptz,
    PRIMARY KEY (tenant, projection, client_id, series_id)
) WITH (fillfactor = 70)
"""

# Which version of the projection is read (live) and which is being made beside it (building).
# What changed since `since` (a place in the order of view_changes) is built again before a
# switch. No tenant: it says nothing about anybody.
PROJECTIONS = """
CREATE TABLE projections (
    version smallint PRIMARY KEY,
    status text NOT NULL CHECK (status IN ('live', 'building', 'retired')),
    since xid8 NOT NULL DEFAULT pg_snapshot_xmin(pg_current_snapshot()),
    started_at timestamptz NOT NULL DEFAULT now()
)
"""
ONE_LIVE = "CREATE UNIQUE INDEX projections_live ON projections (status) WHERE status = 'live'"

# Which clients' views a transaction changed, in the order of (xid, position) below the horizon:
# a feed for open pages and for the catching up of a rebuild, pruned after an hour.
VIEW_CHANGES = """
CREATE TABLE view_changes (
    tenant text NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    position bigint GENERATED ALWAYS AS IDENTITY,
    changed_at timestamptz NOT NULL DEFAULT now(),
    client_ids text[] NOT NULL,
    PRIMARY KEY (tenant, xid, position)
)
"""

# What the assessor remembers of a client.
ASSESSOR_STATES = """
CREATE TABLE assessor_states (
    tenant text NOT NULL,
    client_id text NOT NULL,
    row_version int NOT NULL,
    state bytea STORAGE EXTERNAL NOT NULL,
    PRIMARY KEY (tenant, client_id)
) WITH (fillfactor = 60, toast_tuple_target = 4080)
"""

WALLED = ("journal", "views", "summaries", "view_changes", "assessor_states")


def upgrade() -> None:
    """Create everything."""
    eventstore.create(op)
    consuming.create(op)
    for statement in (
        JOURNAL,
        VIEWS,
        SUMMARIES,
        PROJECTIONS,
        ONE_LIVE,
        VIEW_CHANGES,
        ASSESSOR_STATES,
        "INSERT INTO projections (version, status) VALUES (1, 'live')",
    ):
        op.execute(statement)
    wall(op, *WALLED)
    op.execute(f"GRANT SELECT ON projections TO {APP_ROLE}, {READER_ROLE}, {INSPECT_ROLE}")
    # Operators build, compare and switch versions, whoever the tenants are.
    op.execute(f"GRANT INSERT, UPDATE, DELETE ON views, summaries, projections TO {READER_ROLE}")


def downgrade() -> None:
    """There is nothing before the first version."""
    raise NotImplementedError
