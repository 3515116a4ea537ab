"""The tables of signing in: `create(op)` in a migration of intake."""

from shared.database import Operations, wall

# `email_hash` and `provider_hash` are keyed hashes; `totp` is sealed under the person's key, and
# in force once `totp_since` says so. `totp_step` is the last step of which a code was taken.
ACCOUNTS = """
CREATE TABLE accounts (
    tenant text NOT NULL,
    person_id text NOT NULL,
    email_hash text,
    provider_hash text,
    password_hash text,
    totp bytea,
    totp_since timestamptz,
    totp_step bigint,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, person_id),
    UNIQUE (tenant, email_hash),
    UNIQUE (tenant, provider_hash)
)
"""

# A related person signs in by what belongs to the client: `client_id` says whose all of it is.
LINKS = """
CREATE TABLE one_time_links (
    tenant text NOT NULL,
    token_hash text NOT NULL,
    purpose text NOT NULL,
    principal_id text NOT NULL,
    client_id text,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (tenant, token_hash)
)
"""
LINKS_OF = "CREATE INDEX one_time_links_of ON one_time_links (tenant, principal_id, purpose)"

SIGN_INS = """
CREATE TABLE sign_ins (
    tenant text NOT NULL,
    session_id text NOT NULL,
    secret_hash text NOT NULL,
    principal_id text NOT NULL,
    principal_kind text NOT NULL,
    client_id text,
    roles text[] NOT NULL,
    user_agent text NOT NULL,
    created_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (tenant, session_id)
)
"""
SIGN_INS_OF = "CREATE INDEX sign_ins_of ON sign_ins (tenant, principal_id)"

CLIENT_PINS = """
CREATE TABLE client_pins (
    tenant text NOT NULL,
    principal_id text NOT NULL,
    client_id text NOT NULL,
    pin_hash text NOT NULL,
    contact_hash text,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, principal_id),
    UNIQUE (tenant, contact_hash)
)
"""

# How often somebody tried as whom, right or wrong, also as who does not exist.
ATTEMPTS = """
CREATE TABLE sign_in_attempts (
    tenant text NOT NULL,
    name_hash text NOT NULL,
    count int NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (tenant, name_hash)
)
"""
ATTEMPTS_BY_AGE = "CREATE INDEX sign_in_attempts_since ON sign_in_attempts (tenant, since)"

TABLES = ("accounts", "one_time_links", "sign_ins", "client_pins", "sign_in_attempts")
OF_CLIENTS = ("one_time_links", "sign_ins", "client_pins")
"""The tables with rows of clients: an erasure removes those whose `client_id` it is."""


def create(op: Operations) -> None:
    """Create the tables, each behind the wall of its tenant."""
    for statement in (
        ACCOUNTS,
        LINKS,
        LINKS_OF,
        SIGN_INS,
        SIGN_INS_OF,
        CLIENT_PINS,
        ATTEMPTS,
        ATTEMPTS_BY_AGE,
    ):
        op.execute(statement)
    wall(op, *TABLES)
