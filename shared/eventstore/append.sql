-- Write one batch: for each caller all of it or nothing. Its arrays are parallel by prefix:
-- h_ one entry a stream head, sorted by (tenant, stream) and unique; k_ idempotency keys, sorted and
-- unique; e_ events, those of a stream in the order of their versions. *_caller counts from 1.
--
-- h_expected: version that the head must have; 0: there must be none; -1: any (the claim is given up).
-- h_version: version that it gets.
-- outcome of a caller: 0 written, 1 a head is stale, 2 its key was used for the same request before,
-- 3 its key was used for another request. was, was_ref: the heads as they were.
--
-- Why no order can invert: readers go by (xid, position), so a later event of a stream must carry a
-- later xid. The xid is taken here before any head is read; a head that a later transaction has
-- written since (only a caller who guessed its expected version could pass the check of versions)
-- counts as stale. Heads are locked in (tenant, stream) order, then new ones inserted in that
-- order, then keys: no two batches can wait for each other in a circle.
CREATE FUNCTION heroic_append(
    p_tenants text[], p_recorded_at timestamptz, p_callers integer,
    h_caller integer[], h_tenant text[], h_stream text[], h_expected integer[],
    h_version integer[], h_subject text[], h_ref text[], h_last_id uuid[],
    k_caller integer[], k_tenant text[], k_principal text[], k_key text[], k_hash bytea[],
    k_status smallint[], k_response bytea[],
    e_caller integer[], e_tenant text[], e_stream text[], e_version integer[], e_id uuid[],
    e_type text[], e_subject text[], e_schema_version smallint[], e_correlation_id text[],
    e_causation_id text[], e_traceparent text[], e_data bytea[],
    OUT outcome smallint[], OUT positions bigint[], OUT was integer[], OUT was_ref text[]
)
LANGUAGE plpgsql
-- The plans are always right and never wrong by a guess about the length of an array.
SET plan_cache_mode = force_generic_plan
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
    v_xid xid8;
    v_places tid[];
    v_stale integer[];
    v_row record;
BEGIN
    IF p_tenants IS NOT NULL THEN
        PERFORM set_config('heroic.tenants', p_tenants::text, true);
    END IF;
    v_xid := pg_current_xact_id();
    outcome := array_fill(0::smallint, ARRAY[p_callers]);

    IF cardinality(k_caller) > 0 THEN
        FOR v_row IN
            SELECT k.caller, k.hash = k.known AS same FROM (
                SELECT u.caller, u.hash, (
                    SELECT i.request_hash FROM idempotency i
                    WHERE i.tenant = u.tenant AND i.principal = u.principal AND i.key = u.key
                ) AS known
                FROM unnest(k_caller, k_tenant, k_principal, k_key, k_hash)
                    AS u (caller, tenant, principal, key, hash)
                OFFSET 0
            ) k WHERE k.known IS NOT NULL
        LOOP
            outcome[v_row.caller] := CASE WHEN v_row.same THEN 2 ELSE 3 END;
        END LOOP;
    END IF;

    SELECT array_agg(s.version), array_agg(s.ref), array_agg(s.ctid),
        array_agg(h.caller) FILTER (WHERE NOT CASE h.expected
            WHEN -1 THEN true
            WHEN 0 THEN s.version IS NULL
            ELSE s.version IS NOT DISTINCT FROM h.expected AND s.xid <= v_xid END)
        INTO was, was_ref, v_places, v_stale
        FROM unnest(h_caller, h_tenant, h_stream, h_expected)
            AS h (caller, tenant, stream, expected)
        LEFT JOIN LATERAL (
            SELECT t.version, t.ref, t.xid, t.ctid FROM streams t
            WHERE t.tenant = h.tenant AND t.stream = h.stream FOR UPDATE
        ) s ON true;
    FOR i IN 1 .. coalesce(cardinality(v_stale), 0) LOOP
        IF outcome[v_stale[i]] = 0 THEN
            outcome[v_stale[i]] := 1;
        END IF;
    END LOOP;

    -- By place: the rows are locked, so that they stay where they were found.
    UPDATE streams s SET version = h.version, last_id = h.last_id, xid = v_xid
        FROM unnest(v_places, h_caller, h_expected, h_version, h_last_id)
            AS h (place, caller, expected, version, last_id)
        WHERE s.ctid = h.place AND h.expected > 0 AND outcome[h.caller] = 0;
    IF -1 = ANY (h_expected) THEN
        DELETE FROM streams s
            USING unnest(v_places, h_caller, h_expected) AS h (place, caller, expected)
            WHERE s.ctid = h.place AND h.expected = -1 AND outcome[h.caller] = 0;
    END IF;
    IF 0 = ANY (h_expected) THEN
        INSERT INTO streams (tenant, stream, version, subject, ref, last_id, xid)
            SELECT h.tenant, h.stream, h.version, h.subject, h.ref, h.last_id, v_xid
            FROM unnest(h_caller, h_tenant, h_stream, h_expected, h_version, h_subject, h_ref,
                    h_last_id)
                AS h (caller, tenant, stream, expected, version, subject, ref, last_id)
            WHERE h.expected = 0 AND outcome[h.caller] = 0;
    END IF;

    IF cardinality(k_caller) > 0 THEN
        INSERT INTO idempotency
            (tenant, principal, key, request_hash, status, response, recorded_at)
            SELECT k.tenant, k.principal, k.key, k.hash, k.status, k.response, p_recorded_at
            FROM unnest(k_caller, k_tenant, k_principal, k_key, k_hash, k_status, k_response)
                AS k (caller, tenant, principal, key, hash, status, response)
            WHERE outcome[k.caller] = 0;
    END IF;

    WITH written AS (
        INSERT INTO events (tenant, stream, version, xid, id, type, subject, schema_version,
                recorded_at, correlation_id, causation_id, traceparent, data)
            SELECT e.tenant, e.stream, e.version, v_xid, e.id, e.type, e.subject,
                e.schema_version, p_recorded_at, e.correlation_id, e.causation_id,
                e.traceparent, e.data
            FROM unnest(e_caller, e_tenant, e_stream, e_version, e_id, e_type, e_subject,
                    e_schema_version, e_correlation_id, e_causation_id, e_traceparent, e_data)
                AS e (caller, tenant, stream, version, id, type, subject, schema_version,
                    correlation_id, causation_id, traceparent, data)
            WHERE outcome[e.caller] = 0
            RETURNING position
    )
    SELECT array_agg(w.position) INTO positions FROM written w;

    IF positions IS NOT NULL THEN
        PERFORM pg_notify('heroic_events', v_xid::text);
    END IF;
END
$$;
