"""The tables that consumers of a service keep in its database."""

from shared.database import (
    APP_ROLE,
    INSPECT_ROLE,
    READER_ROLE,
    Operations,
    wall,
    worker_policy_ddl,
)

# Where each group stands in each partition: a place to resume, and a fence against zombies.
# No tenant: it says nothing about anybody. `failing` counts up with each event that had to be
# parked and down with each that was applied; `reread_until` is set while a gap is re-read.
CHECKPOINTS = """
CREATE TABLE consumer_checkpoints (
    group_name text NOT NULL,
    topic text NOT NULL,
    partition int NOT NULL,
    topic_id text NOT NULL,
    next_offset bigint NOT NULL,
    reread_until bigint NOT NULL DEFAULT 0,
    failing int NOT NULL DEFAULT 0,
    through timestamptz,
    PRIMARY KEY (group_name, topic, partition)
) WITH (fillfactor = 50)
"""

# The last event of each stream that each group applied. Room on each page, so that the update
# of a version stays on it.
CONSUMED = """
CREATE TABLE consumed (
    tenant text NOT NULL,
    group_name text NOT NULL,
    stream text NOT NULL,
    version int NOT NULL,
    last_id text NOT NULL,
    PRIMARY KEY (tenant, group_name, stream)
) WITH (fillfactor = 70)
"""

# For groups that take each event by itself: which they have taken.
SEEN_EVENTS = """
CREATE TABLE seen_events (
    tenant text NOT NULL,
    group_name text NOT NULL,
    event_id text NOT NULL,
    PRIMARY KEY (tenant, group_name, event_id)
)
"""

# Records as they came, private parts still sealed. The tenant is empty where the record could
# not be read: no request ever names the empty tenant, so only operators see those.
PARKED = """
CREATE TABLE parked (
    tenant text NOT NULL,
    group_name text NOT NULL,
    event_id text NOT NULL,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    holder text NOT NULL,
    type text,
    subject text,
    stream text,
    version int,
    topic text NOT NULL,
    partition int NOT NULL,
    record_offset bigint NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    tries int NOT NULL DEFAULT 1,
    parked_at timestamptz NOT NULL DEFAULT now(),
    status text NOT NULL DEFAULT 'parked' CHECK (status IN ('parked', 'discarded', 'passed')),
    raw bytea NOT NULL,
    PRIMARY KEY (tenant, group_name, event_id)
)
"""
PARKED_BY_HOLDER = "CREATE INDEX parked_by_holder ON parked (tenant, group_name, holder, seq)"

# Who is held back: one row a client (or a stream, where the key is an organisation) with parked
# events, and since when its data is missing.
HELD = """
CREATE TABLE held (
    tenant text NOT NULL,
    group_name text NOT NULL,
    holder text NOT NULL,
    since timestamptz NOT NULL,
    reason text NOT NULL,
    stream text NOT NULL,
    PRIMARY KEY (tenant, group_name, holder)
)
"""

# Whose parked events are to be tried again, by the worker of their partition: at once, or once
# a worker knows the event type `waiting_for`. Workers look for the work of all tenants here: see
# `wall`.
REPLAYS = """
CREATE TABLE replays (
    tenant text NOT NULL,
    group_name text NOT NULL,
    holder text NOT NULL,
    partition int NOT NULL,
    waiting_for text,
    PRIMARY KEY (tenant, group_name, holder)
)
"""

WALLED = ("consumed", "seen_events", "parked", "held")
OPEN = ("consumer_checkpoints", "replays")


def create(op: Operations) -> None:
    """Create the tables, in a service's first migration."""
    for statement in (CHECKPOINTS, CONSUMED, SEEN_EVENTS, PARKED, PARKED_BY_HOLDER, HELD, REPLAYS):
        op.execute(statement)
    wall(op, *WALLED)
    for table in OPEN:
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP_ROLE}")
        op.execute(f"GRANT SELECT ON {table} TO {READER_ROLE}, {INSPECT_ROLE}")
    # Operators replay and discard what is parked, whoever the tenant is.
    for table in ("consumed", "parked", "held", "replays", "consumer_checkpoints"):
        op.execute(f"GRANT INSERT, UPDATE, DELETE ON {table} TO {READER_ROLE}")
    op.execute(f"REVOKE ALL ON parked FROM {INSPECT_ROLE}")


def wall_replays(op: Operations) -> None:
    """Put the wall around `replays`, in a later migration; workers see whose turn it is."""
    wall(op, "replays")
    op.execute(worker_policy_ddl("replays"))


def drop(op: Operations) -> None:
    """Drop the tables."""
    for table in (*WALLED, *OPEN):
        op.execute(f"DROP TABLE {table}")
