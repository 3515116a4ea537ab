-- The events of some streams of one tenant above version p_after, each stream's in order.
CREATE FUNCTION heroic_read(p_tenant text, p_streams text[], p_after integer)
RETURNS SETOF events
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    PERFORM set_config('heroic.tenants', ARRAY[p_tenant]::text, true);
    RETURN QUERY SELECT e.* FROM events e
        WHERE e.tenant = p_tenant AND e.stream = ANY (p_streams) AND e.version > p_after
        ORDER BY e.stream, e.version;
END
$$;
