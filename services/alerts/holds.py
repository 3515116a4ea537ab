"""Whose data is held back here, mirrored among the clients: the clock has to see a hold begin and
end, and the rules of time of such a client wait."""

from collections.abc import Mapping
from datetime import datetime

import asyncpg

from services.alerts.care_rows import episodes_of, touch
from services.alerts.domain.holding import INSTANT
from services.alerts.rows import Key
from shared.database import Database, driver, worker_session
from shared.purging import no_purge

TENANTS = "SELECT tenant FROM tenants"

# What has the organisation for its key is held back by its stream, and belongs to no client.
HELD = """
SELECT tenant, holder AS client_id, min(since) AS since FROM held
WHERE holder <> stream GROUP BY tenant, holder
"""
MIRRORED = "SELECT tenant, client_id FROM clients WHERE held_since IS NOT NULL"

HOLD = """
INSERT INTO clients (tenant, client_id, held_since)
SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[])
ON CONFLICT (tenant, client_id) DO UPDATE SET held_since = EXCLUDED.held_since
"""
RELEASE = """
UPDATE clients SET held_since = NULL
FROM unnest($1::text[], $2::text[]) AS i(tenant, client_id)
WHERE clients.tenant = i.tenant AND clients.client_id = i.client_id
"""

# Of an episode whose opening waits as well, what waits names the episode in its stream.
PARKED_EPISODES = """
INSERT INTO episodes (tenant, episode_id, client_id)
SELECT DISTINCT p.tenant, substring(p.stream FROM '^(?:episode|feedback|assessment)-(.*)$'),
    p.holder
FROM parked p JOIN unnest($1::text[], $2::text[]) AS i(tenant, client_id)
    ON p.tenant = i.tenant AND p.holder = i.client_id
WHERE p.status = 'parked' AND p.stream ~ '^(episode|feedback|assessment)-'
ON CONFLICT DO NOTHING
"""


async def mirror_holds(database: Database, now: datetime) -> None:
    """Take in which holds have begun and which have ended, and have their episodes looked at."""
    async with worker_session(database) as conn:
        tenants = [row["tenant"] for row in await driver(conn).fetch(TENANTS)]
    async with database.session(*tenants) as conn:
        raw = driver(conn)
        await no_purge(raw, tenants)
        held = {(row[0], row[1]): row[2] for row in await raw.fetch(HELD)}
        mirrored = {(row[0], row[1]) for row in await raw.fetch(MIRRORED)}
        begun = {key: since for key, since in held.items() if key not in mirrored}
        ended = mirrored - held.keys()
        if begun or ended:
            await _take_in(raw, begun, ended, now)


async def _take_in(
    conn: asyncpg.Connection, begun: Mapping[Key, datetime], ended: set[Key], now: datetime
) -> None:
    if begun:
        keys = sorted(begun)
        columns = [key[0] for key in keys], [key[1] for key in keys]
        await conn.execute(HOLD, *columns, [begun[key] for key in keys])
        await conn.execute(PARKED_EPISODES, *columns)
    if ended:
        keys = sorted(ended)
        await conn.execute(RELEASE, [key[0] for key in keys], [key[1] for key in keys])
    episodes = await episodes_of(conn, [*begun, *ended])
    await touch(conn, dict.fromkeys(episodes, now - INSTANT))
