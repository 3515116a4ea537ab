"""A wall around each tenant's keys, and by which key-encryption key each was wrapped."""

from alembic import op

from shared.database import APP_ROLE, READER_ROLE, VISIBLE

revision = "0002"
down_revision = "0001"

WRAPPED_BY = "ALTER TABLE subject_keys ADD COLUMN wrapped_by text NOT NULL DEFAULT ''"

WALL = (
    "ALTER TABLE subject_keys ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE subject_keys FORCE ROW LEVEL SECURITY",
    f"CREATE POLICY tenant_wall ON subject_keys USING ({VISIBLE}) WITH CHECK ({VISIBLE})",
)

# Operators wrap keys anew, whoever's they are; destroying one is none of that.
RIGHTS = f"GRANT UPDATE (wrapped_key, wrapped_by) ON subject_keys TO {READER_ROLE}"
RIGHTS_OF_APP = f"GRANT UPDATE (wrapped_by) ON subject_keys TO {APP_ROLE}"

SEE = """
CREATE FUNCTION heroic_keys_see(p_tenants text[]) RETURNS void
LANGUAGE sql AS $$
    SELECT set_config(
        'heroic.tenants', ARRAY(SELECT DISTINCT unnest(p_tenants))::text, true
    )
$$
"""

# One look-up a key (`OFFSET 0` keeps them apart): joined, under the wall, the planner would rather
# read the whole table.
FETCH = """
CREATE FUNCTION heroic_keys(p_tenants text[], p_subjects text[])
RETURNS TABLE (tenant text, subject text, wrapped_by text, wrapped_key bytea)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM heroic_keys_see(p_tenants);
    RETURN QUERY
        SELECT asked.tenant, asked.subject, key.wrapped_by, key.wrapped_key
        FROM unnest(p_tenants, p_subjects) AS asked (tenant, subject)
        CROSS JOIN LATERAL (
            SELECT one.wrapped_by, one.wrapped_key FROM subject_keys AS one
            WHERE one.tenant = asked.tenant AND one.subject = asked.subject
            OFFSET 0
        ) AS key;
END
$$
"""

# One order for all: two processes that make the same keys at once never deadlock.
CREATE = """
CREATE FUNCTION heroic_keys_create(
    p_tenants text[], p_subjects text[], p_by text[], p_keys bytea[]
) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM heroic_keys_see(p_tenants);
    INSERT INTO subject_keys (tenant, subject, wrapped_by, wrapped_key)
    SELECT * FROM unnest(p_tenants, p_subjects, p_by, p_keys)
        AS made (tenant, subject, wrapped_by, wrapped_key)
    ORDER BY tenant, subject
    ON CONFLICT DO NOTHING;
END
$$
"""

DESTROY = """
CREATE FUNCTION heroic_keys_destroy(p_tenant text, p_subject text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM heroic_keys_see(ARRAY[p_tenant]);
    INSERT INTO subject_keys AS key (tenant, subject, wrapped_key, destroyed_at)
    VALUES (p_tenant, p_subject, NULL, now())
    ON CONFLICT (tenant, subject) DO UPDATE SET wrapped_key = NULL, destroyed_at = now()
    WHERE key.destroyed_at IS NULL;
END
$$
"""


def upgrade() -> None:
    """Put it up, with the functions that name the tenants they touch."""
    for statement in (WRAPPED_BY, *WALL, RIGHTS, RIGHTS_OF_APP, SEE, FETCH, CREATE, DESTROY):
        op.execute(statement)
