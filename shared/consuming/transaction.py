"""The transaction of a batch: as `Database.session`, with fewer round trips.

A worker does little else than begin and end transactions, and each round trip costs it as much
as the statement that it carries.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import (
    TENANTS_SETTING,
    Database,
    array_literal,
    transient_is_unavailable,
)
from shared.errors import Unavailable

COMMITTED = "COMMIT"

PURGE_LOCK = """
SELECT pg_advisory_xact_lock(hashtextextended('purge ' || tenant, 0))
FROM unnest($1::text::text[]) AS t (tenant)
"""
"""Whoever removes what is left of an erased client is alone with the tables of the organisation."""

# A plan that was kept from when a table was small would be used long after it has grown: a page of
# the stream took 30 s then.
PLANNING = "set_config('plan_cache_mode', 'force_custom_plan', true)"


@asynccontextmanager
async def transaction(
    database: Database, tenants: Sequence[str], *, no_purge: bool = False
) -> AsyncGenerator[tuple[AsyncConnection, asyncpg.Connection]]:
    """One transaction that sees the rows of `tenants` and no others, and the driver below it.

    Everything in it goes through the driver: SQLAlchemy does not know that it has begun. With
    `no_purge`, what is left of erased clients of `tenants` is not removed before it has ended.
    """
    with transient_is_unavailable():
        async with database.engine.connect() as connection:
            conn = await _alive(connection)
            settled = False
            try:
                await conn.execute(begin(tenants, no_purge=no_purge))
                try:
                    yield connection, conn
                except Exception:
                    await conn.execute("ROLLBACK")
                    settled = True
                    raise
                # Of a transaction that has failed, it says that it rolled back.
                if await conn.execute("COMMIT") != COMMITTED:
                    raise Unavailable("the transaction had failed before it was committed")
                settled = True
            finally:
                if not settled:
                    await connection.invalidate()


def begin(tenants: Sequence[str], *, no_purge: bool = False) -> str:
    """The statements that begin a transaction, in one."""
    quoted = array_literal(tenants).replace("'", "''")
    first = f"BEGIN; SELECT set_config('{TENANTS_SETTING}', '{quoted}', true), {PLANNING}"
    # A statement of its own: only those after it see what was committed while it waited.
    return f"{first}; {no_purge_of(quoted)}" if no_purge else first


def no_purge_of(tenants: str) -> str:
    """The statement that lets no purge begin, whose lock is the same and not shared; `tenants`
    sorted, so that nobody waits for each other in a circle."""
    return PURGE_LOCK.replace("lock(", "lock_shared(").replace("$1", f"'{tenants}'")


async def _alive(connection: AsyncConnection) -> asyncpg.Connection:
    """The driver's connection; one that was lost while nobody looked is made anew."""
    conn = await _driver(connection)
    if conn.is_closed():
        await connection.invalidate()
        conn = await _driver(connection)
    return conn


async def _driver(connection: AsyncConnection) -> asyncpg.Connection:
    return (await connection.get_raw_connection()).driver_connection
