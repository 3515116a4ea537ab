"""Assertions are good once, and people and machines can be listed."""

from alembic import op

from shared.database import wall

revision = "0004"
down_revision = "0003"

# Which assertions were used, until they end: the id is kept as a hash, since a machine chose it.
USED_ASSERTIONS = """
CREATE TABLE used_assertions (
    tenant text NOT NULL,
    integration_id text NOT NULL,
    jti_hash text NOT NULL,
    ends timestamptz NOT NULL,
    PRIMARY KEY (tenant, integration_id, jti_hash)
)
"""
ENDS = "CREATE INDEX used_assertions_ends ON used_assertions (tenant, ends)"

# Of the heads of all streams the few that lists are made of, whatever the database collates by.
PEOPLE = """
CREATE INDEX streams_of_people ON streams (tenant, stream COLLATE "C")
WHERE starts_with(stream, 'person-')
"""
INTEGRATIONS = """
CREATE INDEX streams_of_integrations ON streams (tenant, stream COLLATE "C")
WHERE starts_with(stream, 'integration-')
"""


def upgrade() -> None:
    """Create the table and the indexes."""
    for statement in (USED_ASSERTIONS, ENDS, PEOPLE, INTEGRATIONS):
        op.execute(statement)
    wall(op, "used_assertions")


def downgrade() -> None:
    """Drop them: assertions of the last minutes could be used again."""
    op.execute("DROP TABLE used_assertions")
    op.execute("DROP INDEX streams_of_people")
    op.execute("DROP INDEX streams_of_integrations")
