-- What commands on ratings must know, in one round trip and without a transaction around it: for
-- each of p_ids and p_hashes its episode with the version of its ratings' stream (0: none yet), for
-- each of p_claims who holds it. What is not there is left out. A stream of the organisation that
-- is no claim may stand among p_claims too: it comes with its version.
--
-- Every index is entered by the whole of its key; no other plan is allowed, since under the policy
-- of tenants it would read every row of the tenant.
CREATE OR REPLACE FUNCTION feedback_known(
    p_tenant text, p_ids text[], p_hashes text[], p_claims text[])
RETURNS TABLE (
    asked text, episode_id text, client_id text, age_group text, opened_at timestamptz,
    closed_at timestamptz, version integer, ref text)
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
    SELECT e.episode_id, e.episode_id, e.client_id, e.age_group, e.opened_at, e.closed_at,
        COALESCE((SELECT s.version FROM streams s
            WHERE s.tenant = p_tenant AND s.stream = 'feedback-' || e.episode_id), 0),
        NULL::text
    FROM episodes e WHERE e.tenant = p_tenant AND e.episode_id = ANY (p_ids)
    UNION ALL
    SELECT e.external_hash, e.episode_id, e.client_id, e.age_group, e.opened_at, e.closed_at,
        COALESCE((SELECT s.version FROM streams s
            WHERE s.tenant = p_tenant AND s.stream = 'feedback-' || e.episode_id), 0),
        NULL::text
    FROM episodes e WHERE e.tenant = p_tenant AND e.external_hash = ANY (p_hashes)
    UNION ALL
    SELECT c.stream, NULL, NULL, NULL, NULL, NULL, c.version, c.ref
    FROM streams c WHERE c.tenant = p_tenant AND c.stream = ANY (p_claims);
END
$$;
