"""The wrapped keys of subjects, and tombstones where one was destroyed."""

from alembic import op

revision = "0001"
down_revision = None

TABLE = """
CREATE TABLE subject_keys (
    tenant text NOT NULL,
    subject text NOT NULL,
    wrapped_key bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    PRIMARY KEY (tenant, subject),
    CONSTRAINT key_or_tombstone CHECK ((wrapped_key IS NULL) = (destroyed_at IS NOT NULL))
)
"""

# A tombstone must outlive every mistake: no role but the owner may delete one. Who inspects the
# other databases has no business here.
RIGHTS = (
    "REVOKE ALL ON subject_keys FROM heroic_app, heroic_reader, heroic_inspect",
    "GRANT SELECT, INSERT ON subject_keys TO heroic_app",
    "GRANT UPDATE (wrapped_key, destroyed_at) ON subject_keys TO heroic_app",
    "GRANT SELECT ON subject_keys TO heroic_reader",
)


def upgrade() -> None:
    """Make the table and say who may do what."""
    for statement in (TABLE, *RIGHTS):
        op.execute(statement)
