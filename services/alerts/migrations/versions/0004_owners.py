"""Whose an alert is, and who hears of it: by the care team as it stands."""

from alembic import op

from shared.database import wall

revision = "0004"
down_revision = "0003"

# Beside the alert's state, since queries ask by it.
EPISODE = "ALTER TABLE alerts ADD COLUMN IF NOT EXISTS episode_id text"
EPISODES = """
UPDATE alerts AS a SET episode_id = convert_from(e.data, 'UTF8')::jsonb ->> 'episode_id'
FROM events AS e
WHERE e.tenant = a.tenant AND e.stream = 'alert-' || a.alert_id AND e.version = 1
    AND a.episode_id IS NULL
"""
EPISODE_KNOWN = "ALTER TABLE alerts ALTER COLUMN episode_id SET NOT NULL"
# Nothing was ever written into it: whose an alert is follows from the care team.
NO_ASSIGNEE = "ALTER TABLE alerts DROP COLUMN IF EXISTS assignee"

# What people are; whoever is not in it was named by a machine alone.
STAFF = """
CREATE TABLE staff (
    tenant text NOT NULL,
    person_id text NOT NULL,
    roles text[] NOT NULL,
    PRIMARY KEY (tenant, person_id)
)
"""

# They are called once a row, and keep plans that are made for tables of any size.
PLANNED = (
    "alert_cared",
    "alert_serves",
    "alert_carers",
    "alert_leads",
    "alert_owner",
    "alert_audience",
)
PLANS = ("plan_cache_mode = force_generic_plan", "enable_seqscan = off")

# Whether somebody still works here, in one of some roles. Of whom intake told nothing it is taken
# on trust, unless `p_known` asks for the role itself.
SERVES = """
CREATE FUNCTION alert_serves(p_tenant text, p_person text, p_roles text[], p_known boolean)
RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT coalesce((
        SELECT roles && p_roles FROM staff WHERE tenant = p_tenant AND person_id = p_person
    ), NOT p_known) AND NOT EXISTS (
        SELECT FROM access_principals
        WHERE tenant = p_tenant AND principal_id = p_person AND NOT active
    )
$$
"""

# Who cares for a client now, or did.
CARED = """
CREATE FUNCTION alert_cared(p_tenant text, p_client text)
RETURNS TABLE (person_id text, episode_id text, role text, since timestamptz, until timestamptz,
    now boolean)
LANGUAGE sql STABLE AS $$
    SELECT a.person_id, a.episode_id, a.role, a.since, a.until,
        a.until IS NULL OR a.until > now()
    FROM access_same(p_tenant, p_client) AS same(id)
    -- A look-up a client: whatever is asked of the rows, of no others.
    CROSS JOIN LATERAL (
        SELECT person_id, episode_id, role, since, until FROM access_care
        WHERE tenant = p_tenant AND client_id = same.id AND (since IS NULL OR since <= now())
        OFFSET 0
    ) AS a
$$
"""

# Who cares for a client now and still works here.
CARERS = """
CREATE FUNCTION alert_carers(p_tenant text, p_client text)
RETURNS TABLE (person_id text, episode_id text, role text, since timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT a.person_id, a.episode_id, a.role, a.since
    FROM alert_cared(p_tenant, p_client) AS a
    WHERE a.now AND alert_serves(p_tenant, a.person_id, CASE a.role
        WHEN 'supervisor' THEN ARRAY['clinician', 'supervisor']
        ELSE ARRAY['clinician']
    END, false)
$$
"""

# Who leads a team of somebody who cares, or (p_ever) once cared, for a client. Nobody is their own
# lead: to have cared is not to care.
LEADS = """
CREATE FUNCTION alert_leads(p_tenant text, p_client text, p_ever boolean)
RETURNS TABLE (person_id text, until timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT led.person_id, led.until FROM (
        SELECT l.person_id, max(coalesce(a.until, 'infinity')) AS until
        FROM alert_cared(p_tenant, p_client) AS a
        CROSS JOIN LATERAL (
            SELECT team_id FROM access_teams
            WHERE tenant = p_tenant AND person_id = a.person_id
            OFFSET 0
        ) AS member
        CROSS JOIN LATERAL (
            SELECT person_id FROM access_teams
            WHERE tenant = p_tenant AND team_id = member.team_id AND leads
                AND person_id <> a.person_id
            OFFSET 0
        ) AS l
        WHERE p_ever OR a.now
        GROUP BY l.person_id
    ) AS led
    WHERE alert_serves(p_tenant, led.person_id, ARRAY['supervisor'], true)
$$
"""

# Whose an alert is: the lead of its episode, else who else cares (co, cover, supervisor), else the
# like of another episode of the client, else the leads of the teams of those who cared last. Null:
# there is nobody left.
OWNER = """
CREATE FUNCTION alert_owner(p_tenant text, p_client text, p_episode text) RETURNS text
LANGUAGE sql STABLE COST 10000 AS $$
    SELECT person_id FROM (
        SELECT person_id, since AS at, CASE role
            WHEN 'lead' THEN 1 WHEN 'co' THEN 2 WHEN 'cover' THEN 3 ELSE 4
        END + CASE WHEN episode_id = p_episode THEN 0 ELSE 10 END AS place
        FROM alert_carers(p_tenant, p_client)
        UNION ALL
        SELECT person_id, until, 100 FROM alert_leads(p_tenant, p_client, true)
    ) AS found
    ORDER BY place, at DESC NULLS LAST, person_id
    LIMIT 1
$$
"""

# Who may hear of a client's alerts: machines, those who care, and those who lead them; where nobody
# is left who cares, who led them.
AUDIENCE = """
CREATE FUNCTION alert_audience(p_tenant text, p_client text, OUT machines boolean,
    OUT restricted boolean, OUT erased boolean, OUT carers text[], OUT supervisors text[])
LANGUAGE sql STABLE STRICT AS $$
    SELECT access_agrees(p_tenant, p_client, 'integrations'),
        EXISTS (
            SELECT FROM access_clients
            WHERE tenant = p_tenant AND client_id IN (SELECT access_same(p_tenant, p_client))
                AND restricted
        ),
        EXISTS (
            SELECT FROM access_clients
            WHERE tenant = p_tenant AND client_id = p_client AND erased_at IS NOT NULL
        ),
        ARRAY(
            SELECT a.person_id FROM alert_cared(p_tenant, p_client) AS a
            WHERE a.now
                AND alert_serves(p_tenant, a.person_id, ARRAY['clinician', 'supervisor'], false)
        ),
        ARRAY(
            SELECT person_id FROM alert_leads(p_tenant, p_client,
                NOT EXISTS (SELECT FROM alert_carers(p_tenant, p_client)))
        )
$$
"""

# The clients for whom nobody is left who cares, and for whom members of the teams that a person
# leads once cared.
ORPHANS = """
CREATE FUNCTION alert_orphans_of(p_tenant text, p_person text) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT client_id FROM (
        SELECT access_same(p_tenant, a.client_id) AS client_id
        FROM access_care AS a
        WHERE a.tenant = p_tenant AND a.person_id <> p_person
            AND a.person_id IN (SELECT access_carers(p_tenant, p_person, true))
            AND (a.since IS NULL OR a.since <= now())
            AND NOT EXISTS (SELECT FROM alert_carers(p_tenant, a.client_id))
    ) AS found
$$
"""


def upgrade() -> None:
    """Create them, and say of each alert to which episode it belongs."""
    op.execute(EPISODE)
    # The owner of the tables is behind the wall as everybody else.
    for table in ("alerts", "events"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(EPISODES)
    for table in ("alerts", "events"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(EPISODE_KNOWN)
    op.execute(NO_ASSIGNEE)
    op.execute(STAFF)
    wall(op, "staff")
    for function in (CARED, SERVES, CARERS, LEADS, OWNER, AUDIENCE, ORPHANS):
        op.execute(function)
    for name in PLANNED:
        for setting in PLANS:
            op.execute(f"ALTER FUNCTION {name} SET {setting}")


def downgrade() -> None:
    """There is no way back from what people were told."""
    raise NotImplementedError
