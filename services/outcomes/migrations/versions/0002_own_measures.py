"""Organisations' own measures, and who waits for the definition of one."""

from alembic import op

from shared.database import wall

revision = "0002"
down_revision = "0001"

# A version of a measure never changes. The document is as feedback published it.
DEFINITIONS = """
CREATE TABLE definitions (
    tenant text NOT NULL,
    key text NOT NULL,
    version int NOT NULL,
    document text NOT NULL,
    PRIMARY KEY (tenant, key, version)
)
"""

# Clients of whom a consumer group has met a rating whose definition had not arrived.
WAITING = """
CREATE TABLE waiting (
    tenant text NOT NULL,
    group_name text NOT NULL,
    key text NOT NULL,
    version int NOT NULL,
    client_id text NOT NULL,
    PRIMARY KEY (tenant, group_name, key, version, client_id)
)
"""


def upgrade() -> None:
    """Create both."""
    for statement in (DEFINITIONS, WAITING):
        op.execute(statement)
    wall(op, "definitions", "waiting")


def downgrade() -> None:
    """There is no way back from published measures."""
    raise NotImplementedError
