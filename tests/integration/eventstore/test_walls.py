"""Row-level security: the second wall around a tenant."""

import asyncpg
import msgspec
import pytest
from sqlalchemy import text

from shared.database import array_literal, create_database, driver
from shared.errors import Forbidden, Invalid, Unavailable
from shared.eventstore import Write
from shared.ids import new_id
from tests.support.eventstore import Home

COUNT = text("SELECT count(*) FROM events")
READS = """
SELECT coalesce(sum(seq_scan), 0) AS seq_scan, coalesce(sum(idx_tup_fetch), 0) AS idx_tup_fetch
FROM pg_stat_xact_user_tables WHERE relname = 'streams'
"""


async def test_a_transaction_sees_the_tenants_that_it_names_and_no_others(home: Home) -> None:
    other = new_id()
    client = await home.new_client(other)
    await home.store.write(home.write(f"feedback-{new_id()}"))
    append = home.ratings(f"feedback-{new_id()}", tenant=other, client=client)
    await home.store.write(Write(tenant=other, appends=[append]))

    async def count(*tenants: str) -> int:
        async with home.database.session(*tenants) as connection:
            return int((await connection.execute(COUNT)).scalar_one())

    assert await count() == 0
    assert await count(other) == 1
    assert await count(home.tenant) + 1 == await count(home.tenant, other)
    assert await home.store.read(home.tenant, append.stream) == []
    assert await home.store.heads(home.tenant, [append.stream]) == {}
    assert await home.store.heads(other, [append.stream])


async def test_a_row_of_a_tenant_that_was_not_named_is_refused(home: Home) -> None:
    other = new_id()
    client = await home.new_client(other)
    append = home.ratings(f"feedback-{new_id()}", tenant=other, client=client)
    with pytest.raises(Forbidden):
        async with home.database.session(home.tenant) as connection:
            await home.store.write_in(connection, [Write(tenant=other, appends=[append])])
    assert await home.store.read(other, append.stream) == []


async def test_what_one_transaction_named_never_reaches_the_next(home: Home) -> None:
    await home.store.write(home.write(f"feedback-{new_id()}"))
    database = create_database(home.urls.app, pool_size=1)
    for _ in range(3):
        async with database.session(home.tenant) as connection:
            assert (await connection.execute(COUNT)).scalar_one()
        async with database.raw() as raw:
            assert await raw.fetchval("SELECT count(*) FROM events") == 0
            await raw.fetch("SELECT * FROM heroic_heads($1, $2)", home.tenant, ["x"])
            assert await raw.fetchval("SELECT count(*) FROM events") == 0
    await database.dispose()


async def test_the_wall_stands_for_the_owner_too_and_history_cannot_be_changed(home: Home) -> None:
    await home.store.write(home.write(f"feedback-{new_id()}"))
    owner = await asyncpg.connect(home.urls.owner)
    assert await owner.fetchval("SELECT count(*) FROM events") == 0
    await owner.close()
    async with home.database.session(home.tenant) as connection:
        raw = driver(connection)
        for statement in ("UPDATE events SET data = ''", "DELETE FROM events"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with raw.transaction():
                    await raw.execute(statement)


async def test_a_session_belongs_to_one_unit_of_work_and_a_full_pool_says_so(home: Home) -> None:
    database = create_database(home.urls.app, pool_size=1)
    database.engine.pool._timeout = 0.1  # type: ignore[attr-defined]  # not to wait for 5 s
    async with database.session(home.tenant):
        with pytest.raises(Unavailable):
            async with database.session(home.tenant):
                pytest.fail("the pool has one connection")
    await database.dispose()


async def test_nul_is_an_error_of_the_caller(home: Home) -> None:
    write = msgspec.structs.replace(home.write(f"feedback-{new_id()}"), correlation_id="a\0b")
    with pytest.raises(Invalid):
        await home.store.write(write)


def test_odd_tenants_are_quoted() -> None:
    assert array_literal(['a"b', "c\\d", "e,f"]) == '{"a\\"b","c\\\\d","e,f"}'
    assert array_literal([]) == "{}"


async def test_events_has_three_indexes_and_no_more(home: Home) -> None:
    async with home.database.raw() as raw:
        names = await raw.fetch("SELECT indexname FROM pg_indexes WHERE tablename = 'events'")
    assert len(names) == 3


async def test_an_append_reads_the_heads_that_it_names_and_no_others(home: Home) -> None:
    """The wall must not make PostgreSQL look at all rows of a tenant."""
    known = [f"feedback-{new_id()}" for _ in range(300)]
    await home.store.write_many([home.write(stream) for stream in known])
    new = [f"feedback-{new_id()}" for _ in range(3)]
    async with home.database.session(home.tenant) as connection:
        writes = [home.write(*known[:5], expected=1), home.write(*new)]
        # What the connection did a moment ago may still be counted with this transaction.
        before = await driver(connection).fetchrow(READS)
        await home.store.write_in(connection, writes)
        after = await driver(connection).fetchrow(READS)
    assert after["seq_scan"] == before["seq_scan"]
    assert after["idx_tup_fetch"] - before["idx_tup_fetch"] <= 10
