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

# A plan that was kept from when a table was small would be used long after it has grown: a page of
# the stream took 30 s then.
PLANNING = "set_config('plan_cache_mode', 'force_custom_plan', true)"


@asynccontextmanager
async def transaction(
    database: Database, tenants: Sequence[str]
) -> AsyncGenerator[tuple[AsyncConnection, asyncpg.Connection]]:
    """One transaction that sees the rows of `tenants` and no others, and the driver below it.

    Everything in it goes through the driver: SQLAlchemy does not know that it has begun.
    """
    with transient_is_unavailable():
        async with database.engine.connect() as connection:
            conn = await _alive(connection)
            settled = False
            try:
                await conn.execute(begin(tenants))
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


def begin(tenants: Sequence[str]) -> str:
    """The statements that begin a transaction, in one."""
    quoted = array_literal(tenants).replace("'", "''")
    return f"BEGIN; SELECT set_config('{TENANTS_SETTING}', '{quoted}', true), {PLANNING}"


async def _alive(connection: AsyncConnection) -> asyncpg.Connection:
    """The driver's connection; one that was lost while nobody looked is made anew."""
    conn = await _driver(connection)
    if conn.is_closed():
        await connection.invalidate()
        conn = await _driver(connection)
    return conn


async def _driver(connection: AsyncConnection) -> asyncpg.Connection:
    return (await connection.get_raw_connection()).driver_connection
