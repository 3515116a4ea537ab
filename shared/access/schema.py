"""The tables of access, the same in every service: `create(op)` in a migration of its."""

from importlib.resources import files

from shared.database import APP_ROLE, Operations, wall

# Who may not use tokens of before: people and machines, and clients who signed in.
PRINCIPALS = """
CREATE TABLE access_principals (
    tenant text NOT NULL,
    principal_id text NOT NULL,
    active boolean NOT NULL DEFAULT true,
    not_before timestamptz,
    PRIMARY KEY (tenant, principal_id)
)
"""
NOT_BEFORE = "CREATE INDEX access_not_before ON access_principals (tenant, not_before)"

ENDED_SESSIONS = """
CREATE TABLE access_ended_sessions (
    tenant text NOT NULL,
    session_id text NOT NULL,
    ended_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, session_id)
)
"""

TEAMS = """
CREATE TABLE access_teams (
    tenant text NOT NULL,
    team_id text NOT NULL,
    person_id text NOT NULL,
    leads boolean NOT NULL,
    PRIMARY KEY (tenant, team_id, person_id)
)
"""
TEAMS_OF = "CREATE INDEX access_teams_of ON access_teams (tenant, person_id)"

# Who cares for whom and when; `since` null: since ever.
CARE = """
CREATE TABLE access_care (
    tenant text NOT NULL,
    episode_id text NOT NULL,
    person_id text NOT NULL,
    role text NOT NULL,
    seq int NOT NULL,
    client_id text NOT NULL,
    since timestamptz,
    until timestamptz,
    PRIMARY KEY (tenant, episode_id, person_id, role, seq)
)
"""
CARE_OF_PERSON = "CREATE INDEX access_care_of_person ON access_care (tenant, person_id, client_id)"
CARE_OF_CLIENT = "CREATE INDEX access_care_of_client ON access_care (tenant, client_id)"

CLIENTS = """
CREATE TABLE access_clients (
    tenant text NOT NULL,
    client_id text NOT NULL,
    alias_of text,
    measuring text NOT NULL DEFAULT 'on',
    measuring_since timestamptz,
    restricted boolean NOT NULL DEFAULT false,
    erased_at timestamptz,
    PRIMARY KEY (tenant, client_id)
)
"""
ALIASES = """
CREATE INDEX access_aliases ON access_clients (tenant, alias_of) WHERE alias_of IS NOT NULL
"""

# Of whom there is something to know before they are written of: few.
UNUSUAL = """
CREATE INDEX access_unusual ON access_clients (tenant, client_id)
WHERE alias_of IS NOT NULL OR measuring = 'declined' OR restricted
"""

CONSENTS = """
CREATE TABLE access_consents (
    tenant text NOT NULL,
    client_id text NOT NULL,
    purpose text NOT NULL,
    given boolean NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (tenant, client_id, purpose)
)
"""

# What holds where a client has not decided; a purpose without a row: the platform's default.
POLICIES = """
CREATE TABLE access_consent_defaults (
    tenant text NOT NULL,
    purpose text NOT NULL,
    given boolean NOT NULL,
    PRIMARY KEY (tenant, purpose)
)
"""

RELATED = """
CREATE TABLE access_related (
    tenant text NOT NULL,
    related_id text NOT NULL,
    client_id text NOT NULL,
    relation text NOT NULL,
    may_see text[] NOT NULL,
    PRIMARY KEY (tenant, related_id)
)
"""
RELATED_OF = "CREATE INDEX access_related_of ON access_related (tenant, client_id)"

# Who did or saw what, never changed: ids alone, so that it outlives what it speaks of.
AUDIT = """
CREATE TABLE audit (
    tenant text NOT NULL,
    audit_id text NOT NULL,
    at timestamptz NOT NULL,
    principal_id text NOT NULL,
    principal_kind text NOT NULL,
    why text NOT NULL,
    action text NOT NULL,
    permission text NOT NULL,
    client_id text NOT NULL,
    trace_id text,
    PRIMARY KEY (tenant, audit_id)
)
"""
AUDIT_OF_CLIENT = "CREATE INDEX audit_of_client ON audit (tenant, client_id, audit_id)"
# Machines write most of the rows: theirs are found by going back in time.
AUDIT_OF_PRINCIPAL = """
CREATE INDEX audit_of_principal ON audit (tenant, principal_id, audit_id)
WHERE principal_kind <> 'integration'
"""

WALLED = (
    "access_principals",
    "access_ended_sessions",
    "access_teams",
    "access_care",
    "access_clients",
    "access_consents",
    "access_consent_defaults",
    "access_related",
    "audit",
)


def create(op: Operations) -> None:
    """Create the tables and the functions on them."""
    for statement in (
        PRINCIPALS,
        NOT_BEFORE,
        ENDED_SESSIONS,
        TEAMS,
        TEAMS_OF,
        CARE,
        CARE_OF_PERSON,
        CARE_OF_CLIENT,
        CLIENTS,
        ALIASES,
        UNUSUAL,
        CONSENTS,
        POLICIES,
        RELATED,
        RELATED_OF,
        AUDIT,
        AUDIT_OF_CLIENT,
        AUDIT_OF_PRINCIPAL,
    ):
        op.execute(statement)
    wall(op, *WALLED)
    op.execute(f"REVOKE UPDATE, DELETE ON audit FROM {APP_ROLE}")
    create_functions(op)


def revise(op: Operations) -> None:
    """Bring what a first `create` has made to what it is now, in a later migration."""
    op.execute("CREATE INDEX access_kept ON access_clients (tenant, client_id) WHERE restricted")
    create_functions(op)


def create_functions(op: Operations) -> None:
    """Make the functions, or make them as they are now."""
    functions = files("shared.access").joinpath("functions.sql").read_text()
    # The driver takes one statement at a time.
    for function in functions.rstrip().removesuffix("$$;").split("$$;"):
        op.execute(f"{function}$$")
