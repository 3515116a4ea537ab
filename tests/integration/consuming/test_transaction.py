"""The transaction of a batch: begun, committed and given up by hand, below SQLAlchemy's eyes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import asyncpg
import pytest

from shared.consuming.transaction import transaction
from shared.database import Database, create_database
from shared.errors import Unavailable
from shared.ids import new_id
from tests.integration.consuming.home import Home
from tests.support.waiting import eventually_async

WRITE = """
INSERT INTO applied (tenant, subject, stream, version, event_id) VALUES ($1, $1, $1, 1, '')
"""
HERE = "SELECT tenant FROM applied ORDER BY tenant"

SETTINGS = """
SELECT current_setting('heroic.tenants', true), current_setting('plan_cache_mode')
"""


Work = Callable[[asyncpg.Connection], Awaitable[object]]


class Stop(Exception):
    """What the one who uses a transaction raises."""


async def stop(_conn: asyncpg.Connection) -> None:
    """Raise it."""
    raise Stop


async def divide(conn: asyncpg.Connection) -> None:
    """What the database refuses."""
    await conn.execute("SELECT 1 / 0")


async def divide_quietly(conn: asyncpg.Connection) -> None:
    """The same, as if nothing had happened."""
    with suppress(asyncpg.DivisionByZeroError):
        await divide(conn)


async def write(database: Database, tenant: str, then: Work) -> None:
    """A row of `tenant`, and what is done then, in one transaction."""
    async with transaction(database, [tenant]) as (_, conn):
        await conn.execute(WRITE, tenant)
        await then(conn)


@pytest.fixture
async def single(home: Home) -> AsyncIterator[Database]:
    """A pool of one connection, so that whoever leaves it unusable is found out."""
    database = create_database(home.urls.app, pool_size=1)
    yield database
    await database.dispose()


async def backend(database: Database) -> int:
    """Which process of the server a transaction meets."""
    async with transaction(database, []) as (_, conn):
        pid: int = await conn.fetchval("SELECT pg_backend_pid()")
        return pid


async def kill_backend(home: Home, pid: int) -> None:
    """Cut the connection from the other end; returns once the server has let go of it."""
    await home.execute("", "SELECT pg_terminate_backend($1)", pid)

    async def gone() -> bool:
        return not await home.rows("SELECT 1 FROM pg_stat_activity WHERE pid = $1", pid)

    await eventually_async(gone)


async def test_what_was_written_is_there_once_it_has_ended_and_not_before(
    home: Home, single: Database
) -> None:
    tenant = new_id()
    async with transaction(single, [tenant]) as (_, conn):
        await conn.execute(WRITE, tenant)
        assert await home.rows(HERE) == []
    assert await home.rows(HERE) == [(tenant,)]


async def test_who_raises_leaves_nothing_behind_and_the_connection_as_it_was(
    home: Home, single: Database
) -> None:
    tenant, pid = new_id(), await backend(single)
    with pytest.raises(Stop):
        await write(single, tenant, stop)
    assert await home.rows(HERE) == []
    assert await backend(single) == pid


async def test_an_error_of_the_database_is_told_as_it_is_and_leaves_nothing_behind(
    home: Home, single: Database
) -> None:
    tenant, pid = new_id(), await backend(single)
    with pytest.raises(asyncpg.DivisionByZeroError):
        await write(single, tenant, divide)
    assert await home.rows(HERE) == []
    assert await backend(single) == pid


async def test_a_transaction_that_has_failed_is_not_taken_for_committed(
    home: Home, single: Database
) -> None:
    """PostgreSQL answers its COMMIT without an error, and rolls back."""
    tenant = new_id()
    with pytest.raises(Unavailable):
        await write(single, tenant, divide_quietly)
    assert await home.rows(HERE) == []
    assert await backend(single)


async def test_who_is_cancelled_leaves_no_transaction_open(home: Home, single: Database) -> None:
    tenant, pid = new_id(), await backend(single)
    written = asyncio.Event()

    async def stay(_conn: asyncpg.Connection) -> None:
        written.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(write(single, tenant, stay))
    await written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async def gone() -> bool:
        return not await home.rows("SELECT 1 FROM pg_stat_activity WHERE pid = $1", pid)

    await eventually_async(gone)
    assert await backend(single) != pid
    assert await home.rows(HERE) == []


async def test_a_connection_that_was_lost_while_nobody_looked_is_made_anew(
    home: Home, single: Database
) -> None:
    async with transaction(single, []) as (_, conn):
        pid = await conn.fetchval("SELECT pg_backend_pid()")
    await kill_backend(home, pid)

    async def noticed() -> bool:
        return bool(conn.is_closed())

    await eventually_async(noticed)
    tenant = new_id()
    async with transaction(single, [tenant]) as (_, conn):
        await conn.execute(WRITE, tenant)
    assert await home.rows(HERE) == [(tenant,)]


@pytest.mark.parametrize("before", ["the work", "the commit"])
async def test_a_connection_lost_under_way_is_unavailable_and_not_used_again(
    home: Home, single: Database, before: str
) -> None:
    tenant, pid = new_id(), await backend(single)

    async def lose(conn: asyncpg.Connection) -> None:
        await kill_backend(home, pid)
        if before == "the work":
            await conn.execute(WRITE, tenant)

    with pytest.raises(Unavailable):
        await write(single, tenant, lose)
    assert await home.rows(HERE) == []
    assert await backend(single) != pid


@pytest.mark.parametrize(
    "tenant",
    ["it's", "'; DROP TABLE applied; --", '"quoted"', "{a,b}", "NULL", "\\", "\\'", "$1", "é\n"],
)
async def test_a_tenant_is_a_name_whatever_is_in_it(
    home: Home, single: Database, tenant: str
) -> None:
    async with transaction(single, [tenant, "other"]) as (_, conn):
        named = await conn.fetchval("SELECT current_setting('heroic.tenants')::text[]")
        await conn.execute(WRITE, tenant)
        assert [row[0] for row in await conn.fetch(HERE)] == [tenant]
    assert named == [tenant, "other"]
    assert await home.rows(HERE) == [(tenant,)]


async def test_it_sees_and_writes_the_rows_of_its_tenants_alone(
    home: Home, single: Database
) -> None:
    mine, theirs = sorted([new_id(), new_id()])
    async with transaction(single, [mine, theirs]) as (_, conn):
        await conn.execute(WRITE, mine)
        await conn.execute(WRITE, theirs)
    async with transaction(single, [mine]) as (_, conn):
        assert [row[0] for row in await conn.fetch(HERE)] == [mine]
    async with transaction(single, []) as (_, conn):
        assert await conn.fetch(HERE) == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with transaction(single, [mine]) as (_, conn):
            await conn.execute(WRITE, theirs)
    assert await home.rows(HERE) == [(mine,), (theirs,)]


@pytest.mark.parametrize("ends", ["well", "badly"])
async def test_its_settings_end_with_it(single: Database, ends: str) -> None:
    async with single.raw() as conn:
        before = tuple(await conn.fetchrow(SETTINGS))
    tenant = new_id()

    async def look(conn: asyncpg.Connection) -> None:
        assert tuple(await conn.fetchrow(SETTINGS)) == (f'{{"{tenant}"}}', "force_custom_plan")
        if ends == "badly":
            raise Stop

    with suppress(Stop):
        await write(single, tenant, look)
    async with single.raw() as conn:
        after = tuple(await conn.fetchrow(SETTINGS))
    assert (before[0] or "", before[1]) == after == ("", "auto")
