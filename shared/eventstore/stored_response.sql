-- What an idempotency key of one tenant was used for and what the answer was; no row: not used.
CREATE FUNCTION heroic_stored_response(p_tenant text, p_principal text, p_key text)
RETURNS TABLE (request_hash bytea, status smallint, response bytea)
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM set_config('heroic.tenants', ARRAY[p_tenant]::text, true);
    RETURN QUERY SELECT i.request_hash, i.status, i.response FROM idempotency i
        WHERE i.tenant = p_tenant AND i.principal = p_principal AND i.key = p_key;
END
$$;
