-- What access asks of its tables. Of sets rather than of one client at a time, so that a list asks
-- once, whoever is on it.

-- Everybody who is the same person as one of some clients, those included: merged clients are
-- aliases of one, which is never an alias itself.
CREATE OR REPLACE FUNCTION access_united(p_tenant text, p_clients text[]) RETURNS SETOF text
LANGUAGE sql STABLE ROWS 100 AS $$
    WITH ones AS (
        SELECT DISTINCT coalesce(c.alias_of, asked.id) AS id
        FROM unnest(p_clients) AS asked(id)
        LEFT JOIN access_clients AS c ON c.tenant = p_tenant AND c.client_id = asked.id
    )
    SELECT id FROM ones
    UNION ALL
    SELECT a.client_id FROM ones
    JOIN access_clients AS a ON a.tenant = p_tenant AND a.alias_of = ones.id
$$;

-- The same of one. Without `access_united`: the planner looks into it, wherever it stands in FROM.
CREATE OR REPLACE FUNCTION access_same(p_tenant text, p_client text) RETURNS SETOF text
LANGUAGE sql STABLE ROWS 2 AS $$
    SELECT coalesce((
        SELECT alias_of FROM access_clients WHERE tenant = p_tenant AND client_id = p_client
    ), p_client)
    UNION
    SELECT client_id FROM access_clients
    WHERE tenant = p_tenant AND alias_of = coalesce((
        SELECT alias_of FROM access_clients WHERE tenant = p_tenant AND client_id = p_client
    ), p_client)
$$;

-- What holds for a purpose where a client has not decided: by the organisation, else the platform.
CREATE OR REPLACE FUNCTION access_default(p_tenant text, p_purpose text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (
            SELECT given FROM access_consent_defaults
            WHERE tenant = p_tenant AND purpose = p_purpose
        ),
        p_purpose <> 'research'
    )
$$;

-- Whether a purpose is agreed to: by the client's decision, else the default. Of merged clients the
-- strictest counts.
CREATE OR REPLACE FUNCTION access_agrees(p_tenant text, p_client text, p_purpose text)
RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT bool_and(coalesce(
        (
            SELECT given FROM access_consents
            WHERE tenant = p_tenant AND client_id = same.id AND purpose = p_purpose
        ),
        access_default(p_tenant, p_purpose)
    ))
    FROM access_same(p_tenant, p_client) AS same(id)
$$;

-- Who does not agree to a purpose by a decision, of their own or of whom they are merged with.
CREATE OR REPLACE FUNCTION access_refusing(p_tenant text, p_purpose text) RETURNS SETOF text
LANGUAGE sql STABLE ROWS 100 AS $$
    SELECT access_united(p_tenant, ARRAY(
        SELECT client_id FROM access_consents
        WHERE tenant = p_tenant AND purpose = p_purpose AND NOT given
    ))
$$;

-- Who agrees to it by a decision, and everybody whom they are merged with too.
CREATE OR REPLACE FUNCTION access_giving(p_tenant text, p_purpose text) RETURNS SETOF text
LANGUAGE sql STABLE ROWS 100 AS $$
    WITH gave AS (
        SELECT client_id FROM access_consents
        WHERE tenant = p_tenant AND purpose = p_purpose AND given
    )
    SELECT client_id FROM gave
    EXCEPT
    SELECT access_united(p_tenant, ARRAY(
        SELECT access_united(p_tenant, ARRAY(SELECT client_id FROM gave))
        EXCEPT
        SELECT client_id FROM gave
    ))
$$;

-- Who is erased, and with p_kept those whom the law demands to keep, with whom they are merged too:
-- nobody works with what they said.
CREATE OR REPLACE FUNCTION access_closed(p_tenant text, p_kept boolean) RETURNS SETOF text
LANGUAGE sql STABLE ROWS 100 AS $$
    SELECT client_id FROM access_clients WHERE tenant = p_tenant AND erased_at IS NOT NULL
    UNION ALL
    SELECT access_united(p_tenant, ARRAY(
        SELECT client_id FROM access_clients WHERE p_kept AND tenant = p_tenant AND restricted
    ))
$$;

-- The person, and with p_team the members of the teams that the person leads.
CREATE OR REPLACE FUNCTION access_carers(p_tenant text, p_person text, p_team boolean)
RETURNS SETOF text
LANGUAGE sql STABLE ROWS 10 AS $$
    SELECT p_person
    UNION
    SELECT member.person_id
    FROM access_teams AS led
    JOIN access_teams AS member USING (tenant, team_id)
    WHERE p_team AND led.tenant = p_tenant AND led.person_id = p_person AND led.leads
$$;

-- The clients whom they care for now.
CREATE OR REPLACE FUNCTION access_clients_of(p_tenant text, p_person text, p_team boolean)
RETURNS SETOF text
LANGUAGE sql STABLE ROWS 100 AS $$
    SELECT access_united(p_tenant, ARRAY(
        SELECT client_id FROM access_care
        WHERE tenant = p_tenant
            AND person_id = ANY (ARRAY(SELECT access_carers(p_tenant, p_person, p_team)))
            AND (since IS NULL OR since <= now()) AND (until IS NULL OR until > now())
    ))
$$;

-- Write down who looked: a row for each place of the arrays, of whatever tenants they are.
--
-- With p_outcome it goes with an append (see there): only what was written, or answered as it was
-- before, was looked at; p_callers says whose the rows are, and the tenants have been set.
CREATE OR REPLACE FUNCTION access_looked(
    p_outcome smallint[], p_callers integer[], p_at timestamptz[], p_tenants text[],
    p_ids text[], p_principals text[], p_kinds text[], p_whys text[], p_actions text[],
    p_permissions text[], p_clients text[], p_traces text[])
RETURNS void
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    IF p_outcome IS NULL THEN
        PERFORM set_config('heroic.tenants', p_tenants::text, true);
    END IF;
    INSERT INTO audit (at, tenant, audit_id, principal_id, principal_kind, why, action,
        permission, client_id, trace_id)
    SELECT u.at, u.tenant, u.id, u.principal, u.kind, u.why, u.action, u.permission, u.client,
        u.trace
    FROM unnest(p_callers, p_at, p_tenants, p_ids, p_principals, p_kinds, p_whys, p_actions,
            p_permissions, p_clients, p_traces)
        AS u (caller, at, tenant, id, principal, kind, why, action, permission, client, trace)
    WHERE p_outcome IS NULL OR p_outcome[u.caller] IN (0, 2);
END
$$;
