"""The tables of erasure: `create(op)` in a migration of intake."""

from shared.database import Operations, wall
from shared.purging import INDEX

# What is asked for and how it stands. It names nobody: ids and times alone, kept for the receipt.
ERASURES = """
CREATE TABLE erasures (
    tenant text NOT NULL,
    request_id text NOT NULL,
    client_id text NOT NULL,
    status text NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    approved_by text,
    approved_at timestamptz,
    execute_at timestamptz,
    refused_by text,
    refused_at timestamptz,
    restricted boolean NOT NULL DEFAULT false,
    executed_at timestamptz,
    client_ids text[] NOT NULL DEFAULT '{}',
    identifiers int NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, request_id)
)
"""
ONE_OPEN = """
CREATE UNIQUE INDEX erasures_one_open ON erasures (tenant, client_id)
WHERE status IN ('requested', 'approved', 'executing')
"""
DUE = """
CREATE INDEX erasures_due ON erasures (execute_at) WHERE status IN ('approved', 'executing')
"""

# Which service has said that nothing of a client is left in it.
CONFIRMATIONS = """
CREATE TABLE erasure_confirmations (
    tenant text NOT NULL,
    client_id text NOT NULL,
    service text NOT NULL,
    confirmed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, client_id, service)
)
"""

# The episodes of a client, for the export: of the heads of all streams these alone.
EPISODES = """
CREATE INDEX streams_of_episodes ON streams (tenant, subject)
WHERE starts_with(stream, 'episode-')
"""


def create(op: Operations) -> None:
    """Create the tables and the indexes."""
    for statement in (ERASURES, ONE_OPEN, DUE, CONFIRMATIONS, EPISODES, INDEX):
        op.execute(statement)
    wall(op, "erasures", "erasure_confirmations")
