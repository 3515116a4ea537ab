"""What a rebuild reads and writes: versions of the projection, and clients a chunk at a time."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from services.outcomes import rows
from services.outcomes.domain.standards import Definitions
from services.outcomes.domain.state import ClientState, pack
from services.outcomes.domain.summary import summarise
from services.outcomes.library import Library
from services.outcomes.queries import fold_events, open_records
from services.outcomes.rows import ClientKey, Packed, SummaryRow
from shared.database import driver
from shared.errors import NotFound
from shared.privacy import Keyring
from shared.purging import living

LIST = """
SELECT p.version, p.status, p.started_at,
    (SELECT count(*) FROM views AS v WHERE v.projection = p.version)
FROM projections AS p ORDER BY p.version
"""
BUILDING = "SELECT version FROM projections WHERE status = 'building'"
BEGIN = """
INSERT INTO projections (version, status)
SELECT max(version) + 1, 'building' FROM projections RETURNING version
"""
# Whom the new version still lacks, in order.
LACKING = """
SELECT v.tenant, v.client_id FROM views AS v
WHERE v.projection = $1 AND (v.tenant, v.client_id) > ($3, $4) AND NOT EXISTS (
    SELECT FROM views AS n
    WHERE n.tenant = v.tenant AND n.projection = $2 AND n.client_id = v.client_id
)
ORDER BY v.tenant, v.client_id LIMIT $5
"""
EVERYBODY = """
SELECT tenant, client_id FROM views WHERE projection = $1 AND (tenant, client_id) > ($2, $3)
ORDER BY tenant, client_id LIMIT $4
"""
SINCE = "SELECT since::text FROM projections WHERE version = $1"
HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text"
CHANGED = """
SELECT DISTINCT c.tenant, u.client_id
FROM view_changes AS c CROSS JOIN LATERAL unnest(c.client_ids) AS u (client_id)
WHERE c.xid >= $1::text::xid8
"""
CAUGHT_UP = "UPDATE projections SET since = $2::text::xid8 WHERE version = $1"
JOURNAL = f"""
SELECT k.tenant, k.client_id, j.record
FROM {rows.unnest(rows.KEY, 1)} AS k (tenant, client_id)
CROSS JOIN LATERAL (
    SELECT record FROM journal WHERE tenant = k.tenant AND client_id = k.client_id
    ORDER BY stream, version LIMIT 1000000
) AS j
"""  # noqa: S608 - made of types that stand in rows.py
WRITE_VIEWS = f"""
INSERT INTO views (tenant, projection, client_id, row_version, state)
SELECT k.tenant, $1, k.client_id, k.row_version, k.state
FROM {rows.unnest(rows.STATE, 2)}
    AS k (tenant, client_id, row_version, state)
ON CONFLICT (tenant, projection, client_id)
DO UPDATE SET row_version = excluded.row_version, state = excluded.state
"""  # noqa: S608 - made of types that stand in rows.py
# Conflicts with every writer of the table and with no reader.
HOLD_WRITERS = "LOCK TABLE views IN SHARE ROW EXCLUSIVE MODE"
RETIRE = "UPDATE projections SET status = 'retired' WHERE status = 'live'"
GO_LIVE = "UPDATE projections SET status = 'live' WHERE version = $1 AND status = 'building'"
RETIRED = "SELECT version FROM projections WHERE status = 'retired'"
SWEEP = """
DELETE FROM {table} WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM {table} WHERE projection = $1 LIMIT 1000
))
"""
FORGET = "DELETE FROM projections WHERE version = $1"


class Projection(NamedTuple):
    """A version of the projection: `status` is live, building or retired."""

    version: int
    status: str
    started_at: datetime
    clients: int


class Built(NamedTuple):
    """What the journal says of one client; `row_version` is that of the live row beside it,
    `definitions` are those of the organisation."""

    row_version: int
    state: ClientState
    definitions: Definitions


async def list_versions(conn: AsyncConnection) -> list[Projection]:
    """Every version, oldest first."""
    return [Projection(*row) for row in await driver(conn).fetch(LIST)]


async def begin_or_resume(conn: AsyncConnection) -> int:
    """The version that is being built, a new one unless there is one already."""
    version: int | None = await driver(conn).fetchval(BUILDING)
    return version if version is not None else int(await driver(conn).fetchval(BEGIN))


async def lacking(
    conn: AsyncConnection, version: int, after: ClientKey, limit: int
) -> list[ClientKey]:
    """Clients whom `version` lacks and the live one has, in order."""
    live = await rows.live_version(conn)
    found = await driver(conn).fetch(LACKING, live, version, *after, limit)
    return [(row[0], row[1]) for row in found]


async def everybody(
    conn: AsyncConnection, version: int, after: ClientKey, limit: int
) -> list[ClientKey]:
    """The clients of `version`, in order."""
    found = await driver(conn).fetch(EVERYBODY, version, *after, limit)
    return [(row[0], row[1]) for row in found]


async def horizon(conn: AsyncConnection) -> str:
    """Below this transaction id everything is committed or never will be."""
    found: str = await driver(conn).fetchval(HORIZON)
    return found


async def changed(conn: AsyncConnection, version: int) -> list[ClientKey]:
    """Who changed since `version` caught up last; NotFound where there is no such version."""
    since = await driver(conn).fetchval(SINCE, version)
    if since is None:
        raise NotFound("There is no such version.")
    return sorted((row[0], row[1]) for row in await driver(conn).fetch(CHANGED, since))


async def caught_up(conn: AsyncConnection, version: int, until: str) -> None:
    """`version` holds everything below the transaction id `until`."""
    await driver(conn).execute(CAUGHT_UP, version, until)


async def build(
    conn: AsyncConnection, keyring: Keyring, keys: Sequence[ClientKey]
) -> dict[ClientKey, Built]:
    """Fold the journals of these clients."""
    # The row first: an event that comes in between is in the fold, and the client is among those
    # who changed and are built again.
    live = await rows.load_views(conn, await rows.live_version(conn), keys)
    found = await driver(conn).fetch(JOURNAL, *rows.columns(keys, rows.KEY))
    events = await open_records([row[2] for row in found], keyring)
    shelf = await Library(keyring).look(conn, {tenant for tenant, _ in keys})
    by_client: dict[ClientKey, list[int]] = defaultdict(list)
    for number, row in enumerate(found):
        by_client[row[0], row[1]].append(number)
    return {
        key: Built(
            live[key].row_version,
            fold_events([events[n] for n in by_client[key]]),
            shelf.standards[key[0]].definitions,
        )
        for key in keys
        if key in live
    }


async def write(conn: AsyncConnection, version: int, built: Mapping[ClientKey, Built]) -> None:
    """Write what was built as rows of `version`, of those who are not erased."""
    alive = await living(driver(conn), built.keys())
    built = {key: one for key, one in built.items() if key in alive}
    views = [(*key, one.row_version, pack(one.state)) for key, one in sorted(built.items())]
    await driver(conn).execute(WRITE_VIEWS, version, *rows.columns(views, rows.STATE))
    await rows.save_summaries(conn, version, summaries_of(built))


def summaries_of(built: Mapping[ClientKey, Built]) -> list[SummaryRow]:
    """Every summary of these clients, in order of the keys."""
    found = [
        SummaryRow(*key, summary)
        for key, one in built.items()
        for episode_id in one.state.said
        for summary in summarise(one.state, episode_id, one.definitions)
    ]
    return sorted(found, key=lambda row: (row.tenant, row.client_id, row.summary.series_id))


async def stored(
    conn: AsyncConnection, version: int, keys: Sequence[ClientKey]
) -> dict[ClientKey, Packed]:
    """The views of `version`."""
    return await rows.load_views(conn, version, keys)


async def hold_writers(conn: AsyncConnection) -> None:
    """Keep writers of views waiting until this transaction is over."""
    await driver(conn).execute(HOLD_WRITERS)


async def go_live(conn: AsyncConnection, version: int) -> None:
    """Let everybody read `version`; NotFound where it is not being built."""
    await driver(conn).execute(RETIRE)
    if await driver(conn).execute(GO_LIVE, version) != "UPDATE 1":
        raise NotFound("No such version is being built.")


async def sweep(conn: AsyncConnection) -> bool:
    """Delete some rows of retired versions; whether there may be more."""
    for (version,) in await driver(conn).fetch(RETIRED):
        for table in ("summaries", "views"):
            done = await driver(conn).execute(SWEEP.format(table=table), version)
            if done != "DELETE 0":
                return True
        await driver(conn).execute(FORGET, version)
    return False
