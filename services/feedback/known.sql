-- What commands on ratings must know, in one round trip and without a transaction around it: for
-- each of p_ids and p_hashes its episode with the version of its ratings' stream (0: none yet), for
-- each of p_claims who holds it. What is not there is left out.
--
-- Each is a look-up of its own by the whole of a key: joined as sets, the policy of tenants would
-- make them read every row of the tenant.
CREATE FUNCTION feedback_known(
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
    SELECT i.asked, e.episode_id, e.client_id, e.age_group, e.opened_at, e.closed_at,
        COALESCE((SELECT s.version FROM streams s
            WHERE s.tenant = p_tenant AND s.stream = 'feedback-' || e.episode_id), 0),
        NULL::text
    FROM unnest(p_ids) AS i (asked)
    CROSS JOIN LATERAL (
        SELECT * FROM episodes x
        WHERE x.tenant = p_tenant AND x.episode_id = i.asked LIMIT 1) AS e
    UNION ALL
    SELECT h.asked, e.episode_id, e.client_id, e.age_group, e.opened_at, e.closed_at,
        COALESCE((SELECT s.version FROM streams s
            WHERE s.tenant = p_tenant AND s.stream = 'feedback-' || e.episode_id), 0),
        NULL::text
    FROM unnest(p_hashes) AS h (asked)
    CROSS JOIN LATERAL (
        SELECT * FROM episodes x
        WHERE x.tenant = p_tenant AND x.external_hash = h.asked LIMIT 1) AS e
    UNION ALL
    SELECT c.asked, NULL, NULL, NULL, NULL, NULL, 0, s.ref
    FROM unnest(p_claims) AS c (asked)
    CROSS JOIN LATERAL (
        SELECT x.ref FROM streams x
        WHERE x.tenant = p_tenant AND x.stream = c.asked LIMIT 1) AS s;
END
$$;
