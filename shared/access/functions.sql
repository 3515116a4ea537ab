-- What access asks of its tables. Plain SQL functions: the planner looks into them.

-- Everybody who is the same person as a client, that client included: merged clients are aliases
-- of one.
CREATE OR REPLACE FUNCTION access_same(p_tenant text, p_client text) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    SELECT coalesce((
        SELECT alias_of FROM access_clients WHERE tenant = p_tenant AND client_id = p_client
    ), p_client)
    UNION
    SELECT client_id FROM access_clients
    WHERE tenant = p_tenant AND alias_of = coalesce((
        SELECT alias_of FROM access_clients WHERE tenant = p_tenant AND client_id = p_client
    ), p_client)
$$;

-- Whether a purpose is agreed to: by the client's decision, else the organisation's default, else
-- the platform's. Of merged clients the strictest counts.
CREATE OR REPLACE FUNCTION access_agrees(p_tenant text, p_client text, p_purpose text)
RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT bool_and(coalesce(
        (
            SELECT given FROM access_consents
            WHERE tenant = p_tenant AND client_id = same.id AND purpose = p_purpose
        ),
        (
            SELECT given FROM access_consent_defaults
            WHERE tenant = p_tenant AND purpose = p_purpose
        ),
        p_purpose <> 'research'
    ))
    FROM access_same(p_tenant, p_client) AS same(id)
$$;

-- The clients whom a person cares for now, and, with p_team, those whom members of the teams that
-- the person leads care for.
CREATE OR REPLACE FUNCTION access_carers(p_tenant text, p_person text, p_team boolean)
RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    SELECT p_person
    UNION
    SELECT member.person_id
    FROM access_teams AS led
    JOIN access_teams AS member USING (tenant, team_id)
    WHERE p_team AND led.tenant = p_tenant AND led.person_id = p_person AND led.leads
$$;

CREATE OR REPLACE FUNCTION access_clients_of(p_tenant text, p_person text, p_team boolean)
RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    WITH cared AS (
        SELECT DISTINCT client_id FROM access_care
        WHERE tenant = p_tenant
            AND person_id IN (SELECT access_carers(p_tenant, p_person, p_team))
            AND (since IS NULL OR since <= now()) AND (until IS NULL OR until > now())
    )
    SELECT client_id FROM cared
    UNION
    SELECT other.client_id
    FROM cared
    JOIN access_clients AS mine ON mine.tenant = p_tenant AND mine.client_id = cared.client_id
    JOIN access_clients AS other ON other.tenant = p_tenant
        AND coalesce(other.alias_of, other.client_id) = coalesce(mine.alias_of, mine.client_id)
    WHERE mine.alias_of IS NOT NULL OR EXISTS (
        SELECT FROM access_clients
        WHERE tenant = p_tenant AND alias_of = mine.client_id
    )
$$;
