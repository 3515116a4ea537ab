"""The tables and functions of an event store, made by the first migration of each service."""

from importlib.resources import files

from shared.database import APP_ROLE, INSPECT_ROLE, READER_ROLE, Operations, wall

CHANNEL = "heroic_events"
"""The NOTIFY channel on which a commit of events rings; the payload is its transaction id."""


# No foreign key and three indexes on events: each further one is paid by every append.
TABLES = [
    """CREATE TABLE installation (
        epoch integer NOT NULL,
        id uuid NOT NULL DEFAULT gen_random_uuid()
    )""",
    "INSERT INTO installation (epoch) VALUES (1)",
    """CREATE TABLE events (
        tenant text NOT NULL,
        stream text NOT NULL,
        version integer NOT NULL CHECK (version > 0),
        xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
        position bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
        id uuid NOT NULL,
        type text NOT NULL,
        subject text NOT NULL,
        schema_version smallint NOT NULL,
        recorded_at timestamptz NOT NULL,
        correlation_id text NOT NULL,
        causation_id text,
        traceparent text,
        data bytea NOT NULL,
        CONSTRAINT events_stream_version PRIMARY KEY (tenant, stream, version),
        CONSTRAINT events_id UNIQUE (id)
    )""",
    "CREATE INDEX events_order ON events (xid, position)",
    # `xid` is that of the last append: see heroic_append. `ref` is what a claim points to.
    """CREATE TABLE streams (
        tenant text NOT NULL,
        stream text NOT NULL,
        version integer NOT NULL,
        subject text NOT NULL,
        ref text,
        last_id uuid,
        xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
        CONSTRAINT streams_key PRIMARY KEY (tenant, stream)
    ) WITH (fillfactor = 80)""",
    """CREATE TABLE idempotency (
        tenant text NOT NULL,
        principal text NOT NULL,
        key text NOT NULL,
        request_hash bytea NOT NULL,
        status smallint NOT NULL,
        response bytea NOT NULL,
        recorded_at timestamptz NOT NULL,
        CONSTRAINT idempotency_key PRIMARY KEY (tenant, principal, key)
    )""",
    """CREATE TABLE relay_checkpoint (
        only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
        xid xid8 NOT NULL,
        position bigint NOT NULL
    )""",
    "INSERT INTO relay_checkpoint (xid, position) VALUES ('0', 0)",
]

RIGHTS = [
    f"REVOKE UPDATE, DELETE ON events FROM {APP_ROLE}",
    f"REVOKE ALL ON relay_checkpoint, installation FROM {APP_ROLE}",
    f"GRANT SELECT ON installation TO {APP_ROLE}, {READER_ROLE}, {INSPECT_ROLE}",
    f"GRANT SELECT, UPDATE ON relay_checkpoint TO {READER_ROLE}",
    f"GRANT SELECT ON relay_checkpoint TO {INSPECT_ROLE}",
]

WALLED = ("events", "streams", "idempotency")


def create(op: Operations) -> None:
    """Make the store's tables, walls, rights and functions."""
    for statement in TABLES:
        op.execute(statement)
    wall(op, *WALLED)
    for statement in RIGHTS:
        op.execute(statement)
    for name in ("append.sql", "heads.sql", "read.sql", "stored_response.sql"):
        op.execute(files(__package__).joinpath(name).read_text())
