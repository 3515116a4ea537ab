-- The heads of some streams of one tenant, in one round trip and without a transaction around it.
CREATE FUNCTION heroic_heads(p_tenant text, p_streams text[])
RETURNS TABLE (stream text, version integer, ref text, subject text)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    PERFORM set_config('heroic.tenants', ARRAY[p_tenant]::text, true);
    RETURN QUERY SELECT s.stream, s.version, s.ref, s.subject FROM streams s
        WHERE s.tenant = p_tenant AND s.stream = ANY (p_streams);
END
$$;
