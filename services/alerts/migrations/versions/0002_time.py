"""What rules of time look at, and when they next look."""

from alembic import op

from shared.database import APP_ROLE, INSPECT_ROLE, READER_ROLE, wall

revision = "0002"
down_revision = "0001"

# An episode that is known only from what was parked, or closed without having been opened, has
# no opening.
EPISODES = """
ALTER TABLE episodes ADD COLUMN opened_at timestamptz, ADD COLUMN told_at timestamptz,
    ADD COLUMN imported boolean NOT NULL DEFAULT false
"""
EPISODES_OF_CLIENT = "CREATE INDEX episodes_by_client ON episodes (tenant, client_id)"

SESSIONS = """
CREATE TABLE sessions (
    tenant text NOT NULL,
    episode_id text NOT NULL,
    session_id text NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz,
    status text NOT NULL,
    known_at timestamptz NOT NULL,
    told_at timestamptz NOT NULL,
    imported boolean NOT NULL,
    PRIMARY KEY (tenant, episode_id, session_id)
)
"""

# A rating that was moved is in two episodes until word of both has come, hence the episode in the
# key. `risk` is the highest answer to a risk item (tenths).
FORMS = """
CREATE TABLE forms (
    tenant text NOT NULL,
    episode_id text NOT NULL,
    form_id text NOT NULL,
    at timestamptz NOT NULL,
    session_id text,
    declined boolean NOT NULL,
    told_at timestamptz NOT NULL,
    imported boolean NOT NULL,
    measure text NOT NULL,
    rater_kind text NOT NULL,
    rater_id text,
    risk int,
    historical boolean NOT NULL,
    delivered boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, episode_id, form_id)
)
"""

CLIENTS = """
CREATE TABLE clients (
    tenant text NOT NULL,
    client_id text NOT NULL,
    measuring text NOT NULL DEFAULT 'on',
    measuring_since timestamptz,
    held_since timestamptz,
    PRIMARY KEY (tenant, client_id)
)
"""
HELD_CLIENTS = "CREATE INDEX clients_held ON clients (tenant) WHERE held_since IS NOT NULL"

# What an organisation said of its rules, as its stream has it.
RULE_SETS = """
CREATE TABLE rule_sets (
    tenant text NOT NULL,
    version int NOT NULL,
    document bytea NOT NULL,
    PRIMARY KEY (tenant, version)
)
"""

# Which episodes are to be looked at once everything through `at` has been processed; `touched`
# tells whether something came in since. Without row-level security, as `tenants`: the clock goes
# for all tenants, and a row holds nothing but random ids.
DUE = """
CREATE TABLE due (
    tenant text NOT NULL,
    episode_id text NOT NULL,
    at timestamptz NOT NULL,
    touched bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, episode_id)
)
"""
DUE_NEXT = "CREATE INDEX due_next ON due (at)"

TENANTS = "CREATE TABLE tenants (tenant text PRIMARY KEY)"


def upgrade() -> None:
    """Create them."""
    for statement in (EPISODES, EPISODES_OF_CLIENT, SESSIONS, FORMS, CLIENTS, HELD_CLIENTS):
        op.execute(statement)
    for statement in (RULE_SETS, DUE, DUE_NEXT, TENANTS):
        op.execute(statement)
    wall(op, "sessions", "forms", "clients", "rule_sets")
    for table in ("due", "tenants"):
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP_ROLE}")
        op.execute(f"GRANT SELECT ON {table} TO {READER_ROLE}, {INSPECT_ROLE}")


def downgrade() -> None:
    """There is no way back from alerts that time has raised."""
    raise NotImplementedError
