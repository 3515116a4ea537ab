-- What commands on ratings must know, in one round trip and without a transaction around it: for
-- each of p_ids and p_hashes its episode with the version of its ratings' stream (0: none yet), for
-- each of p_claims who holds it. What is not there is left out. A stream of the organisation that
-- is no claim may stand among p_claims too: it comes with its version.
--
-- `declined_since` is when the client, or somebody who is the same person, declined measuring;
-- `restricted` says that nobody works with their data.
--
-- Every index is entered by the whole of its key; no other plan is allowed, since under the policy
-- of tenants it would read every row of the tenant.
CREATE OR REPLACE FUNCTION feedback_known(
    p_tenant text, p_ids text[], p_hashes text[], p_claims text[])
RETURNS TABLE (
    asked text, episode_id text, client_id text, age_group text, opened_at timestamptz,
    closed_at timestamptz, version integer, ref text, declined_since timestamptz,
    restricted boolean)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
BEGIN
    PERFORM set_config('heroic.tenants', ARRAY[p_tenant]::text, true);
    RETURN QUERY
    WITH found AS (
        SELECT e.episode_id AS name, e.*
        FROM episodes e WHERE e.tenant = p_tenant AND e.episode_id = ANY (p_ids)
        UNION ALL
        SELECT e.external_hash, e.*
        FROM episodes e WHERE e.tenant = p_tenant AND e.external_hash = ANY (p_hashes)
    )
    SELECT f.name, f.episode_id, f.client_id, f.age_group, f.opened_at, f.closed_at,
        COALESCE((SELECT s.version FROM streams s
            WHERE s.tenant = p_tenant AND s.stream = 'feedback-' || f.episode_id), 0),
        NULL::text, b.declined_since, COALESCE(b.restricted, false)
    FROM found f
    -- Of most clients there is nothing to know, and two look-ups in small indexes tell.
    CROSS JOIN LATERAL (
        SELECT min(c.measuring_since) FILTER (WHERE c.measuring = 'declined') AS declined_since,
            bool_or(c.restricted) AS restricted
        FROM access_same(p_tenant, f.client_id) AS same(id)
        JOIN access_clients c ON c.tenant = p_tenant AND c.client_id = same.id
        WHERE EXISTS (
            SELECT FROM access_clients o WHERE o.tenant = p_tenant AND o.client_id = f.client_id
                AND (o.alias_of IS NOT NULL OR o.measuring = 'declined' OR o.restricted)
        ) OR EXISTS (
            SELECT FROM access_clients o WHERE o.tenant = p_tenant AND o.alias_of = f.client_id
        )
    ) b
    UNION ALL
    SELECT c.stream, NULL, NULL, NULL, NULL, NULL, c.version, c.ref, NULL, NULL
    FROM streams c WHERE c.tenant = p_tenant AND c.stream = ANY (p_claims);
END
$$;
